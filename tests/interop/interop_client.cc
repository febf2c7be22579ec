// interop_client ADDRESS [TARGET]: runs gRPC's interoperability cases with
// stock stubs and prints a line for each: "CASE passed", "CASE failed: WHY" or
// "CASE skipped: WHY". TARGET is the metadata ramet-target of every call.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <stdio.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/interop/message_flags.h"
#include "tests/interop/test.grpc.pb.h"

namespace ramet::interop {
namespace {

using grpc::Status;
using grpc::StatusCode;
using grpc::testing::Empty;
using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingInputCallResponse;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;
using grpc::testing::TestService;
using grpc::testing::UnimplementedService;

constexpr int kLargeRequestBytes = 271828;
constexpr int kLargeReplyBytes = 314159;
constexpr int kRequestBytes[] = {27182, 8, 1828, 45904};
constexpr int kReplyBytes[] = {31415, 9, 2653, 58979};
// No case takes that long: one that hangs fails.
constexpr std::chrono::seconds kHang(20);

struct Failed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void Expect(bool holds, const std::string& what) {
  if (!holds) throw Failed(what);
}

template <typename A, typename B>
void ExpectEqual(const A& expected, const B& actual, const std::string& what) {
  Expect(expected == actual, what + ": not " + std::to_string(expected) +
                                 " but " + std::to_string(actual));
}

void ExpectOk(const Status& status) {
  Expect(status.ok(), "status " + std::to_string(status.error_code()) + ", " +
                          status.error_message());
}

void ExpectCode(StatusCode code, const Status& status) {
  Expect(status.error_code() == code,
         "status " + std::to_string(status.error_code()) + " instead of " +
             std::to_string(code) + ", " + status.error_message());
}

void ExpectZeros(int bytes, const grpc::testing::Payload& payload) {
  ExpectEqual(bytes, static_cast<int>(payload.body().size()), "payload bytes");
  Expect(payload.body() == std::string(bytes, '\0'), "the payload's content");
}

SimpleRequest LargeRequest() {
  SimpleRequest request;
  request.set_response_size(kLargeReplyBytes);
  request.mutable_payload()->set_body(std::string(kLargeRequestBytes, '\0'));
  return request;
}

StreamingInputCallRequest Input(int bytes) {
  StreamingInputCallRequest request;
  request.mutable_payload()->set_body(std::string(bytes, '\0'));
  return request;
}

StreamingOutputCallRequest PingPong(int index) {
  StreamingOutputCallRequest request;
  request.add_response_parameters()->set_size(kReplyBytes[index]);
  request.mutable_payload()->set_body(std::string(kRequestBytes[index], '\0'));
  return request;
}

class Cases {
 public:
  Cases(const std::string& address, std::string target)
      : target_(std::move(target)),
        channel_(
            grpc::CreateChannel(address, grpc::InsecureChannelCredentials())),
        stub_(TestService::NewStub(channel_)) {}

  int RunAll() {
    Run("empty_unary", &Cases::EmptyUnary);
    Run("large_unary", &Cases::LargeUnary);
    Run("client_compressed_unary", &Cases::ClientCompressedUnary);
    Run("server_compressed_unary", &Cases::ServerCompressedUnary);
    Run("client_streaming", &Cases::ClientStreaming);
    Run("client_compressed_streaming", &Cases::ClientCompressedStreaming);
    Run("server_streaming", &Cases::ServerStreaming);
    Run("server_compressed_streaming", &Cases::ServerCompressedStreaming);
    Run("ping_pong", &Cases::PingPongs);
    Run("empty_stream", &Cases::EmptyStream);
    Run("custom_metadata", &Cases::CustomMetadata);
    Run("status_code_and_message", &Cases::StatusCodeAndMessage);
    Run("special_status_message", &Cases::SpecialStatusMessage);
    Run("unimplemented_method", &Cases::UnimplementedMethod);
    Run("unimplemented_service", &Cases::UnimplementedServiceCase);
    Run("cancel_after_begin", &Cases::CancelAfterBegin);
    Run("cancel_after_first_response", &Cases::CancelAfterFirstResponse);
    Run("timeout_on_sleeping_server", &Cases::TimeoutOnSleepingServer);
    return failed_ ? 1 : 0;
  }

