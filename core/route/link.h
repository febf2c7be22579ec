#ifndef CORE_ROUTE_LINK_H_
#define CORE_ROUTE_LINK_H_

#include <stdint.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"
#include "core/route/frame_budget.h"
#include "core/wire/frame_header.h"

namespace ramet::core {

// Frames over a ByteStream: one edge of the tree.
//
// Order: priority frames first. The others go in the order in which they were
//   queued, but for the large frames of calls while others wait: those of each
//   call go into a queue of their own (a flow), and flows and everything else
//   take turns, so that a small call waits for a chunk and not for every bulk
//   transfer. A frame never overtakes one of its own call; a flow never what
//   was queued before it began; the first frame of a call none of another's;
//   and DEL_ROUTE nothing.
// Ownership: whoever made it; it owns its stream. It may be destroyed from
//   within its delegate's callbacks.
// Threads: the loop's.
// Backpressure: Queue() refuses above kMaxQueuedBytes; who forwards on behalf
//   of another link watches queued_bytes() and pauses that link instead.
// Errors: anything from the peer that is not a frame ends the link; the
//   process goes on.
class Link final : private ByteStream::Listener, private TurnEndHandler {
 public:
  // What a link that nobody drains may hold: a few of the largest messages and
  // a module image. Beyond it a frame is refused, not stored.
  static constexpr size_t kMaxQueuedBytes = 32 * 1024 * 1024;
  // Room above that for dead replies, which free what waits at the other end.
  static constexpr size_t kReplyReserveBytes = 1024 * 1024;
  // Between these two a forwarder pauses and resumes its source.
  static constexpr size_t kHighWatermarkBytes = 1024 * 1024;
  static constexpr size_t kLowWatermarkBytes = 256 * 1024;

  class Delegate {
   public:
    virtual ~Delegate() = default;
    // `payload` is valid during the call only.
    virtual void OnFrame(Link* link, const FrameHeader& header,
                         std::string_view payload) = 0;
    // The queue fell to kLowWatermarkBytes after it was above the high one.
    virtual void OnDrained(Link* link) = 0;
    // The link is over and silent from now on. OK: the peer closed it at a
    // frame's end. The delegate destroys it, now or later.
    virtual void OnClosed(Link* link, const Status& why) = 0;
  };

  struct Counters {
    uint64_t frames_in = 0;
    uint64_t frames_out = 0;
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
    uint64_t refused_source = 0;  // forged src_id or auth_id
    uint64_t refused_route = 0;   // ADD_ROUTE, DEL_ROUTE of what is not its own
    uint64_t refused_full = 0;    // the queue's limit was reached
    uint64_t slowed = 0;          // times that its FrameBudget was used up
    size_t queue_high_water_bytes = 0;
  };

  Link(EventLoop* loop, std::unique_ptr<ByteStream> stream, Delegate* delegate);
  ~Link() override;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Queues a frame; it is written at the end of the loop's turn. header.length
  // is set from `payload`, of at most kMaxPayloadBytes. False: the queue is at
  // its limit, which is `reserve_bytes` higher than for others, and the frame
  // was dropped.
  bool Queue(const FrameHeader& header, std::string_view payload,
             size_t reserve_bytes = 0);
  // The same without the limit, for what is bounded elsewhere: on the way up,
  // who writes is paused.
  void ForceQueue(const FrameHeader& header, std::string_view payload);

  // Writes what is queued and then, once all is written, ends the link.
  void CloseAfterFlush();

  // Gives back memory that is only kept for the next large frames.
  void Trim() { spare_chunks_.clear(); }

  // While paused the peer is slowed down; frames that were read already still
  // arrive.
  void PauseRead(bool pause);
  bool paused() const { return paused_; }
  // The peer does not take as much as there is for it.
  bool blocked() const { return want_write_; }

