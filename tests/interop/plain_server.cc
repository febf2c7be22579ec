// plain_server unix:PATH: grpc.testing.TestService behind gRPC alone, with the
// same methods as the module. Prints a line when it listens; ends when its
// standard input does.
#include <grpcpp/grpcpp.h>
#include <stdio.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "tests/interop/message_flags.h"
#include "tests/interop/served.h"
#include "tests/interop/test.grpc.pb.h"

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
  explicit View(grpc::ServerContext* context) : context_(context) {}

  const std::string* FindMetadata(const std::string& key) override {
    const auto found = context_->client_metadata().find(key);
    if (found == context_->client_metadata().end()) return nullptr;
    found_.assign(found->second.data(), found->second.size());
    return &found_;
  }
  void AddInitialMetadata(std::string key, std::string value) override {
    context_->AddInitialMetadata(std::move(key), std::move(value));
  }
  void AddTrailingMetadata(std::string key, std::string value) override {
    context_->AddTrailingMetadata(std::move(key), std::move(value));
  }
  bool WaitUntilCancelled(absl::Duration duration) override {
    // gRPC's synchronous server can only be asked.
    const absl::Time end = absl::Now() + duration;
    while (absl::Now() < end) {
      if (context_->IsCancelled()) return true;
      absl::SleepFor(std::min(absl::Milliseconds(1), end - absl::Now()));
    }
    return context_->IsCancelled();
  }
  bool RequestCompressed() override {
    return LastMessageWasCompressed(context_);
  }
  void CompressNextReply(bool compress) override {
    // The encoding is named once, before the first message.
    if (compress) context_->set_compression_algorithm(GRPC_COMPRESS_GZIP);
    write_options_ = grpc::WriteOptions();
    if (!compress) write_options_.set_no_compression();
  }
  const grpc::WriteOptions& write_options() const { return write_options_; }

 private:
  grpc::ServerContext* const context_;
  grpc::WriteOptions write_options_;
  std::string found_;
};

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()));
}

class InteropService final : public grpc::testing::TestService::Service {
 public:
  grpc::Status EmptyCall(grpc::ServerContext* context, const Empty*,
                         Empty*) override {
    View view(context);
    EchoMetadata(&view);
    return grpc::Status::OK;
  }

  grpc::Status UnaryCall(grpc::ServerContext* context,
                         const SimpleRequest* request,
                         SimpleResponse* reply) override {
    View view(context);
    return ToGrpc(ServeUnary(&view, *request, reply));
  }

  grpc::Status StreamingOutputCall(
      grpc::ServerContext* context, const StreamingOutputCallRequest* request,
      grpc::ServerWriter<StreamingOutputCallResponse>* writer) override {
    View view(context);
    EchoMetadata(&view);
    return ToGrpc(ServeOutput(&view, *request, [&](const auto& reply) {
      return writer->Write(reply, view.write_options());
    }));
  }

  grpc::Status StreamingInputCall(
      grpc::ServerContext* context,
      grpc::ServerReader<StreamingInputCallRequest>* reader,
      StreamingInputCallResponse* reply) override {
    View view(context);
    return ToGrpc(ServeInput(
        &view, [&](auto* request) { return reader->Read(request); }, reply));
  }

  using Stream = grpc::ServerReaderWriter<StreamingOutputCallResponse,
                                          StreamingOutputCallRequest>;

  grpc::Status FullDuplexCall(grpc::ServerContext* context,
                              Stream* stream) override {
    View view(context);
    return ToGrpc(ServeFullDuplex(
        &view, [&](auto* request) { return stream->Read(request); },
        [&](const auto& reply) {
          return stream->Write(reply, view.write_options());
        }));
  }

  grpc::Status HalfDuplexCall(grpc::ServerContext* context,
                              Stream* stream) override {
    View view(context);
    return ToGrpc(ServeHalfDuplex(
        &view, [&](auto* request) { return stream->Read(request); },
        [&](const auto& reply) {
          return stream->Write(reply, view.write_options());
        }));
  }
};

int Serve(const std::string& address) {
  InteropService service;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  printf("listening on %s\n", address.c_str());
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  return 0;
}

}  // namespace
}  // namespace ramet::interop

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: plain_server unix:PATH\n");
    return 2;
  }
  return ramet::interop::Serve(argv[1]);
}
