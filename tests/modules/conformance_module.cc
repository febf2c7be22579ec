// conformance.v1.Conformance in C++.
#include <stdio.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/time/time.h"
#include "stub/module_main.h"
#include "stub/status_bridge.h"
#include "tests/modules/conformance.ramet.h"

namespace {

using conformance::v1::RelayReply;
using conformance::v1::RelayRequest;
using conformance::v1::Reply;
using conformance::v1::Request;
using ramet::stub::CallContext;

// All that a request asks for before its reply. `send_initial` sends initial
// metadata at once.
template <typename SendInitial>
absl::Status Prepare(const CallContext& context, const Request& request,
                     SendInitial&& send_initial) {
  if (!request.print().empty()) printf("%s\n", request.print().c_str());
  if (!request.print_error().empty()) {
    fprintf(stderr, "%s\n", request.print_error().c_str());
  }
  if (request.metadata()) {
    context.AddInitialMetadata("x-initial", "one");
    context.AddInitialMetadata("x-initial-bin", std::string("\0\377", 2));
    for (const auto& pair : context.metadata()) {
      if (pair.key.compare(0, 6, "x-echo") == 0) {
        context.AddTrailingMetadata(pair.key, pair.value);
      }
    }
  }
  if (request.compression() != 0) {
    context.CompressReplies(
        static_cast<ramet::stub::Compression>(request.compression()));
  }
  if (request.early()) send_initial();
  if (request.wait()) {
    while (!context.WaitUntilCancelled(absl::InfiniteDuration())) {
    }
    printf("over\n");
  }
  if (request.code() != 0) {
    absl::Status status(static_cast<absl::StatusCode>(request.code()),
                        request.text());
    if (!request.details().empty()) {
      status.SetPayload(ramet::stub::kStatusDetailsUrl,
                        absl::Cord(request.details()));
    }
    return status;
  }
  if (request.crash()) return absl::UnknownError("as asked");
  return absl::OkStatus();
}

void FillReply(const CallContext& context, const Request& request,
               Reply* reply) {
  reply->set_payload(request.reply_bytes() > 0
                         ? std::string(request.reply_bytes(), '\0')
                         : request.payload());
  reply->set_request_compressed(context.request_compressed());
  reply->set_caller(context.caller().id);
  reply->set_authority(context.caller().authority);
  reply->set_deadline(context.deadline() != absl::InfiniteFuture());
}

// Methods that services have in common.

absl::Status ServeUnary(const CallContext& context, const Request& request,
                        Reply* reply) {
  absl::Status status = Prepare(context, request, [] {});
  if (status.ok()) FillReply(context, request, reply);
  return status;
}

absl::Status ServeServerStream(const CallContext& context,
                               const Request& request,
                               ramet::stub::ServerWriter<Reply>* replies) {
  absl::Status status =
      Prepare(context, request, [&] { replies->SendInitialMetadata(); });
  if (!status.ok()) return status;
  Reply reply;
  FillReply(context, request, &reply);
  for (uint32_t i = 0; i < request.reply_count(); ++i) {
    if (!replies->Write(reply)) break;
  }
  return absl::OkStatus();
}

absl::Status ServeClientStream(const CallContext& context,
                               ramet::stub::ServerReader<Request>* requests,
                               Reply* reply) {
  Request request;
  while (requests->Read(&request)) {
    reply->set_requests(reply->requests() + 1);
    reply->set_request_bytes(reply->request_bytes() + request.payload().size());
  }
  return Prepare(context, request, [&] { requests->SendInitialMetadata(); });
}

class Limited : public conformance::v1::LimitedService {
 public:
  absl::Status Unary(const CallContext& context, const Request& request,
                     Reply* reply) override {
    return ServeUnary(context, request, reply);
  }

  absl::Status ServerStream(
      const CallContext& context, const Request& request,
      ramet::stub::ServerWriter<Reply>* replies) override {
    return ServeServerStream(context, request, replies);
  }