 private:
  // One call's context.
  class Context : public grpc::ClientContext {
   public:
    explicit Context(const Cases* cases) {
      if (!cases->target_.empty()) AddMetadata("ramet-target", cases->target_);
      set_deadline(std::chrono::system_clock::now() + kHang);
    }
  };

  void Run(const char* name, void (Cases::*run)()) {
    try {
      (this->*run)();
      printf("%s passed\n", name);
    } catch (const Failed& why) {
      failed_ = true;
      printf("%s failed: %s\n", name, why.what());
    }
    fflush(stdout);
  }

  void EmptyUnary() {
    Context context(this);
    Empty reply;
    ExpectOk(stub_->EmptyCall(&context, Empty(), &reply));
    ExpectEqual(0u, reply.ByteSizeLong(), "reply bytes");
  }

  void LargeUnary() {
    Context context(this);
    SimpleResponse reply;
    ExpectOk(stub_->UnaryCall(&context, LargeRequest(), &reply));
    ExpectZeros(kLargeReplyBytes, reply.payload());
  }

  void ClientCompressedUnary() {
    struct Step {
      bool compress, expect;
      StatusCode code;
    };
    for (const Step& step : {Step{false, true, StatusCode::INVALID_ARGUMENT},
                             Step{true, true, StatusCode::OK},
                             Step{false, false, StatusCode::OK}}) {
      Context context(this);
      context.set_compression_algorithm(step.compress ? GRPC_COMPRESS_GZIP
                                                      : GRPC_COMPRESS_NONE);
      SimpleRequest request = LargeRequest();
      request.mutable_expect_compressed()->set_value(step.expect);
      SimpleResponse reply;
      ExpectCode(step.code, stub_->UnaryCall(&context, request, &reply));
      if (step.code == StatusCode::OK) {
        ExpectZeros(kLargeReplyBytes, reply.payload());
      }
    }
  }

  void ServerCompressedUnary() {
    for (const bool compressed : {true, false}) {
      Context context(this);
      SimpleRequest request = LargeRequest();
      request.mutable_response_compressed()->set_value(compressed);
      SimpleResponse reply;
      ExpectOk(stub_->UnaryCall(&context, request, &reply));
      ExpectZeros(kLargeReplyBytes, reply.payload());
      ExpectEqual(compressed, LastMessageWasCompressed(&context),
                  "whether the reply was compressed");
    }
  }

  void ClientStreaming() {
    Context context(this);
    StreamingInputCallResponse reply;
    const auto stream = stub_->StreamingInputCall(&context, &reply);
    for (const int bytes : kRequestBytes) {
      Expect(stream->Write(Input(bytes)), "a write failed");
    }
    stream->WritesDone();
    ExpectOk(stream->Finish());
    ExpectEqual(74922, reply.aggregated_payload_size(), "sum of sizes");
  }

  void ClientCompressedStreaming() {
    {
      Context context(this);
      context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
      StreamingInputCallResponse reply;
      const auto stream = stub_->StreamingInputCall(&context, &reply);
      StreamingInputCallRequest probe = Input(kRequestBytes[0]);
      probe.mutable_expect_compressed()->set_value(true);
      stream->Write(probe, grpc::WriteOptions().set_no_compression());
      stream->WritesDone();
      ExpectCode(StatusCode::INVALID_ARGUMENT, stream->Finish());
    }
    Context context(this);
    context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
    StreamingInputCallResponse reply;
    const auto stream = stub_->StreamingInputCall(&context, &reply);
    StreamingInputCallRequest request = Input(kRequestBytes[0]);
    request.mutable_expect_compressed()->set_value(true);
    Expect(stream->Write(request), "the compressed write failed");
    request = Input(kRequestBytes[3]);
    request.mutable_expect_compressed()->set_value(false);
    Expect(stream->Write(request, grpc::WriteOptions().set_no_compression()),
           "the uncompressed write failed");
    stream->WritesDone();
    ExpectOk(stream->Finish());
    ExpectEqual(73086, reply.aggregated_payload_size(), "sum of sizes");
  }

