#ifndef SERVER_LOG_HUB_H_
#define SERVER_LOG_HUB_H_

#include <stddef.h>
#include <stdint.h>

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/master.h"
#include "server/open_streams.h"

namespace ramet::server {

// Queues of log lines for readers that may be slow. Threads: any.
class LogHub {
 public:
  // What waits for one reader, texts and names counted. Lines beyond it are
  // lost.
  static constexpr size_t kMaxQueuedBytes = 256 * 1024;

  struct Line {
    LogLine line;
    uint64_t dropped = 0;  // just before this one
  };

  // One reader's lines. Ends when it is destroyed.
  class Subscription {
   public:
    // The next line, or nothing until the reader is woken.
    std::optional<Line> TakeNext();
    // Whom to wake; once.
    void SetReader(std::weak_ptr<OpenStream> reader);

   private:
    friend class LogHub;
    Subscription(std::string below, uint32_t level)
        : below_(std::move(below)), level_(level) {}

    // Whether the reader is to be woken; `dropped` counts what did not fit.
    bool Push(const LogLine& line, std::atomic<uint64_t>* dropped);

    const std::string below_;
    const uint32_t level_;
    absl::Mutex mutex_;
    std::weak_ptr<OpenStream> reader_ ABSL_GUARDED_BY(mutex_);
    std::deque<Line> queue_ ABSL_GUARDED_BY(mutex_);
    size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
    uint64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  };

  explicit LogHub(OpenStreams* streams) : streams_(streams) {}

  // From Master::WatchLog, on the loop.
  void OnLine(const LogLine& line);

  // Lines of `below` and what is below it, of `level` at least.
  std::shared_ptr<Subscription> Subscribe(const std::string& below,
                                          uint32_t level);

  // Lines that some reader has lost.
  uint64_t dropped() const { return dropped_; }

 private:
  OpenStreams* const streams_;
  std::atomic<uint64_t> dropped_{0};
  absl::Mutex mutex_;
  std::vector<std::weak_ptr<Subscription>> subscriptions_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace ramet::server

#endif  // SERVER_LOG_HUB_H_
