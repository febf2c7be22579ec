#ifndef SERVER_OPEN_STREAMS_H_
#define SERVER_OPEN_STREAMS_H_

#include <grpcpp/support/status.h>

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace ramet::server {

// A call that stays open and is told when there is something to send.
class OpenStream {
 public:
  virtual ~OpenStream() = default;
  // On the streams' thread.
  virtual void OnWake() = 0;
  // Ends the call after the message that is being written. Any thread.
  virtual void End(const grpc::Status& status) = 0;

 private:
  friend class OpenStreams;
  std::atomic<bool> queued_{false};  // for OnWake
};

// The streams of one front door: how many there may be, a thread that wakes
// them, so that whoever has news for them (the master's loop) need not wait for
// gRPC, and their end.
class OpenStreams {
 public:
  // Each costs a queue of news: this many bound their memory.
  static constexpr int kMaxStreams = 1000;

  // Those that tell of the end of the door end after all others.
  enum class Order { kEndsFirst, kEndsLast };

  OpenStreams();
  ~OpenStreams();

  // RESOURCE_EXHAUSTED: there are too many. UNAVAILABLE: its order has ended.
  grpc::Status Add(const std::shared_ptr<OpenStream>& stream, Order order);
  // A stream that was added and is over.
  void Remove(OpenStream* stream);
  // Calls OnWake soon, once for any number of Wakes before that. Any thread,
  // never blocks for long.
  void Wake(const std::weak_ptr<OpenStream>& stream);
  // Ends all of an order; more are refused with UNAVAILABLE.
  void EndAll(Order order, const grpc::Status& status);

  int count() const;

 private:
  struct Entry {
    std::weak_ptr<OpenStream> stream;
    Order order;
  };
  void Run();

  mutable absl::Mutex mutex_;
  std::deque<std::weak_ptr<OpenStream>> to_wake_ ABSL_GUARDED_BY(mutex_);
  std::map<OpenStream*, Entry> streams_ ABSL_GUARDED_BY(mutex_);
  std::set<Order> ended_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace ramet::server

#endif  // SERVER_OPEN_STREAMS_H_
