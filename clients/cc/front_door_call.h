#ifndef CLIENTS_CC_FRONT_DOOR_CALL_H_
#define CLIENTS_CC_FRONT_DOOR_CALL_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "stub/call_options.h"
#include "stub/raw_call.h"

namespace ramet::clients {

// One call through gRPC, as bytes, of any kind.
//
// Ownership: shared by its user and, until it is over, by itself.
// Threads: any; callbacks come on gRPC's, one at a time.
class FrontDoorCall final
    : public stub::RawCall,
      public std::enable_shared_from_this<FrontDoorCall>,
      private grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  FrontDoorCall(std::shared_ptr<grpc::Channel> door,
                std::shared_ptr<stub::RawCallListener> listener);

  // Once.
  void Start(const std::string& target, const std::string& method,
             const stub::CallOptions& options);

  void Send(std::string message) override;
  void CloseSend() override;
  bool HasSendRoom() const override;
  void Consumed(size_t message_bytes) override;
  void Cancel() override;

 private:
  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnWritesDoneDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  std::shared_ptr<stub::RawCallListener> listener_;  // until OnDone
  std::shared_ptr<FrontDoorCall> self_;              // until OnDone
  grpc::ByteBuffer reply_;
  std::string late_text_;  // of a call with a limit

  mutable absl::Mutex mutex_;
  std::deque<grpc::ByteBuffer> requests_ ABSL_GUARDED_BY(mutex_);
  grpc::ByteBuffer request_ ABSL_GUARDED_BY(mutex_);  // being written
  size_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool full_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;  // no more requests come
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;   // and gRPC knows it
  // gRPC waits for what is started outside of its callbacks for as long as a
  // hold is there: one for writes, one for reads.
  bool write_hold_ ABSL_GUARDED_BY(mutex_) = true;
  bool read_hold_ ABSL_GUARDED_BY(mutex_) = true;
  bool read_paused_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  size_t unconsumed_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace ramet::clients

#endif  // CLIENTS_CC_FRONT_DOOR_CALL_H_
