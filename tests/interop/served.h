#ifndef TESTS_INTEROP_SERVED_H_
#define TESTS_INTEROP_SERVED_H_

#include <stdint.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/interop/messages.pb.h"

namespace ramet::interop {

// What the methods need of a call beside its messages; the module and the
// plain server each have one. Lives as long as the method runs.
class ServedCallView {
 public:
  virtual ~ServedCallView() = default;

  // The first value, or null.
  virtual const std::string* FindMetadata(const std::string& key) = 0;
  virtual void AddInitialMetadata(std::string key, std::string value) = 0;
  virtual void AddTrailingMetadata(std::string key, std::string value) = 0;
  // Sleeps; true: the call was cancelled meanwhile.
  virtual bool WaitUntilCancelled(absl::Duration duration) = 0;
  // Whether the request that came last came compressed.
  virtual bool RequestCompressed() = 0;
  // Whether the next reply is to be compressed, if the caller takes that.
  virtual void CompressNextReply(bool compress) = 0;
};

// The methods of grpc.testing.TestService, as gRPC's descriptions of the cases
// have them, for whatever carries the messages.

// Sends x-grpc-test-echo-initial and x-grpc-test-echo-trailing-bin back.
void EchoMetadata(ServedCallView* call);

// INVALID_ARGUMENT: the request was to be compressed and was not, or the other
// way round.
absl::Status CheckCompression(ServedCallView* call, bool has_expectation,
                              const grpc::testing::BoolValue& expected);

absl::Status ServeUnary(ServedCallView* call,
                        const grpc::testing::SimpleRequest& request,
                        grpc::testing::SimpleResponse* reply);

using WriteReply =
    std::function<bool(const grpc::testing::StreamingOutputCallResponse&)>;
using ReadInput =
    std::function<bool(grpc::testing::StreamingInputCallRequest*)>;
using ReadOutputRequest =
    std::function<bool(grpc::testing::StreamingOutputCallRequest*)>;

absl::Status ServeOutput(
    ServedCallView* call,
    const grpc::testing::StreamingOutputCallRequest& request,
    const WriteReply& write);
absl::Status ServeInput(ServedCallView* call, const ReadInput& read,
                        grpc::testing::StreamingInputCallResponse* reply);
absl::Status ServeFullDuplex(ServedCallView* call,
                             const ReadOutputRequest& read,
                             const WriteReply& write);
absl::Status ServeHalfDuplex(ServedCallView* call,
                             const ReadOutputRequest& read,
                             const WriteReply& write);

}  // namespace ramet::interop

#endif  // TESTS_INTEROP_SERVED_H_
