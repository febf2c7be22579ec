#include "core/route/link.h"

#include <errno.h>

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "core/base/strings.h"
#include "core/wire/call_parts.h"

namespace ramet::core {
namespace {

// Frames are collected into chunks of this size, each written with one call.
constexpr size_t kChunkBytes = 2 * (kFrameHeaderBytes + kMaxPayloadBytes);
// Chunks that hold a frame above it get their whole size at once.
constexpr size_t kLargeFrameBytes = kChunkBytes / 8;
constexpr size_t kMaxSpareChunks = 8;
// A call's large frame makes a flow when more than this waits already.
constexpr size_t kFlowFromBytes = kMaxPayloadBytes;
// Reads per turn, so that one busy peer can't keep the others waiting.
constexpr int kReadsPerTurn = 4;

}  // namespace

Link::Link(EventLoop* loop, std::unique_ptr<ByteStream> stream,
           Delegate* delegate)
    : loop_(loop), stream_(std::move(stream)), delegate_(delegate) {
  stream_->SetListener(this);
}

Link::~Link() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  if (flush_due_) loop_->ForgetTurnEnd(this);
}

bool Link::Queue(const FrameHeader& header, std::string_view payload,
                 size_t reserve_bytes) {
  if (queued_bytes_ + payload.size() > kMaxQueuedBytes + reserve_bytes) {
    ++counters_.refused_full;
    return false;
  }
  ForceQueue(header, payload);
  return true;
}

void Link::ForceQueue(const FrameHeader& header, std::string_view payload) {
  if (closed_ || close_after_flush_) return;
  Append(QueueFor(header, payload), header, payload);
  if (!flush_due_ && !want_write_) {
    flush_due_ = true;
    loop_->AtTurnEnd(this);
  }
}

void Link::ChunkQueue::TakeInto(std::string* chunk) {
  chunk->swap(chunks[first]);
  if (++first == chunks.size()) Clear();
}

void Link::ChunkQueue::Clear() {
  chunks.clear();
  first = 0;
}

Link::ChunkQueue* Link::QueueFor(const FrameHeader& header,
                                 std::string_view payload) {
  if (header.flags & kFlagPriority) return &control_;
  const bool request = header.handle == kCallFunction;
  if (request || header.handle >= kFirstDynamicHandle) {
    // As the callee knows the call, whichever way the frame goes.
    const uint64_t key = request ? CallKey(header.src_id, header.reply_to)
                                 : CallKey(header.dst_id, header.handle);
    for (Flow& flow : flows_) {
      if (flow.key == key) return &flow.queue;
    }
    // Calls begin in their order, which those of a chain rely on.
    const bool begins = request && !payload.empty() &&
                        payload[0] == static_cast<char>(PartKind::kHeaders);
    if (!begins && payload.size() > kLargeFrameBytes &&
        data_queued_bytes_ - data_taken_bytes_ > kFlowFromBytes) {
      flows_.push_back(Flow{key, data_queued_bytes_, ChunkQueue()});
      return &flows_.back().queue;
    }
  } else if (header.handle == kDelRoute) {
    MergeFlows();
  }
  data_queued_bytes_ += kFrameHeaderBytes + payload.size();
  return &data_;
}

void Link::MergeFlows() {
  for (Flow& flow : flows_) {
    while (!flow.queue.empty()) {
      std::string chunk;
      flow.queue.TakeInto(&chunk);
      data_queued_bytes_ += chunk.size();
      data_.chunks.push_back(std::move(chunk));
    }
  }
  flows_.clear();
}

bool Link::TakeChunk() {
  if (!control_.empty()) {
    control_.TakeInto(&writing_);
    return true;
  }
  if ((flow_turn_ || data_.empty()) && TakeFlowChunk()) return true;
  if (data_.empty()) return false;
  data_.TakeInto(&writing_);
  data_taken_bytes_ += writing_.size();
  flow_turn_ = true;
  return true;
}

bool Link::TakeFlowChunk() {
  flow_turn_ = false;
  for (size_t tried = 0; tried < flows_.size(); ++tried) {
    if (next_flow_ >= flows_.size()) next_flow_ = 0;
    Flow& flow = flows_[next_flow_];
    if (flow.not_before <= data_taken_bytes_) {
      flow.queue.TakeInto(&writing_);
      if (flow.queue.empty()) {
        flows_.erase(flows_.begin() + next_flow_);
      } else {
        ++next_flow_;
      }
      return true;
    }
    ++next_flow_;
  }
  return false;
}

void Link::DropQueued() {
  writing_.clear();
  written_ = 0;
  control_.Clear();
  data_.Clear();
  flows_.clear();
  data_taken_bytes_ = data_queued_bytes_;
  queued_bytes_ = 0;
}

void Link::Append(ChunkQueue* queue, const FrameHeader& header,
                  std::string_view payload) {
  RAMET_CHECK(payload.size() <= kMaxPayloadBytes);
  const size_t size = kFrameHeaderBytes + payload.size();
  if (queue->empty() || queue->chunks.back().size() + size > kChunkBytes) {
    queue->chunks.push_back(size > kLargeFrameBytes ? LargeChunk()
                                                    : std::string());
  }
  std::string& chunk = queue->chunks.back();
  FrameHeader complete = header;
  complete.length = static_cast<uint32_t>(payload.size());
  char bytes[kFrameHeaderBytes];
  complete.Serialize(bytes);
  chunk.append(bytes, sizeof bytes);
  chunk.append(payload);
  queued_bytes_ += size;
  ++counters_.frames_out;
  counters_.queue_high_water_bytes =
      std::max(counters_.queue_high_water_bytes, queued_bytes_);
  if (queued_bytes_ > kHighWatermarkBytes) above_high_ = true;
}