  absl::Status ClientStream(const CallContext& context,
                            ramet::stub::ServerReader<Request>* requests,
                            Reply* reply) override {
    return ServeClientStream(context, requests, reply);
  }

  absl::Status Serial(const CallContext& context, const Request& request,
                      Reply* reply) override {
    return ServeUnary(context, request, reply);
  }
};

class Overridden : public conformance::v1::OverriddenService {
 public:
  absl::Status Unary(const CallContext& context, const Request& request,
                     Reply* reply) override {
    return ServeUnary(context, request, reply);
  }
};

class Conformance : public conformance::v1::ConformanceService {
 public:
  absl::Status Unary(const CallContext& context, const Request& request,
                     Reply* reply) override {
    return ServeUnary(context, request, reply);
  }

  absl::Status ServerStream(
      const CallContext& context, const Request& request,
      ramet::stub::ServerWriter<Reply>* replies) override {
    return ServeServerStream(context, request, replies);
  }

  absl::Status ClientStream(const CallContext& context,
                            ramet::stub::ServerReader<Request>* requests,
                            Reply* reply) override {
    return ServeClientStream(context, requests, reply);
  }

  absl::Status BidiStream(
      const CallContext& context,
      ramet::stub::ServerReaderWriter<Request, Reply>* stream) override {
    Request request;
    while (stream->Read(&request)) {
      absl::Status status =
          Prepare(context, request, [&] { stream->SendInitialMetadata(); });
      if (!status.ok()) return status;
      Reply reply;
      FillReply(context, request, &reply);
      if (!stream->Write(reply)) break;
    }
    return absl::OkStatus();
  }

  absl::Status Relay(const CallContext& context, const RelayRequest& request,
                     RelayReply* reply) override {
    conformance::v1::ConformanceStub stub(
        context.context_by_id(request.target()));
    ramet::stub::CallOptions options;
    if (request.timeout_ms() > 0) {
      options.timeout = absl::Milliseconds(request.timeout_ms());
    }
    if (request.metadata()) options.metadata = {{"x-relay", "yes"}};
    const absl::Status status = Call(stub, request, options, reply);
    reply->set_code(static_cast<uint32_t>(status.code()));
    reply->set_text(std::string(status.message()));
    return absl::OkStatus();
  }

 private:
  static absl::Status Call(const conformance::v1::ConformanceStub& stub,
                           const RelayRequest& request,
                           const ramet::stub::CallOptions& options,
                           RelayReply* answer) {
    Reply reply;
    switch (request.kind()) {
      case RelayRequest::UNARY: {
        const auto one = stub.Unary(request.requests(0), options);
        if (one.ok()) answer->add_payloads(one->payload());
        return one.status();
      }
      case RelayRequest::SERVER_STREAM: {
        auto stream = stub.ServerStream(request.requests(0), options);
        while (stream.Read(&reply)) answer->add_payloads(reply.payload());
        return stream.Finish();
      }
      case RelayRequest::CLIENT_STREAM: {
        auto stream = stub.ClientStream(options);
        for (const Request& each : request.requests()) stream.Write(each);
        const auto one = stream.Finish();
        if (one.ok()) answer->add_payloads(one->payload());
        return one.status();
      }
      default: {
        auto stream = stub.BidiStream(options);
        for (const Request& each : request.requests()) stream.Write(each);
        stream.WritesDone();
        while (stream.Read(&reply)) answer->add_payloads(reply.payload());
        return stream.Finish();
      }
    }
  }
};

ramet::stub::ModuleOptions Options() {
  ramet::stub::ModuleOptions options;
  auto& overridden = options.services["conformance.v1.Overridden"];
  overridden.max_concurrent_calls = 1;
  overridden.max_queued_calls = 1;
  overridden.methods["Unary"] = ramet::stub::Concurrency::kConcurrent;
  return options;
}

}  // namespace

RAMET_MODULE_WITH(Options(), Conformance, Limited, Overridden)