  void ServerStreaming() {
    Context context(this);
    StreamingOutputCallRequest request;
    for (const int bytes : kReplyBytes) {
      request.add_response_parameters()->set_size(bytes);
    }
    const auto stream = stub_->StreamingOutputCall(&context, request);
    StreamingOutputCallResponse reply;
    for (const int bytes : kReplyBytes) {
      Expect(stream->Read(&reply), "a reply is missing");
      ExpectZeros(bytes, reply.payload());
    }
    Expect(!stream->Read(&reply), "a reply too many");
    ExpectOk(stream->Finish());
  }

  void ServerCompressedStreaming() {
    Context context(this);
    StreamingOutputCallRequest request;
    for (const auto& [bytes, compressed] :
         {std::pair(31415, true), std::pair(92653, false)}) {
      auto* parameters = request.add_response_parameters();
      parameters->set_size(bytes);
      parameters->mutable_compressed()->set_value(compressed);
    }
    const auto stream = stub_->StreamingOutputCall(&context, request);
    StreamingOutputCallResponse reply;
    for (const auto& parameters : request.response_parameters()) {
      Expect(stream->Read(&reply), "a reply is missing");
      ExpectZeros(parameters.size(), reply.payload());
      ExpectEqual(parameters.compressed().value(),
                  LastMessageWasCompressed(&context),
                  "whether the reply was compressed");
    }
    Expect(!stream->Read(&reply), "a reply too many");
    ExpectOk(stream->Finish());
  }

  void PingPongs() {
    Context context(this);
    const auto stream = stub_->FullDuplexCall(&context);
    StreamingOutputCallResponse reply;
    for (int i = 0; i < 4; ++i) {
      Expect(stream->Write(PingPong(i)), "a write failed");
      Expect(stream->Read(&reply), "a reply is missing");
      ExpectZeros(kReplyBytes[i], reply.payload());
    }
    stream->WritesDone();
    Expect(!stream->Read(&reply), "a reply too many");
    ExpectOk(stream->Finish());
  }

  void EmptyStream() {
    Context context(this);
    const auto stream = stub_->FullDuplexCall(&context);
    stream->WritesDone();
    StreamingOutputCallResponse reply;
    Expect(!stream->Read(&reply), "a reply too many");
    ExpectOk(stream->Finish());
  }

  static constexpr char kInitialKey[] = "x-grpc-test-echo-initial";
  static constexpr char kInitialValue[] = "test_initial_metadata_value";
  static constexpr char kTrailingKey[] = "x-grpc-test-echo-trailing-bin";
  static constexpr char kTrailingValue[] = "\x0a\x0b\x0a\x0b\x0a\x0b";

  static void ExpectPair(
      const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
      const char* key, const std::string& value) {
    const auto found = metadata.find(key);
    Expect(found != metadata.end(), std::string(key) + " is missing");
    Expect(std::string(found->second.data(), found->second.size()) == value,
           std::string(key) + " has another value");
    ExpectEqual(1u, metadata.count(key), key);
  }

  static void ExpectEchoed(const Context& context) {
    ExpectPair(context.GetServerInitialMetadata(), kInitialKey, kInitialValue);
    ExpectPair(context.GetServerTrailingMetadata(), kTrailingKey,
               kTrailingValue);
  }

  void CustomMetadata() {
    {
      Context context(this);
      context.AddMetadata(kInitialKey, kInitialValue);
      context.AddMetadata(kTrailingKey, kTrailingValue);
      SimpleResponse reply;
      ExpectOk(stub_->UnaryCall(&context, LargeRequest(), &reply));
      ExpectZeros(kLargeReplyBytes, reply.payload());
      ExpectEchoed(context);
    }
    Context context(this);
    context.AddMetadata(kInitialKey, kInitialValue);
    context.AddMetadata(kTrailingKey, kTrailingValue);
    const auto stream = stub_->FullDuplexCall(&context);
    StreamingOutputCallRequest request;
    request.add_response_parameters()->set_size(kLargeReplyBytes);
    request.mutable_payload()->set_body(std::string(kLargeRequestBytes, '\0'));
    Expect(stream->Write(request), "the write failed");
    stream->WritesDone();
    StreamingOutputCallResponse reply;
    Expect(stream->Read(&reply), "the reply is missing");
    ExpectZeros(kLargeReplyBytes, reply.payload());
    Expect(!stream->Read(&reply), "a reply too many");
    ExpectOk(stream->Finish());
    ExpectEchoed(context);
  }

