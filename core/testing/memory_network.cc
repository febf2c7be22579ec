#include "core/testing/memory_network.h"

#include <errno.h>
#include <string.h>

#include <algorithm>
#include <set>

#include "core/base/check.h"

namespace ramet::core {
namespace {

constexpr int kMaxTurns = 1'000'000;

}  // namespace

class MemoryStream;

struct MemoryNetwork::State {
  explicit State(EventLoop* loop) : loop(loop) {}

  EventLoop* const loop;
  std::set<MemoryStream*> streams;
  size_t due = 0;  // events that are scheduled
};

class MemoryStream final : public ByteStream {
 public:
  MemoryStream(std::shared_ptr<MemoryNetwork::State> network,
               std::shared_ptr<MemoryPipe> in, std::shared_ptr<MemoryPipe> out)
      : network_(std::move(network)), in_(std::move(in)), out_(std::move(out)) {
    network_->streams.insert(this);
  }

  ~MemoryStream() override {
    if (destroyed_ != nullptr) *destroyed_ = true;
    if (timer_ != 0) {
      network_->loop->CancelTimer(timer_);
      --network_->due;
    }
    out_->closed = true;
    network_->streams.erase(this);
    WakeOthers();
  }

  void SetListener(Listener* listener) override {
    listener_ = listener;
    Schedule();
  }

  ssize_t Read(char* buffer, size_t capacity) override {
    if (in_->size() == 0) {
      if (!in_->closed) return -EAGAIN;
      end_seen_ = true;
      status_ = in_->end_status;
      return status_.ok() ? 0 : -EPROTO;
    }
    const size_t count = std::min({capacity, in_->max_read, in_->size()});
    memcpy(buffer, in_->bytes.data() + in_->read_bytes, count);
    in_->read_bytes += count;
    if (2 * in_->read_bytes > in_->bytes.size()) {
      in_->bytes.erase(0, in_->read_bytes);
      in_->read_bytes = 0;
    }
    WakeOthers();
    return static_cast<ssize_t>(count);
  }

  ssize_t Write(const char* bytes, size_t count) override {
    // The reader is gone once its own direction is closed.
    if (in_->closed) return -EPROTO;
    if (out_->size() >= out_->capacity) return -EAGAIN;
    const size_t taken = std::min(count, out_->capacity - out_->size());
    std::string piece(bytes, taken);
    ++out_->writes;
    if (out_->hook) out_->hook(&piece);
    out_->bytes += piece;
    WakeOthers();
    return static_cast<ssize_t>(taken);
  }

  void WantWrite(bool want) override {
    want_write_ = want;
    Schedule();
  }

  void PauseRead(bool pause) override {
    paused_ = pause;
    Schedule();
  }

  Status status() const override { return status_; }
  const char* phase() const override { return "call"; }

  void Schedule() {
    if (timer_ != 0 || (!CanRead() && !CanWrite())) return;
    ++network_->due;
    timer_ = network_->loop->RunAfter(0, [this] { OnDue(); });
  }

 private:
  bool CanRead() const {
    return listener_ != nullptr && !paused_ &&
           (in_->size() != 0 || (in_->closed && !end_seen_));
  }
  bool CanWrite() const {
    return listener_ != nullptr && want_write_ &&
           (in_->closed || out_->size() < out_->capacity);
  }

  void OnDue() {
    timer_ = 0;
    --network_->due;
    bool destroyed = false;
    destroyed_ = &destroyed;
    if (CanWrite()) listener_->OnWritable();
    if (destroyed) return;
    if (CanRead()) listener_->OnReadable();
    if (destroyed) return;
    destroyed_ = nullptr;
    Schedule();
  }

  void WakeOthers() {
    for (MemoryStream* stream : network_->streams) {
      if (stream->in_ == out_ || stream->out_ == in_) stream->Schedule();
    }
  }

  const std::shared_ptr<MemoryNetwork::State> network_;
  const std::shared_ptr<MemoryPipe> in_;
  const std::shared_ptr<MemoryPipe> out_;
  Listener* listener_ = nullptr;
  EventLoop::TimerId timer_ = 0;
  bool want_write_ = false;
  bool paused_ = false;
  bool end_seen_ = false;
  bool* destroyed_ = nullptr;
  Status status_;
};

MemoryNetwork::MemoryNetwork(EventLoop* loop)
    : state_(std::make_shared<State>(loop)) {}

MemoryNetwork::~MemoryNetwork() = default;

MemoryNetwork::Pair MemoryNetwork::MakePair() {
  Pair pair;
  pair.a_to_b = std::make_shared<MemoryPipe>();
  pair.b_to_a = std::make_shared<MemoryPipe>();
  pair.a = std::make_unique<MemoryStream>(state_, pair.b_to_a, pair.a_to_b);
  pair.b = std::make_unique<MemoryStream>(state_, pair.a_to_b, pair.b_to_a);
  return pair;
}

void MemoryNetwork::Wake() {
  for (MemoryStream* stream : state_->streams) stream->Schedule();
}

void MemoryNetwork::Settle() {
  // Quiet for two turns: what one queues or closes is written or buried in the
  // next.
  int quiet = 0;
  for (int turn = 0; quiet < 2; ++turn) {
    // Somebody is told again and again of something that he does not take.
    RAMET_CHECK(turn < kMaxTurns);
    state_->loop->RunOnce(0);
    quiet = state_->due > 0 ? 0 : quiet + 1;
  }
}

}  // namespace ramet::core
