#include "tests/interop/served.h"

#include <utility>
#include <vector>

namespace ramet::interop {
namespace {

using grpc::testing::BoolValue;
using grpc::testing::EchoStatus;
using grpc::testing::ResponseParameters;
using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingInputCallResponse;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;

constexpr char kEchoInitialKey[] = "x-grpc-test-echo-initial";
constexpr char kEchoTrailingKey[] = "x-grpc-test-echo-trailing-bin";

// Above every size that a case asks for.
constexpr int kMaxPayloadBytes = 4 * 1024 * 1024;

absl::Status Fill(int size, grpc::testing::Payload* payload) {
  if (size < 0 || size > kMaxPayloadBytes) {
    return absl::InvalidArgumentError("a payload of " + std::to_string(size) +
                                      " bytes was asked for");
  }
  payload->set_body(std::string(size, '\0'));
  return absl::OkStatus();
}

absl::Status ToStatus(const EchoStatus& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.code()),
                      status.message());
}

}  // namespace

void EchoMetadata(ServedCallView* call) {
  if (const std::string* value = call->FindMetadata(kEchoInitialKey)) {
    call->AddInitialMetadata(kEchoInitialKey, *value);
  }
  if (const std::string* value = call->FindMetadata(kEchoTrailingKey)) {
    call->AddTrailingMetadata(kEchoTrailingKey, *value);
  }
}

absl::Status CheckCompression(ServedCallView* call, bool has_expectation,
                              const BoolValue& expected) {
  if (!has_expectation || expected.value() == call->RequestCompressed()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(expected.value()
                                        ? "the request is not compressed"
                                        : "the request is compressed");
}

absl::Status ServeUnary(ServedCallView* call, const SimpleRequest& request,
                        SimpleResponse* reply) {
  EchoMetadata(call);
  absl::Status status = CheckCompression(call, request.has_expect_compressed(),
                                         request.expect_compressed());
  if (!status.ok()) return status;
  if (request.has_response_status() && request.response_status().code() != 0) {
    return ToStatus(request.response_status());
  }
  call->CompressNextReply(request.response_compressed().value());
  return Fill(request.response_size(), reply->mutable_payload());
}

absl::Status ServeOutput(ServedCallView* call,
                         const StreamingOutputCallRequest& request,
                         const WriteReply& write) {
  for (const ResponseParameters& parameters : request.response_parameters()) {
    if (parameters.interval_us() > 0 &&
        call->WaitUntilCancelled(
            absl::Microseconds(parameters.interval_us()))) {
      return absl::CancelledError("cancelled");
    }
    StreamingOutputCallResponse reply;
    absl::Status status = Fill(parameters.size(), reply.mutable_payload());
    if (!status.ok()) return status;
    call->CompressNextReply(parameters.compressed().value());
    if (!write(reply)) return absl::CancelledError("the call is over");
  }
  return absl::OkStatus();
}

absl::Status ServeInput(ServedCallView* call, const ReadInput& read,
                        StreamingInputCallResponse* reply) {
  EchoMetadata(call);
  int64_t bytes = 0;
  StreamingInputCallRequest request;
  while (read(&request)) {
    absl::Status status = CheckCompression(
        call, request.has_expect_compressed(), request.expect_compressed());
    if (!status.ok()) return status;
    bytes += request.payload().body().size();
  }
  reply->set_aggregated_payload_size(static_cast<int32_t>(bytes));
  return absl::OkStatus();
}

absl::Status ServeFullDuplex(ServedCallView* call,
                             const ReadOutputRequest& read,
                             const WriteReply& write) {
  EchoMetadata(call);
  StreamingOutputCallRequest request;
  while (read(&request)) {
    if (request.has_response_status() &&
        request.response_status().code() != 0) {
      return ToStatus(request.response_status());
    }
    absl::Status status = ServeOutput(call, request, write);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ServeHalfDuplex(ServedCallView* call,
                             const ReadOutputRequest& read,
                             const WriteReply& write) {
  EchoMetadata(call);
  std::vector<StreamingOutputCallRequest> requests;
  StreamingOutputCallRequest request;
  while (read(&request)) requests.push_back(std::move(request));
  for (const StreamingOutputCallRequest& each : requests) {
    absl::Status status = ServeOutput(call, each, write);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace ramet::interop
