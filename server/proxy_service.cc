#include "server/proxy_service.h"

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "stub/call_options.h"

namespace ramet::server {
namespace {

constexpr char kTargetKey[] = "ramet-target";

// gRPC sends a status's text in HTTP/2 headers, of which a stock client takes
// 8 KiB, percent-encoded and with everything else; a longer text would turn
// the real error into one about headers. Clients that take more say how much.
constexpr char kMaxTextKey[] = "ramet-max-error-bytes";
constexpr size_t kDefaultMaxTextBytes = 4096;

bool IsOwnKey(absl::string_view key) {
  return absl::StartsWith(key, ":") || absl::StartsWith(key, "grpc-") ||
         absl::StartsWith(key, "ramet-") || key == "user-agent" ||
         key == "content-type" || key == "te";
}

std::string Flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

std::string Find(const grpc::GenericCallbackServerContext& context,
                 const char* key) {
  const auto it = context.client_metadata().find(key);
  if (it == context.client_metadata().end()) return std::string();
  return std::string(it->second.data(), it->second.size());
}

}  // namespace

// One call. gRPC's reactor lives until OnDone; the master's answer may come
// later, so what both touch is shared.
class ProxyService::Call final : public grpc::ServerGenericBidiReactor {
 public:
  Call(ProxyService* service, grpc::GenericCallbackServerContext* context)
      : service_(service), context_(context), state_(new State()) {
    StartRead(&request_);
  }

 private:
  struct State {
    // True for exactly one caller, who must then finish the reactor; until it
    // does, the reactor is alive.
    bool ClaimFinish() {
      absl::MutexLock lock(&mutex);
      return !std::exchange(finished, true);
    }

    absl::Mutex mutex;
    bool finished ABSL_GUARDED_BY(mutex) = false;
    bool cancelled ABSL_GUARDED_BY(mutex) = false;
    Master::CancelFunction cancel ABSL_GUARDED_BY(mutex);
  };

  void OnReadDone(bool ok) override {
    if (!forwarded_ && ok) {
      forwarded_ = true;
      StartRead(&more_);
      Forward();
    } else if (!forwarded_) {
      Fail(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                        "a call without a message"));
    } else if (ok) {
      Fail(grpc::Status(grpc::StatusCode::UNIMPLEMENTED,
                        "client streaming is not served"));
    }
  }

  void Forward() {
    const std::string target = Find(*context_, kTargetKey);
    if (target.empty()) {
      Fail(grpc::Status(
          grpc::StatusCode::INVALID_ARGUMENT,
          absl::StrCat("metadata ", kTargetKey, " must say which context ",
                       context_->method(), " is for, for example ssh:web1")));
      return;
    }
    stub::CallOptions options;
    const auto deadline = context_->deadline();
    if (deadline != std::chrono::system_clock::time_point::max()) {
      options.deadline = absl::FromChrono(deadline);
    }
    for (const auto& [key, value] : context_->client_metadata()) {
      if (!IsOwnKey(absl::string_view(key.data(), key.size()))) {
        options.metadata.emplace_back(std::string(key.data(), key.size()),
                                      std::string(value.data(), value.size()));
      }
    }
    Master::CancelFunction cancel = service_->master_->StartCall(
        target, service_->connect_, context_->method(), Flatten(request_),
        options, [this, state = state_](CallReply reply) {
          if (state->ClaimFinish()) Answer(std::move(reply));
        });
    absl::MutexLock lock(&state_->mutex);
    if (state_->cancelled) {
      cancel();
    } else {
      state_->cancel = std::move(cancel);
    }
  }

  // After ClaimFinish only.
  void Answer(CallReply reply) {
    for (const core::Metadata& pair : reply.trailing_metadata) {
      context_->AddTrailingMetadata(pair.key, pair.value);
    }
    if (!reply.status.ok()) {
      Finish(grpc::Status(static_cast<grpc::StatusCode>(reply.status.code()),
                          Shorten(reply.status.message()), reply.details));
      return;
    }
    grpc::Slice slice(reply.message);
    reply_ = grpc::ByteBuffer(&slice, 1);
    StartWriteAndFinish(&reply_, grpc::WriteOptions(), grpc::Status::OK);
  }

  void Fail(const grpc::Status& status) {
    if (state_->ClaimFinish()) Finish(status);
  }

  std::string Shorten(absl::string_view text) const {
    size_t limit = kDefaultMaxTextBytes;
    const std::string wish = Find(*context_, kMaxTextKey);
    uint32_t wished = 0;
    if (absl::SimpleAtoi(wish, &wished)) limit = wished;
    if (text.size() <= limit) return std::string(text);
    return absl::StrCat(text.substr(0, limit), "... (", text.size(), " bytes)");
  }

  void OnCancel() override {
    Master::CancelFunction cancel;
    {
      absl::MutexLock lock(&state_->mutex);
      state_->cancelled = true;
      cancel = std::move(state_->cancel);
      state_->cancel = nullptr;
    }
    if (cancel) cancel();
    Fail(grpc::Status::CANCELLED);
  }

  void OnDone() override { delete this; }

  ProxyService* const service_;
  grpc::GenericCallbackServerContext* const context_;
  const std::shared_ptr<State> state_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer more_;
  grpc::ByteBuffer reply_;
  bool forwarded_ = false;
};

grpc::ServerGenericBidiReactor* ProxyService::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new Call(this, context);
}

}  // namespace ramet::server
