#ifndef SERVER_PROXY_CALL_H_
#define SERVER_PROXY_CALL_H_

#include <grpcpp/alarm.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "server/chain_sequencer.h"
#include "server/gatekeeper.h"
#include "server/master.h"
#include "stub/call_options.h"
#include "stub/compression.h"
#include "stub/raw_call.h"

namespace ramet::server {

// One call between a gRPC client and a context.
//
// Ownership: kept by itself until both sides are done with it, and by the
// master
//   as its listener until the call ends there.
// Threads: gRPC's events come on the proxy's threads, the master's callbacks on
//   the loop; its lock is held by both for as long as an operation takes to be
//   started, which blocks neither.
class ProxyCall final : public stub::RawCallListener,
                        public std::enable_shared_from_this<ProxyCall> {
 public:
  // The largest reply that a client can ask for by metadata.
  static constexpr size_t kMaxReplyBytes = 256 * 1024 * 1024;

  // What all calls of a proxy have in common; outlives them.
  struct Door {
    Master* master;
    ConnectOptions connect;
    const Gatekeeper* gatekeeper;
    ChainSequencer* chains;
    grpc::AsyncGenericService service;
    std::unique_ptr<grpc::ServerCompletionQueue> queue;

    absl::Mutex mutex;
    // Calls that may still start an operation on the queue.
    int live ABSL_GUARDED_BY(mutex) = 0;
  };

  // Waits for the next call of a client, and when it comes for the one after.
  static void Request(Door* door);

  // An event of the queue, whoever's it is.
  static void OnEvent(void* tag, bool ok);

 private:
  // What gRPC tells when an operation is done; its address is the tag.
  struct Event {
    void (ProxyCall::*handle)(bool ok);
    ProxyCall* call;
  };
  // A message as it travels in the tree.
  struct Message {
    std::string bytes;
    bool compressed = false;
  };

  explicit ProxyCall(Door* door) : door_(door) {}

  // gRPC's events.
  void OnRequested(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool ok);
  void OnDone(bool ok);
  void OnHeldLong(bool ok);

  // The master's.
  void OnCompression(stub::Compression compression) override;
  bool OnCompressedMessage(std::string* message) override;
  void OnInitialMetadata(stub::MetadataPairs metadata) override;
  void OnMessage(std::string message) override;
  void OnBatchEnd() override;
  void OnSendRoom() override;
  void OnEnd(stub::CallEnd end) override;

  void FindKind();
  // Asks the gatekeeper, and reads what the client wants. False: the call has
  // ended.
  bool Admit() ABSL_LOCKS_EXCLUDED(mutex_);
  void StartForwarding() ABSL_LOCKS_EXCLUDED(mutex_);
  void OnOnlyRequest(bool ok) ABSL_LOCKS_EXCLUDED(mutex_);
  void Refuse(absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_);
  void ForwardOnly(Message request) ABSL_LOCKS_EXCLUDED(mutex_);
  // Forwards it when those of its chain that come before it are.
  // It will not be forwarded: those behind it in its chain need not wait.
  void GiveUpTurn();
  void ForwardInTurn(Message request) ABSL_LOCKS_EXCLUDED(mutex_);
  // What was read; takes time.
  Message TakeRequest() ABSL_LOCKS_EXCLUDED(mutex_);
  void SendRequest(Message request, bool last)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartRead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Starts the next operation towards the client, unless one is under way.
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Finish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  grpc::Status StatusOf(const absl::Status& status) const;
  std::string FindMetadata(const char* key) const;

  Door* const door_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  Event requested_{&ProxyCall::OnRequested, this};
  Event read_{&ProxyCall::OnRead, this};
  Event written_{&ProxyCall::OnWritten, this};
  Event finished_{&ProxyCall::OnFinished, this};
  Event done_{&ProxyCall::OnDone, this};
  Event held_long_{&ProxyCall::OnHeldLong, this};

  // Set before anything is read.
  bool one_request_ = false;
  bool one_reply_ = false;
  stub::Compression request_compression_ = stub::Compression::kNone;
  uint32_t accepted_compressions_ = 0;
  // gRPC's while a read is under way, then the event's that ends it.
  grpc::ByteBuffer request_;
  // Set before the call starts.
  Admission admission_;
  stub::CallOptions options_;
  // Of a call that waits for others of its chain; set before it does.
  ChainSequencer::Key chain_key_;
  grpc::Alarm alarm_;

  absl::Mutex mutex_;
  // Until the last operation is done, which is Finish().
  std::shared_ptr<ProxyCall> self_ ABSL_GUARDED_BY(mutex_);
  int events_ ABSL_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<stub::RawCall> call_ ABSL_GUARDED_BY(mutex_);
  bool held_ ABSL_GUARDED_BY(mutex_) = false;  // by its chain
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool client_done_ ABSL_GUARDED_BY(mutex_) = false;  // no more is to be read
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;  // the client is gone
  bool metadata_due_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the message that is being written, if it is one.
  absl::optional<size_t> writing_bytes_ ABSL_GUARDED_BY(mutex_);
  std::deque<Message> messages_ ABSL_GUARDED_BY(mutex_);
  // What messages may be sent to the client compressed with.
  stub::Compression reply_compression_ ABSL_GUARDED_BY(mutex_) =
      stub::Compression::kNone;
  absl::optional<stub::CallEnd> end_ ABSL_GUARDED_BY(mutex_);
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace ramet::server

#endif  // SERVER_PROXY_CALL_H_
