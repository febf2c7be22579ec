#ifndef STUB_SERVER_STREAM_H_
#define STUB_SERVER_STREAM_H_

#include <string>

#include "absl/status/status.h"
#include "stub/message_bytes.h"
#include "stub/service.h"

namespace ramet::stub {

// The streams of a call at its method's side. They belong to the runtime and
// are valid until the method returns.
//
// Threads: any; a method may read on one and write on another at the same time.
//
// Each function that returns bool says false when there is nothing more to do
// but to return: the status of a method whose call is over already (cancelled,
// deadline passed) is not sent, and that of one whose stream carried a bad
// message is replaced by what was wrong with it.

// The requests of a method whose caller streams.
template <typename Request>
class ServerReader {
 public:
  explicit ServerReader(ServerStream* stream) : stream_(stream) {}
  ServerReader(const ServerReader&) = delete;
  ServerReader& operator=(const ServerReader&) = delete;

  // Blocks for the next request. False: there are no more, the call is over,
  // or bytes came that are no Request (the call fails, INVALID_ARGUMENT).
  bool Read(Request* request) {
    std::string bytes;
    if (!failure_.ok() || !stream_->Read(&bytes)) return false;
    failure_ = ParseRequest(bytes, request);
    return failure_.ok();
  }

  // What CallContext::AddInitialMetadata() got goes out now.
  bool SendInitialMetadata() { return stream_->SendInitialMetadata(); }

  // For generated code: why the stream broke off.
  const absl::Status& failure() const { return failure_; }

 private:
  ServerStream* const stream_;
  absl::Status failure_;
};

// The replies of a method that streams.
template <typename Reply>
class ServerWriter {
 public:
  explicit ServerWriter(ServerStream* stream) : stream_(stream) {}
  ServerWriter(const ServerWriter&) = delete;
  ServerWriter& operator=(const ServerWriter&) = delete;

  // Sends a reply; blocks while the caller has no room for those before it.
  // False: the call is over, or the reply can't be sent (a required field is
  // not set, INTERNAL; longer than the limit, RESOURCE_EXHAUSTED).
  bool Write(const Reply& reply) {
    std::string bytes;
    if (!failure_.ok()) return false;
    failure_ = SerializeReply(reply, &bytes);
    return failure_.ok() && stream_->Write(std::move(bytes));
  }

  // What CallContext::AddInitialMetadata() got goes out now.
  bool SendInitialMetadata() { return stream_->SendInitialMetadata(); }

  // For generated code: why the stream broke off.
  const absl::Status& failure() const { return failure_; }

 private:
  ServerStream* const stream_;
  absl::Status failure_;
};

// Both. Reading and writing do not wait for each other.
template <typename Request, typename Reply>
class ServerReaderWriter {
 public:
  explicit ServerReaderWriter(ServerStream* stream)
      : reader_(stream), writer_(stream) {}

  bool Read(Request* request) { return reader_.Read(request); }
  bool Write(const Reply& reply) { return writer_.Write(reply); }
  bool SendInitialMetadata() { return writer_.SendInitialMetadata(); }

  const absl::Status& failure() const {
    return reader_.failure().ok() ? writer_.failure() : reader_.failure();
  }

 private:
  ServerReader<Request> reader_;
  ServerWriter<Reply> writer_;
};

}  // namespace ramet::stub

#endif  // STUB_SERVER_STREAM_H_
