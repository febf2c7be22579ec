#include "server/proxy_service.h"

#include <algorithm>
#include <utility>

#include "absl/synchronization/mutex.h"

namespace ramet::server {
namespace {

// Events are short: they post to the loop, which does the work.
constexpr unsigned kMaxThreads = 4;

}  // namespace

ProxyService::ProxyService(Master* master, ConnectOptions connect,
                           const Gatekeeper* gatekeeper, ChainSequencer* chains,
                           grpc::ServerBuilder* builder) {
  door_.master = master;
  door_.connect = std::move(connect);
  door_.gatekeeper = gatekeeper;
  door_.chains = chains;
  door_.queue = builder->AddCompletionQueue();
  builder->RegisterAsyncGenericService(&door_.service);
}

ProxyService::~ProxyService() {
  {
    // Nothing may be started on a queue that is shut down.
    absl::MutexLock lock(&door_.mutex);
    door_.mutex.Await(absl::Condition(
        +[](int* live) { return *live == 0; }, &door_.live));
  }
  door_.queue->Shutdown();
  for (std::thread& thread : threads_) thread.join();
}

void ProxyService::Start() {
  const unsigned threads =
      std::clamp(std::thread::hardware_concurrency() / 2, 1u, kMaxThreads);
  for (unsigned i = 0; i < threads; ++i) {
    ProxyCall::Request(&door_);
    threads_.emplace_back([this] { Work(); });
  }
}

void ProxyService::Work() {
  void* tag = nullptr;
  bool ok = false;
  while (door_.queue->Next(&tag, &ok)) ProxyCall::OnEvent(tag, ok);
}

}  // namespace ramet::server