std::string Link::LargeChunk() {
  std::string chunk;
  if (spare_chunks_.empty()) {
    chunk.reserve(kChunkBytes);
  } else {
    chunk.swap(spare_chunks_.back());
    spare_chunks_.pop_back();
  }
  return chunk;
}

void Link::Recycle(std::string* chunk) {
  chunk->clear();
  if (chunk->capacity() < kChunkBytes) return;
  if (spare_chunks_.size() < kMaxSpareChunks) {
    spare_chunks_.emplace_back();
    spare_chunks_.back().swap(*chunk);
  } else {
    std::string().swap(*chunk);
  }
}

void Link::CloseAfterFlush() {
  close_after_flush_ = true;
  if (!flush_due_) {
    flush_due_ = true;
    loop_->AtTurnEnd(this);
  }
}

void Link::PauseRead(bool pause) {
  if (closed_ || pause == paused_) return;
  paused_ = pause;
  stream_->PauseRead(pause);
}

void Link::OnTurnEnd() {
  flush_due_ = false;
  Flush();
}

void Link::OnWritable() { Flush(); }

void Link::Flush() {
  if (closed_) return;
  for (;;) {
    if (written_ == writing_.size()) {
      Recycle(&writing_);
      written_ = 0;
      if (!TakeChunk()) break;
    }
    const ssize_t count =
        stream_->Write(writing_.data() + written_, writing_.size() - written_);
    if (count == -EAGAIN) {
      if (!want_write_) {
        want_write_ = true;
        stream_->WantWrite(true);
      }
      break;
    }
    if (count < 0) {
      // The reason, and data that the peer sent before, are on the read side.
      want_write_ = false;
      stream_->WantWrite(false);
      DropQueued();
      OnReadable();
      return;
    }
    written_ += count;
    queued_bytes_ -= count;
    counters_.bytes_out += count;
  }
  if (queued_bytes_ == 0) {
    if (want_write_) {
      want_write_ = false;
      stream_->WantWrite(false);
    }
    if (close_after_flush_) {
      Fail(Status());
      return;
    }
  }
  if (above_high_ && queued_bytes_ <= kLowWatermarkBytes) {
    above_high_ = false;
    delegate_->OnDrained(this);
  }
}

void Link::OnReadable() {
  bool destroyed = false;
  destroyed_ = &destroyed;
  char* const buffer = loop_->scratch();
  for (int turn = 0; turn < kReadsPerTurn && !closed_ && !paused_; ++turn) {
    const size_t kept = partial_.size();
    std::copy(partial_.begin(), partial_.end(), buffer);
    const ssize_t count =
        stream_->Read(buffer + kept, EventLoop::kScratchBytes - kept);
    if (count == -EAGAIN) break;
    if (count <= 0) {
      destroyed_ = nullptr;
      Status why = stream_->status();
      if (why.ok() && (count < 0 || kept > 0)) {
        why = Status(Code::kUnavailable, "link lost in the middle of a frame");
      }
      Fail(why);
      return;  // `this` may be gone
    }
    counters_.bytes_in += count;
    const size_t size = kept + count;
    size_t consumed = 0;
    const bool alive = TakeFrames(buffer, size, &consumed);
    if (destroyed) return;
    if (!alive) break;
    partial_.assign(buffer + consumed, size - consumed);
    if (partial_.empty() && partial_.capacity() > 4096) {
      partial_.shrink_to_fit();
    }
    if (size < EventLoop::kScratchBytes)
      break;  // the stream is drained, likely
  }
  destroyed_ = nullptr;
}

bool Link::TakeFrames(const char* data, size_t size, size_t* consumed) {
  bool destroyed = false;
  bool* const outer = destroyed_;
  destroyed_ = &destroyed;
  while (size - *consumed >= kFrameHeaderBytes) {
    const char* const frame = data + *consumed;
    FrameHeader header;
    const auto result = FrameHeader::Parse(frame, &header);
    if (result != FrameHeader::ParseResult::kOk) {
      destroyed_ = outer;
      std::string text = std::string("peer sent ") + ParseResultText(result);
      Code code = Code::kInternal;
      if (result == FrameHeader::ParseResult::kBadVersion) {
        code = Code::kFailedPrecondition;
        ramet::core::Append(&text,
                            {": it speaks ", static_cast<uint8_t>(frame[2]),
                             ", this side ", kProtocolVersion});
      }
      Fail(Status(code, std::move(text)));
      return false;
    }
    const size_t total = kFrameHeaderBytes + header.length;
    if (size - *consumed < total) break;
    *consumed += total;
    ++counters_.frames_in;
    delegate_->OnFrame(
        this, header,
        std::string_view(frame + kFrameHeaderBytes, header.length));
    if (destroyed) {
      if (outer != nullptr) *outer = true;
      return false;
    }
    if (closed_) break;
  }
  destroyed_ = outer;
  return !closed_;
}

void Link::Fail(const Status& why) {
  if (closed_) return;
  closed_ = true;
  // What is left in the stream, or has room in it, must not wake the loop until
  // the delegate destroys this.
  stream_->PauseRead(true);
  stream_->WantWrite(false);
  delegate_->OnClosed(this, why);
}

}  // namespace ramet::core
