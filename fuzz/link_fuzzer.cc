// Whatever arrives, in whatever pieces, a link gives frames that serialize to
// exactly those bytes, or closes; and it may be destroyed from within any of
// them.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/check.h"
#include "core/base/status.h"
#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"
#include "core/route/link.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/frame_header.h"
#include "fuzz/fuzz_input.h"

namespace ramet::core {
namespace {

class Recorder final : public Link::Delegate {
 public:
  // The link is destroyed with its frame number `last_frame`; 0: never.
  Recorder(EventLoop* loop, std::unique_ptr<ByteStream> stream, int last_frame)
      : frames_left_(last_frame),
        link_(std::make_unique<Link>(loop, std::move(stream), this)) {}

  void OnFrame(Link*, const FrameHeader& header,
               std::string_view payload) override {
    RAMET_CHECK(link_ != nullptr && !closed);
    RAMET_CHECK(payload.size() == header.length);
    RAMET_CHECK(payload.size() <= kMaxPayloadBytes);
    RAMET_CHECK((header.flags & ~kKnownFlags) == 0);
    frames += FrameBytes(header, payload);
    if (--frames_left_ == 0) link_.reset();
  }
  void OnDrained(Link*) override {}
  void OnClosed(Link*, const Status& status) override {
    RAMET_CHECK(link_ != nullptr && !closed);
    closed = true;
    why = status;
  }

  bool over() const { return link_ == nullptr || closed; }

  std::string frames;
  bool closed = false;
  Status why;

 private:
  int frames_left_;
  std::unique_ptr<Link> link_;
};

void Run(fuzz::FuzzInput input) {
  static const FakeClock clock;
  EventLoop loop(&clock);
  MemoryNetwork network(&loop);
  MemoryNetwork::Pair pair = network.MakePair();
  pair.b_to_a->max_read = 1 + input.Byte() * 8;
  Recorder recorder(&loop, std::move(pair.a), input.Byte());
  auto peer = std::make_unique<RawPeer>(std::move(pair.b));
  std::string sent;
  while (!input.empty() && !recorder.over()) {
    const std::string_view piece = input.Bytes(1 + input.Byte());
    sent += piece;
    peer->SendBytes(piece);
    network.Settle();
  }
  RAMET_CHECK(sent.compare(0, recorder.frames.size(), recorder.frames) == 0);
  if (recorder.over()) {
    RAMET_CHECK(!recorder.closed || !recorder.why.ok());
    return;
  }
  // What is left is the beginning of one frame.
  const size_t left = sent.size() - recorder.frames.size();
  RAMET_CHECK(left < kFrameHeaderBytes + kMaxPayloadBytes);
  peer.reset();
  network.Settle();
  RAMET_CHECK(recorder.closed && recorder.why.ok() == (left == 0));
}

}  // namespace
}  // namespace ramet::core

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ramet::core::Run(ramet::fuzz::FuzzInput(data, size));
  return 0;
}
