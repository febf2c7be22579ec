// grpc_stream_client COMMAND --address unix:PATH --count N --bytes N
// [--target TARGET]: streams of grpc.testing.TestService with a stock gRPC
// client, from a plain server or, with a target, through ramet's front door.
// The commands are ramet_bench's: stream, behind-stream. Prints JSON.
#include <grpcpp/grpcpp.h>
#include <stdio.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "bench/arguments.h"
#include "bench/samples.h"
#include "tests/interop/test.grpc.pb.h"

namespace ramet::bench {
namespace {

using grpc::testing::Empty;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingInputCallResponse;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;

constexpr int kWarmUp = 200;

class Client {
 public:
  explicit Client(const Arguments& arguments)
      : arguments_(arguments),
        stub_(grpc::testing::TestService::NewStub(grpc::CreateChannel(
            arguments.Text("address"), grpc::InsecureChannelCredentials()))) {}

  // Receives `count` messages; returns how many seconds that took.
  double Receive(int count, int bytes) {
    StreamingOutputCallRequest request;
    for (int i = 0; i < count; ++i) {
      request.add_response_parameters()->set_size(bytes);
    }
    const auto begin = std::chrono::steady_clock::now();
    grpc::ClientContext context;
    Prepare(&context);
    const auto replies = stub_->StreamingOutputCall(&context, request);
    StreamingOutputCallResponse reply;
    int received = 0;
    while (replies->Read(&reply)) ++received;
    const std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - begin;
    Check(replies->Finish(), received == count);
    return seconds.count();
  }

  // Sends as many.
  double Send(int count, int bytes) {
    StreamingInputCallRequest request;
    request.mutable_payload()->set_body(std::string(bytes, 'x'));
    const auto begin = std::chrono::steady_clock::now();
    grpc::ClientContext context;
    Prepare(&context);
    StreamingInputCallResponse reply;
    const auto requests = stub_->StreamingInputCall(&context, &reply);
    for (int i = 0; i < count && requests->Write(request); ++i) {
    }
    requests->WritesDone();
    const grpc::Status status = requests->Finish();
    const std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - begin;
    Check(status, reply.aggregated_payload_size() ==
                      static_cast<int64_t>(count) * bytes);
    return seconds.count();
  }

  void CallEmpty() {
    grpc::ClientContext context;
    Prepare(&context);
    Empty reply;
    Check(stub_->EmptyCall(&context, Empty(), &reply), true);
  }

 private:
  void Prepare(grpc::ClientContext* context) {
    if (arguments_.Has("target")) {
      context->AddMetadata("ramet-target", arguments_.Text("target"));
    }
    context->set_wait_for_ready(true);
  }

  static void Check(const grpc::Status& status, bool complete) {
    if (status.ok() && complete) return;
    fprintf(stderr, "grpc_stream_client: a call failed: %s\n",
            complete ? status.error_message().c_str() : "messages are missing");
    exit(1);
  }

  const Arguments& arguments_;
  const std::unique_ptr<grpc::testing::TestService::Stub> stub_;
};

std::string Rates(int count, int bytes, double seconds) {
  char text[128];
  snprintf(text, sizeof text,
           "{\"messages_per_s\": %.0f, \"megabytes_per_s\": %.1f}",
           count / seconds, 1e-6 * count * bytes / seconds);
  return text;
}

void MeasureStreams(Client* client, int count, int bytes) {
  client->Send(kWarmUp, bytes);
  const std::string down = Rates(count, bytes, client->Receive(count, bytes));
  const std::string up = Rates(count, bytes, client->Send(count, bytes));
  printf("{\"down\": %s, \"up\": %s}\n", down.c_str(), up.c_str());
}

void MeasureCallsBehindStream(Client* client, int count, int bytes) {
  std::atomic<bool> over{false};
  double seconds = 0;
  std::thread receiver([&] {
    seconds = client->Receive(count, bytes);
    over.store(true);
  });
  Samples samples(1 << 16);
  while (!over.load()) {
    samples.Time([&] {
      client->CallEmpty();
      return true;
    });
  }
  receiver.join();
  printf("{\"small\": %s, \"stream\": %s}\n", samples.ToJson().c_str(),
         Rates(count, bytes, seconds).c_str());
}

}  // namespace
}  // namespace ramet::bench

int main(int argc, char** argv) {
  const ramet::bench::Arguments arguments(argc, argv);
  ramet::bench::Client client(arguments);
  const int count = arguments.Number("count");
  const int bytes = arguments.Number("bytes");
  client.Receive(ramet::bench::kWarmUp, bytes);
  if (arguments.command() == "stream") {
    ramet::bench::MeasureStreams(&client, count, bytes);
  } else if (arguments.command() == "behind-stream") {
    ramet::bench::MeasureCallsBehindStream(&client, count, bytes);
  } else {
    fprintf(stderr, "grpc_stream_client: unknown command %s\n",
            arguments.command().c_str());
    return 2;
  }
  return 0;
}
