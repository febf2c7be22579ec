#include <stdio.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "bench/process_memory.h"
#include "bench/ramet_commands.h"
#include "bench/samples.h"
#include "bench/session.h"
#include "tests/interop/test.ramet.h"

namespace ramet::bench {
namespace {

using grpc::testing::Empty;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;
using grpc::testing::TestServiceStub;

constexpr int kWarmUp = 200;

StreamingOutputCallRequest RepliesOf(int count, int bytes) {
  StreamingOutputCallRequest request;
  for (int i = 0; i < count; ++i) {
    request.add_response_parameters()->set_size(bytes);
  }
  return request;
}

// Receives `count` messages; returns how many seconds that took.
double Receive(TestServiceStub* service, int count, int bytes) {
  const StreamingOutputCallRequest request = RepliesOf(count, bytes);
  const auto begin = std::chrono::steady_clock::now();
  auto replies = service->StreamingOutputCall(request);
  StreamingOutputCallResponse reply;
  int received = 0;
  while (replies.Read(&reply)) ++received;
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - begin;
  CheckOk(replies.Finish(), "a stream of replies failed");
  if (received != count) {
    CheckOk(absl::DataLossError("replies are missing"), "a stream");
  }
  return seconds.count();
}

// Sends as many.
double Send(TestServiceStub* service, int count, int bytes) {
  StreamingInputCallRequest request;
  request.mutable_payload()->set_body(std::string(bytes, 'x'));
  const auto begin = std::chrono::steady_clock::now();
  auto requests = service->StreamingInputCall();
  for (int i = 0; i < count && requests.Write(request); ++i) {
  }
  const auto reply = requests.Finish();
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - begin;
  CheckOk(reply.status(), "a stream of requests failed");
  if (reply->aggregated_payload_size() != static_cast<int64_t>(count) * bytes) {
    CheckOk(absl::DataLossError("requests are missing"), "a stream");
  }
  return seconds.count();
}

std::string Rates(int count, int bytes, double seconds) {
  char text[128];
  snprintf(text, sizeof text,
           "{\"messages_per_s\": %.0f, \"megabytes_per_s\": %.1f}",
           count / seconds, 1e-6 * count * bytes / seconds);
  return text;
}

void CallEmpty(TestServiceStub* service) {
  CheckOk(service->EmptyCall(Empty()).status(), "a call failed");
}

}  // namespace

void MeasureStreams(const Arguments& arguments) {
  Session session(arguments);
  TestServiceStub service(session.Connect());
  const int count = arguments.Number("count");
  const int bytes = arguments.Number("bytes");
  Receive(&service, kWarmUp, bytes);
  Send(&service, kWarmUp, bytes);
  const std::string down = Rates(count, bytes, Receive(&service, count, bytes));
  const std::string up = Rates(count, bytes, Send(&service, count, bytes));
  printf("{\"down\": %s, \"up\": %s}\n", down.c_str(), up.c_str());
}

void MeasureCallsBehindStream(const Arguments& arguments) {
  Session session(arguments);
  TestServiceStub service(session.Connect());
  const int count = arguments.Number("count");
  const int bytes = arguments.Number("bytes");
  Receive(&service, kWarmUp, bytes);
  const MemoryGrowth growth(FindChain(session.master(), session.target()));
  std::atomic<bool> over{false};
  double seconds = 0;
  std::thread receiver([&, stream_service = service]() mutable {
    seconds = Receive(&stream_service, count, bytes);
    over.store(true);
  });
  Samples samples(1 << 16);
  while (!over.load()) {
    samples.Time([&] {
      CallEmpty(&service);
      return true;
    });
  }
  receiver.join();
  printf("{\"small\": %s, \"stream\": %s, \"growth\": %s}\n",
         samples.ToJson().c_str(), Rates(count, bytes, seconds).c_str(),
         growth.ToJson().c_str());
}

void MeasureStoppedReader(const Arguments& arguments) {
  Session session(arguments);
  TestServiceStub service(session.Connect());
  const int bytes = arguments.Number("bytes");
  Receive(&service, 1, bytes);
  Send(&service, 1, bytes);
  const ChainProcesses chain = FindChain(session.master(), session.target());
  const MemoryGrowth growth(chain);
  // Far more than any window: whoever does not hold it back keeps it.
  const int count = arguments.Number("count");
  auto replies = service.StreamingOutputCall(RepliesOf(count, bytes));
  // As long as that many take when they are read.
  TestServiceStub reading(service);
  Receive(&reading, count, bytes);
  printf("%s\n", growth.ToJson().c_str());
  replies.Cancel();
}

}  // namespace ramet::bench
