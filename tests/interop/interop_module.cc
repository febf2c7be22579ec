// grpc.testing.TestService as a ramet module.
#include <string>
#include <utility>

#include "stub/module_main.h"
#include "tests/interop/served.h"
#include "tests/interop/test.ramet.h"

namespace ramet::interop {
namespace {

using grpc::testing::Empty;
using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingInputCallResponse;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;

class View final : public ServedCallView {
 public:
  explicit View(const stub::CallContext& context) : context_(context) {}

  const std::string* FindMetadata(const std::string& key) override {
    return context_.FindMetadata(key);
  }
  void AddInitialMetadata(std::string key, std::string value) override {
    context_.AddInitialMetadata(std::move(key), std::move(value));
  }
  void AddTrailingMetadata(std::string key, std::string value) override {
    context_.AddTrailingMetadata(std::move(key), std::move(value));
  }
  bool WaitUntilCancelled(absl::Duration duration) override {
    return context_.WaitUntilCancelled(duration);
  }
  bool RequestCompressed() override { return context_.request_compressed(); }
  void CompressNextReply(bool compress) override {
    context_.CompressReplies(compress ? stub::Compression::kGzip
                                      : stub::Compression::kNone);
  }

 private:
  const stub::CallContext& context_;
};

class InteropService final : public grpc::testing::TestServiceService {
 public:
  absl::Status EmptyCall(const stub::CallContext& context, const Empty&,
                         Empty*) override {
    View view(context);
    EchoMetadata(&view);
    return absl::OkStatus();
  }

  absl::Status UnaryCall(const stub::CallContext& context,
                         const SimpleRequest& request,
                         SimpleResponse* reply) override {
    View view(context);
    return ServeUnary(&view, request, reply);
  }

  absl::Status StreamingOutputCall(
      const stub::CallContext& context,
      const StreamingOutputCallRequest& request,
      stub::ServerWriter<StreamingOutputCallResponse>* writer) override {
    View view(context);
    EchoMetadata(&view);
    return ServeOutput(&view, request,
                       [&](const auto& reply) { return writer->Write(reply); });
  }

  absl::Status StreamingInputCall(
      const stub::CallContext& context,
      stub::ServerReader<StreamingInputCallRequest>* reader,
      StreamingInputCallResponse* reply) override {
    View view(context);
    return ServeInput(
        &view, [&](auto* request) { return reader->Read(request); }, reply);
  }

  absl::Status FullDuplexCall(
      const stub::CallContext& context,
      stub::ServerReaderWriter<StreamingOutputCallRequest,
                               StreamingOutputCallResponse>* stream) override {
    View view(context);
    return ServeFullDuplex(
        &view, [&](auto* request) { return stream->Read(request); },
        [&](const auto& reply) { return stream->Write(reply); });
  }

  absl::Status HalfDuplexCall(
      const stub::CallContext& context,
      stub::ServerReaderWriter<StreamingOutputCallRequest,
                               StreamingOutputCallResponse>* stream) override {
    View view(context);
    return ServeHalfDuplex(
        &view, [&](auto* request) { return stream->Read(request); },
        [&](const auto& reply) { return stream->Write(reply); });
  }
};

}  // namespace
}  // namespace ramet::interop

RAMET_MODULE(ramet::interop::InteropService)
