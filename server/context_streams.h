#ifndef SERVER_CONTEXT_STREAMS_H_
#define SERVER_CONTEXT_STREAMS_H_

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "ramet/v1/contexts.pb.h"
#include "server/context_info.h"
#include "server/gatekeeper.h"
#include "server/log_hub.h"
#include "server/server_stream.h"
#include "server/tree_hub.h"

namespace ramet::server {

// Where the streams of ramet.v1.Contexts get their messages.

void Fill(const ContextInfo& info, v1::ContextInfo* out);

// Watch: what a subscription has, and the reader may see.
class WatchSource final : public StreamSource<v1::WatchReply> {
 public:
  WatchSource(std::shared_ptr<TreeHub::Subscription> subscription,
              Gatekeeper::Visible visible)
      : subscription_(std::move(subscription)), visible_(std::move(visible)) {}

  Next TakeNext(v1::WatchReply* reply, grpc::Status* status) override;

 private:
  const std::shared_ptr<TreeHub::Subscription> subscription_;
  const Gatekeeper::Visible visible_;
};

// Logs: the same for lines.
class LogSource final : public StreamSource<v1::LogLine> {
 public:
  LogSource(std::shared_ptr<LogHub::Subscription> subscription,
            Gatekeeper::Visible visible)
      : subscription_(std::move(subscription)), visible_(std::move(visible)) {}

  Next TakeNext(v1::LogLine* reply, grpc::Status* status) override;

 private:
  const std::shared_ptr<LogHub::Subscription> subscription_;
  const Gatekeeper::Visible visible_;
};

// ConnectWithProgress: the changes of the hops on the way to `target`, then the
// end.
class ConnectSource final : public StreamSource<v1::ConnectProgress> {
 public:
  // `target` is canonical. The admission is held to the end.
  ConnectSource(std::string target, const TreeHub* tree,
                std::shared_ptr<TreeHub::Subscription> subscription,
                Admission admission);

  // The connect is over; then wake the stream. Any thread.
  void OnDone(const absl::Status& status);

  Next TakeNext(v1::ConnectProgress* reply, grpc::Status* status) override;

 private:
  bool AddPhase(const std::string& context, const std::string& phase);

  const std::string target_;
  const TreeHub* const tree_;
  const std::shared_ptr<TreeHub::Subscription> subscription_;
  const Admission admission_;
  const absl::Time start_;
  std::deque<v1::ConnectPhase> phases_;  // of a snapshot, before the rest
  bool told_end_ = false;
  absl::Mutex mutex_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ramet::server

#endif  // SERVER_CONTEXT_STREAMS_H_