  static void ExpectStatus(StatusCode code, const std::string& text,
                           const Status& status) {
    ExpectCode(code, status);
    Expect(status.error_message() == text,
           "the text is \"" + status.error_message() + "\"");
  }

  void UnaryStatus(const std::string& text) {
    Context context(this);
    SimpleRequest request;
    request.mutable_response_status()->set_code(StatusCode::UNKNOWN);
    request.mutable_response_status()->set_message(text);
    SimpleResponse reply;
    ExpectStatus(StatusCode::UNKNOWN, text,
                 stub_->UnaryCall(&context, request, &reply));
  }

  void StatusCodeAndMessage() {
    const std::string text = "test status message";
    UnaryStatus(text);
    Context context(this);
    const auto stream = stub_->FullDuplexCall(&context);
    StreamingOutputCallRequest request;
    request.mutable_response_status()->set_code(StatusCode::UNKNOWN);
    request.mutable_response_status()->set_message(text);
    Expect(stream->Write(request), "the write failed");
    stream->WritesDone();
    StreamingOutputCallResponse reply;
    Expect(!stream->Read(&reply), "a reply too many");
    ExpectStatus(StatusCode::UNKNOWN, text, stream->Finish());
  }

  void SpecialStatusMessage() {
    UnaryStatus(
        "\t\ntest with whitespace\r\nand Unicode BMP \u263A and non-BMP "
        "\U0001F608\t\n");
  }

  void UnimplementedMethod() {
    Context context(this);
    Empty reply;
    ExpectCode(StatusCode::UNIMPLEMENTED,
               stub_->UnimplementedMethod(&context, Empty(), &reply));
  }

  void UnimplementedServiceCase() {
    Context context(this);
    Empty reply;
    ExpectCode(StatusCode::UNIMPLEMENTED,
               UnimplementedService::NewStub(channel_)->UnimplementedCall(
                   &context, Empty(), &reply));
  }

  void CancelAfterBegin() {
    Context context(this);
    StreamingInputCallResponse reply;
    const auto stream = stub_->StreamingInputCall(&context, &reply);
    context.TryCancel();
    ExpectCode(StatusCode::CANCELLED, stream->Finish());
  }

  void CancelAfterFirstResponse() {
    Context context(this);
    const auto stream = stub_->FullDuplexCall(&context);
    Expect(stream->Write(PingPong(0)), "the write failed");
    StreamingOutputCallResponse reply;
    Expect(stream->Read(&reply), "the reply is missing");
    ExpectZeros(kReplyBytes[0], reply.payload());
    context.TryCancel();
    Expect(!stream->Read(&reply), "a reply too many");
    ExpectCode(StatusCode::CANCELLED, stream->Finish());
  }

  void TimeoutOnSleepingServer() {
    Context context(this);
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::milliseconds(1));
    const auto stream = stub_->FullDuplexCall(&context);
    StreamingOutputCallRequest request;
    request.mutable_payload()->set_body(std::string(27182, '\0'));
    stream->Write(request);  // may be late already
    ExpectCode(StatusCode::DEADLINE_EXCEEDED, stream->Finish());
  }

  const std::string target_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<TestService::Stub> stub_;
  bool failed_ = false;
};

}  // namespace
}  // namespace ramet::interop

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    fprintf(stderr, "usage: interop_client ADDRESS [TARGET]\n");
    return 2;
  }
  return ramet::interop::Cases(argv[1], argc == 3 ? argv[2] : "").RunAll();
}
