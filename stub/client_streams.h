#ifndef STUB_CLIENT_STREAMS_H_
#define STUB_CLIENT_STREAMS_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "stub/client_stream.h"
#include "stub/message_bytes.h"

namespace ramet::stub {

// Streaming calls at their caller's side, for threads that block. A stub makes
// them; they move, and dropping one that is not over cancels the call.
//
// Threads: any but the channel's own; one may read while another writes.
// Errors: those of Channel, as the status of Finish(). Functions that return
//   bool say false when the call is over, or can't go on; Finish() says why.

namespace internal {

// What all kinds have.
class ClientStreamBase {
 public:
  // What the callee has sent first; blocks until that has come.
  const MetadataPairs& InitialMetadata() { return stream_->InitialMetadata(); }
  // After Finish().
  const MetadataPairs& trailing_metadata() const {
    return stream_->trailing_metadata();
  }
  // Ends the call with CANCELLED; the callee is told.
  void Cancel() {
    stream_->Cancel(absl::CancelledError("the caller cancelled"));
  }
  // For Select.
  const std::shared_ptr<ClientStream>& shared_stream() const {
    return stream_.shared();
  }

 protected:
  explicit ClientStreamBase(std::shared_ptr<ClientStream> stream)
      : stream_(std::move(stream)) {}

  template <typename Reply>
  bool ReadMessage(Reply* reply) {
    std::string bytes;
    if (!stream_->Read(&bytes)) return false;
    absl::Status status = ParseReply(bytes, stream_->method(), reply);
    if (!status.ok()) stream_->Fail(status);
    return status.ok();
  }

  template <typename Request>
  bool WriteMessage(const Request& request) {
    std::string bytes;
    absl::Status status = SerializeRequest(request, stream_->method(), &bytes);
    if (status.ok()) return stream_->Write(std::move(bytes));
    stream_->Cancel(status);
    return false;
  }

  OwnedStream stream_;
};

}  // namespace internal

// The replies to one request.
//
//   auto list = stub.List(request);
//   while (list.Read(&reply)) { ... }
//   absl::Status status = list.Finish();
template <typename Reply>
class ClientReader : public internal::ClientStreamBase {
 public:
  // For generated code.
  explicit ClientReader(std::shared_ptr<ClientStream> stream)
      : ClientStreamBase(std::move(stream)) {}

  // Blocks for the next reply. The callee is given room for more as replies
  // are read.
  bool Read(Reply* reply) { return this->ReadMessage(reply); }
  // Drops replies that were not read, and blocks until the call is over.
  absl::Status Finish() { return stream_->Finish(); }
};

// Many requests, one reply.
//
//   auto sum = stub.Sum();
//   for (...) if (!sum.Write(request)) break;
//   absl::StatusOr<Reply> reply = sum.Finish();
template <typename Request, typename Reply>
class ClientWriter : public internal::ClientStreamBase {
 public:
  // For generated code.
  explicit ClientWriter(std::shared_ptr<ClientStream> stream)
      : ClientStreamBase(std::move(stream)) {}

  // Blocks while the callee has no room for more. A request that lacks a
  // required field ends the call, INVALID_ARGUMENT.
  bool Write(const Request& request) { return this->WriteMessage(request); }
  // No more requests come.
  void WritesDone() { stream_->CloseSend(); }
  // WritesDone(), and blocks for the reply.
  absl::StatusOr<Reply> Finish() {
    stream_->CloseSend();
    absl::StatusOr<Reply> reply(absl::in_place);
    const bool got = this->ReadMessage(&*reply);
    absl::Status status = stream_->Finish();
    if (!status.ok()) return status;
    if (got) return reply;
    return absl::InternalError(std::string(stream_->method()) +
                               ": the callee sent OK and no reply");
  }
};

// Both sides stream, each at its own pace.
template <typename Request, typename Reply>
class ClientReaderWriter : public internal::ClientStreamBase {
 public:
  // For generated code.
  explicit ClientReaderWriter(std::shared_ptr<ClientStream> stream)
      : ClientStreamBase(std::move(stream)) {}

  bool Read(Reply* reply) { return this->ReadMessage(reply); }
  bool Write(const Request& request) { return this->WriteMessage(request); }
  // No more requests come.
  void WritesDone() { stream_->CloseSend(); }
  // WritesDone(), drops replies that were not read, and blocks until the call
  // is over.
  absl::Status Finish() { return stream_->Finish(); }
};

}  // namespace ramet::stub

#endif  // STUB_CLIENT_STREAMS_H_
