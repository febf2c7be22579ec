#ifndef CORE_ROUTE_HANDLE_TABLE_H_
#define CORE_ROUTE_HANDLE_TABLE_H_

#include <stdint.h>

#include <string_view>

#include "core/base/id_map.h"
#include "core/base/status.h"
#include "core/wire/frame_header.h"

namespace ramet::core {

// Gets the replies to one request.
class ReplyHandler {
 public:
  virtual ~ReplyHandler() = default;
  // A verified reply from the respondent. May remove its own handle.
  virtual void OnReply(const FrameHeader& header, std::string_view payload) = 0;
  // No (further) reply will come. The handle has been removed already.
  virtual void OnDead(const Status& why) = 0;
};

// The dynamic handles of a context: each waits for replies from one context
// and refuses frames from every other, so that guessing a handle gains nothing.
// Handles are not used again before four billion others were.
//
// Ownership: handlers belong to who adds them and must be removed before they
//   go. Threads: the loop's.
class HandleTable {
 public:
  HandleId Add(ContextId respondent, ReplyHandler* handler);
  void Remove(HandleId handle) { entries_.Remove(handle); }

  // The context that is expected to answer; false for no such handle.
  bool Respondent(HandleId handle, ContextId* respondent) const;

  // Hands over a frame whose source was checked against Respondent().
  void Deliver(const FrameHeader& header, std::string_view payload);

  // Wakes everybody who waits for `respondent`.
  void FailRespondent(ContextId respondent, const Status& why);
  void FailAll(const Status& why);

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    ContextId respondent;
    ReplyHandler* handler;
  };

  void Fail(bool all, ContextId respondent, const Status& why);

  IdMap<Entry> entries_;
  HandleId next_ = kFirstDynamicHandle;
};

}  // namespace ramet::core

#endif  // CORE_ROUTE_HANDLE_TABLE_H_
