#include <stdio.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <string>
#include <thread>

#include "bench/ramet_commands.h"
#include "bench/samples.h"
#include "bench/session.h"

namespace ramet::bench {
namespace {

using demo::v1::GreeterStub;
using demo::v1::HelloReply;
using demo::v1::HelloRequest;

constexpr int kWarmUp = 500;

HelloRequest Request(size_t name_bytes) {
  HelloRequest request;
  request.set_name(std::string(name_bytes, 'x'));
  return request;
}

void CallMany(GreeterStub* greeter, const HelloRequest& request, int count,
              Samples* samples) {
  for (int i = 0; i < count; ++i) {
    CheckOk(samples->Time([&] { return greeter->SayHello(request); }).status(),
            "a call failed");
  }
}

// Keeps `window` calls in flight until `more` says that it is enough.
template <typename More>
void Pipeline(GreeterStub* greeter, const HelloRequest& request, size_t window,
              More more) {
  std::deque<stub::PendingCall<HelloReply>> pending;
  for (bool starting = true; starting || !pending.empty();) {
    starting = starting && more();
    if (starting) pending.push_back(greeter->StartSayHello(request));
    if (pending.size() == window || (!starting && !pending.empty())) {
      CheckOk(pending.front().Wait().status(), "a call failed");
      pending.pop_front();
    }
  }
}

}  // namespace

void MeasureCalls(const Arguments& arguments) {
  Session session(arguments);
  GreeterStub greeter = session.ConnectGreeter();
  const HelloRequest request = Request(8);
  Samples ignored(kWarmUp);
  CallMany(&greeter, request, kWarmUp, &ignored);
  const int count = arguments.Number("count");
  Samples samples(count);
  CallMany(&greeter, request, count, &samples);
  printf("%s\n", samples.ToJson().c_str());
}

void MeasurePipeline(const Arguments& arguments) {
  Session session(arguments);
  GreeterStub greeter = session.ConnectGreeter();
  const size_t window = arguments.Number("window");
  const int count = arguments.Number("count");
  const int bytes = arguments.Number("bytes");
  const HelloRequest request = Request(bytes);
  int left = std::min(count, kWarmUp);
  Pipeline(&greeter, request, window, [&] { return left-- > 0; });
  left = count;
  const auto begin = std::chrono::steady_clock::now();
  Pipeline(&greeter, request, window, [&] { return left-- > 0; });
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  printf("{\"calls_per_s\": %.0f, \"megabytes_per_s\": %.1f}\n",
         count / seconds, 1e-6 * count * bytes / seconds);
}

void MeasureCallsBehindBulk(const Arguments& arguments) {
  Session session(arguments);
  GreeterStub greeter = session.ConnectGreeter();
  const size_t window = arguments.Number("window");
  const HelloRequest bulk = Request(arguments.Number("bytes"));
  std::atomic<bool> over{false};
  std::atomic<int> started{0};
  std::thread sender([&] {
    GreeterStub other = greeter;
    Pipeline(&other, bulk, window, [&] {
      ++started;
      return !over.load();
    });
  });
  while (started.load() < static_cast<int>(2 * window)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const int count = arguments.Number("count");
  Samples samples(count);
  const int started_before = started.load();
  const auto begin = std::chrono::steady_clock::now();
  CallMany(&greeter, Request(8), count, &samples);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  const int bulk_calls = started.load() - started_before;
  over.store(true);
  sender.join();
  // How much bulk there really was: none would make the small calls shine.
  printf("{\"small\": %s, \"bulk_megabytes_per_s\": %.1f}\n",
         samples.ToJson().c_str(),
         1e-6 * bulk_calls * bulk.name().size() / seconds);
}

}  // namespace ramet::bench