  size_t queued_bytes() const { return queued_bytes_; }
  bool open() const { return !closed_; }
  Counters& counters() { return counters_; }
  const ByteStream& stream() const { return *stream_; }
  // ByteStream::Detach of the stream.
  void DetachStream() { stream_->Detach(); }

  // The context at the other end.
  ContextId peer_id() const { return peer_id_; }
  void set_peer_id(ContextId id) { peer_id_ = id; }
  // When its refused frames may be told of again.
  int64_t next_report_us() const { return next_report_us_; }
  void set_next_report_us(int64_t us) { next_report_us_ = us; }

  // What may come over it of frames that cost this side work.
  FrameBudget& frame_budget() { return frame_budget_; }
  // Ids that its subtree has asked for and was, or will be, granted.
  uint32_t asked_ids() const { return asked_ids_; }
  void set_asked_ids(uint32_t count) { asked_ids_ = count; }

  // The child keeps images over its own end (Hello.cache_dir).
  bool keeps_images() const { return keeps_images_; }
  void set_keeps_images(bool keeps) { keeps_images_ = keeps; }

  // What the peer said before it closed the link; OK when it said nothing.
  const Status& farewell() const { return farewell_; }
  void set_farewell(Status why) { farewell_ = std::move(why); }

  // For texts: "ssh:web1".
  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }

 private:
  void OnReadable() override;
  void OnWritable() override;
  void OnTurnEnd() override;

  // Whole frames, collected into chunks that are written with one call each.
  struct ChunkQueue {
    std::vector<std::string> chunks;
    size_t first = 0;  // chunks before it were taken

    bool empty() const { return first == chunks.size(); }
    // Swaps the first chunk with `chunk`, which is empty.
    void TakeInto(std::string* chunk);
    void Clear();
  };

  // Frames of one call that wait for their turn.
  struct Flow {
    uint64_t key;
    uint64_t not_before;  // of data_taken_bytes_
    ChunkQueue queue;
  };

  ChunkQueue* QueueFor(const FrameHeader& header, std::string_view payload);
  // Puts all flows behind data_, as if they were small.
  void MergeFlows();
  // The next chunk to be written; false: there is none.
  bool TakeChunk();
  bool TakeFlowChunk();
  void DropQueued();
  void Append(ChunkQueue* queue, const FrameHeader& header,
              std::string_view payload);
  // An empty chunk with room for large frames.
  std::string LargeChunk();
  void Recycle(std::string* chunk);
  void Flush();
  // Consumes whole frames; false when the link was closed or destroyed.
  bool TakeFrames(const char* data, size_t size, size_t* consumed);
  void Fail(const Status& why);

  EventLoop* const loop_;
  std::unique_ptr<ByteStream> stream_;
  Delegate* const delegate_;
  ContextId peer_id_ = 0;
  int64_t next_report_us_ = 0;
  FrameBudget frame_budget_;
  uint32_t asked_ids_ = 0;
  bool keeps_images_ = false;
  Status farewell_;
  std::string name_;

  std::string partial_;  // the beginning of a frame whose rest is to come
  // Chunks of whole frames: the one being written, then control, then data and
  // flows in turn.
  std::string writing_;
  size_t written_ = 0;
  ChunkQueue control_;
  ChunkQueue data_;
  uint64_t data_queued_bytes_ = 0;  // that were ever put into data_
  uint64_t data_taken_bytes_ = 0;   // and taken out of it
  std::vector<Flow> flows_;
  size_t next_flow_ = 0;
  bool flow_turn_ = false;
  // Large chunks that were written: malloc would map each anew.
  std::vector<std::string> spare_chunks_;
  size_t queued_bytes_ = 0;
  bool flush_due_ = false;
  bool above_high_ = false;
  bool want_write_ = false;
  bool close_after_flush_ = false;
  bool closed_ = false;
  bool paused_ = false;
  bool* destroyed_ = nullptr;
  Counters counters_;
};

}  // namespace ramet::core

#endif  // CORE_ROUTE_LINK_H_
