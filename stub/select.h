#ifndef STUB_SELECT_H_
#define STUB_SELECT_H_

#include <stddef.h>

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "absl/time/time.h"
#include "stub/client_stream.h"
#include "stub/client_streams.h"
#include "stub/pending_call.h"

namespace ramet::stub {

// Waits for whichever of many pending calls and streams is ready first:
//
//   Select select;
//   for (auto& call : calls) select.Add(call);
//   while (auto ready = select.Wait()) {
//     auto reply = calls[*ready].Wait();   // does not block
//   }
//
// A pending call is ready once, when it is over. A stream is ready whenever its
// Read() would not block, and once more when that is false for good; then it is
// no longer waited for. Who is ready comes in the order in which it became so,
// so that a busy stream keeps no other waiting. Waiting costs the same for ten
// and for ten thousand.
//
// Threads: one at a time. Calls and streams may go before it, and it before
// them.
class Select {
 public:
  Select();
  ~Select();
  Select(const Select&) = delete;
  Select& operator=(const Select&) = delete;

  // Numbers them from 0, in the order of Add().
  template <typename Reply>
  size_t Add(const PendingCall<Reply>& call) {
    return AddWatch([&call](std::function<void()> ready) {
      call.WhenDone(std::move(ready));
    });
  }
  template <typename Reply>
  size_t Add(const ClientReader<Reply>& stream) {
    return AddStream(stream.shared_stream());
  }
  template <typename Request, typename Reply>
  size_t Add(const ClientReaderWriter<Request, Reply>& stream) {
    return AddStream(stream.shared_stream());
  }

  // Blocks until one is ready: its number. Nothing: `timeout` has passed, or
  // there is none to wait for any more (empty()).
  std::optional<size_t> Wait(absl::Duration timeout = absl::InfiniteDuration());

  // All have been ready for the last time.
  bool empty() const { return open_ == 0; }

 private:
  class Signal;

  size_t AddWatch(
      const std::function<void(std::function<void()> ready)>& watch);
  size_t AddStream(const std::shared_ptr<ClientStream>& stream);

  const std::shared_ptr<Signal> signal_;  // shared with what is waited for
  size_t next_ = 0;
  size_t open_ = 0;
  std::unordered_map<size_t, std::weak_ptr<ClientStream>> streams_;
  std::optional<size_t> given_;  // the stream that Wait() gave last
};

}  // namespace ramet::stub

#endif  // STUB_SELECT_H_
