#include "core/route/link.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"

namespace ramet::core {
namespace {

FrameHeader Data(uint32_t number = 0) {
  FrameHeader header;
  header.dst_id = 7;
  header.src_id = 3;
  header.handle = kCallFunction;
  header.reply_to = number;
  return header;
}

FrameHeader Control(uint32_t number = 0) {
  FrameHeader header = Data(number);
  header.flags = kFlagPriority;
  return header;
}

// A link on one end of a pair of streams, the test on the other.
class LinkTest : public testing::Test, public Link::Delegate {
 protected:
  LinkTest() {
    MemoryNetwork::Pair pair = network_.MakePair();
    in_ = pair.b_to_a;
    out_ = pair.a_to_b;
    link_ = std::make_unique<Link>(&loop_, std::move(pair.a), this);
    peer_ = std::make_unique<RawPeer>(std::move(pair.b));
  }

  void OnFrame(Link*, const FrameHeader& header,
               std::string_view payload) override {
    frames_.push_back({header, std::string(payload)});
    if (on_frame_) on_frame_();
  }
  void OnDrained(Link*) override {
    ++drained_;
    if (on_drained_) on_drained_();
  }
  void OnClosed(Link*, const Status& why) override {
    ++closed_;
    why_ = why;
    if (on_closed_) on_closed_();
  }

  void Send(std::string_view bytes) {
    peer_->SendBytes(bytes);
    network_.Settle();
  }
  // Nothing that is written arrives, or is taken, from now on.
  void BlockWrites() { out_->capacity = 0; }
  void UnblockWrites() {
    out_->capacity = 1 << 30;
    network_.Wake();
    network_.Settle();
  }

  FakeClock clock_;
  EventLoop loop_{&clock_};
  MemoryNetwork network_{&loop_};
  std::shared_ptr<MemoryPipe> in_;
  std::shared_ptr<MemoryPipe> out_;
  std::unique_ptr<RawPeer> peer_;
  std::unique_ptr<Link> link_;

  std::vector<RawFrame> frames_;
  int drained_ = 0;
  int closed_ = 0;
  Status why_;
  std::function<void()> on_frame_;
  std::function<void()> on_drained_;
  std::function<void()> on_closed_;
};

TEST_F(LinkTest, TakesAFrameThatIsCutAtAnyByte) {
  const std::string bytes = FrameBytes(Data(42), "the payload");
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    frames_.clear();
    Send(bytes.substr(0, cut));
    ASSERT_TRUE(frames_.empty()) << cut;
    Send(bytes.substr(cut));
    ASSERT_EQ(frames_.size(), 1u) << cut;
    EXPECT_EQ(frames_[0].payload, "the payload");
    EXPECT_EQ(frames_[0].header.reply_to, 42u);
    EXPECT_EQ(frames_[0].header.length, 11u);
  }
}

TEST_F(LinkTest, TakesFramesThatArriveByteByByte) {
  in_->max_read = 1;
  Send(FrameBytes(Data(1), "one") + FrameBytes(Data(2)) +
       FrameBytes(Data(3), "three"));
  ASSERT_EQ(frames_.size(), 3u);
  EXPECT_EQ(frames_[0].payload, "one");
  EXPECT_EQ(frames_[1].payload, "");
  EXPECT_EQ(frames_[2].payload, "three");
}

TEST_F(LinkTest, TakesManyFramesOfOneReadInOrder) {
  std::string bytes;
  for (uint32_t i = 0; i < 1000; ++i) bytes += FrameBytes(Data(i), "x");
  Send(bytes);
  ASSERT_EQ(frames_.size(), 1000u);
  for (uint32_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(frames_[i].header.reply_to, i);
  }
  EXPECT_EQ(link_->counters().frames_in, 1000u);
  EXPECT_EQ(link_->counters().bytes_in, bytes.size());
}

TEST_F(LinkTest, TakesFramesOfEverySizeWhateverTheReads) {
  std::mt19937 random(4);
  for (size_t max_read : {1000u, 65536u, 65564u, 262144u}) {
    in_->max_read = max_read;
    frames_.clear();
    std::vector<std::string> payloads;
    std::string bytes;
    for (int i = 0; i < 60; ++i) {
      const size_t size = i % 5 == 0 ? kMaxPayloadBytes - i : random() % 3000;
      payloads.push_back(std::string(size, static_cast<char>('a' + i % 26)));
      bytes += FrameBytes(Data(i), payloads.back());
    }
    Send(bytes);
    ASSERT_EQ(frames_.size(), payloads.size()) << max_read;
    for (size_t i = 0; i < payloads.size(); ++i) {
      ASSERT_TRUE(frames_[i].payload == payloads[i]) << i;
    }
  }
}

TEST_F(LinkTest, ClosesOnBytesThatAreNoFrame) {
  Send(FrameBytes(Data(), "good") + std::string(100, '?'));
  EXPECT_EQ(frames_.size(), 1u) << "what stood before still arrives";
  EXPECT_EQ(closed_, 1);
  EXPECT_FALSE(link_->open());
  EXPECT_EQ(why_.code(), Code::kInternal);
  EXPECT_EQ(why_.message(), "peer sent bytes that are not a frame");
}

TEST_F(LinkTest, ClosesOnAnotherVersionAndNamesBoth) {
  std::string bytes = FrameBytes(Data());
  bytes[2] = 9;
  Send(bytes);
  EXPECT_EQ(closed_, 1);
  EXPECT_EQ(why_.code(), Code::kFailedPrecondition);
  EXPECT_EQ(why_.message(),
            "peer sent a frame of another protocol version: it speaks 9, this "
            "side 1");
}

TEST_F(LinkTest, ClosesOnUnknownFlags) {
  std::string bytes = FrameBytes(Data());
  bytes[3] = kFlagCompressed;
  Send(bytes);
  EXPECT_EQ(why_.message(), "peer sent a frame with unknown flags");
}

TEST_F(LinkTest, ClosesOnAFrameThatIsTooLong) {
  std::string bytes = FrameBytes(Data());
  bytes[24] = 0x7f;
  Send(bytes);
  EXPECT_EQ(why_.message(), "peer sent a frame longer than 64 KiB");
}

TEST_F(LinkTest, AnEndBetweenFramesIsNoError) {
  Send(FrameBytes(Data(), "last"));
  peer_->Close();
  network_.Settle();
  EXPECT_EQ(frames_.size(), 1u);
  EXPECT_EQ(closed_, 1);
  EXPECT_TRUE(why_.ok());
}

TEST_F(LinkTest, AnEndWithinAFrameIsALoss) {
  const std::string bytes = FrameBytes(Data(), "cut off");
  for (size_t size : {size_t{1}, kFrameHeaderBytes, bytes.size() - 1}) {
    MemoryNetwork::Pair pair = network_.MakePair();
    Link link(&loop_, std::move(pair.a), this);
    RawPeer peer(std::move(pair.b));
    why_ = Status();
    peer.SendBytes(std::string_view(bytes).substr(0, size));
    network_.Settle();
    peer.Close();
    network_.Settle();
    EXPECT_EQ(why_.code(), Code::kUnavailable) << size;
    EXPECT_EQ(why_.message(), "link lost in the middle of a frame") << size;
  }
}

TEST_F(LinkTest, AFailureOfTheStreamIsTheReason) {
  in_->end_status = Status(Code::kUnauthenticated, "no key was accepted");
  peer_->Close();
  network_.Settle();
  EXPECT_EQ(closed_, 1);
  EXPECT_EQ(why_.code(), Code::kUnauthenticated);
  EXPECT_EQ(why_.message(), "no key was accepted");
}

TEST_F(LinkTest, ReadsWhatThePeerSaidBeforeAFailedWriteToldOfItsEnd) {
  peer_->SendBytes(FrameBytes(Data(), "last words"));
  peer_->Close();
  link_->Queue(Data(), "too late");
  network_.Settle();
  ASSERT_EQ(frames_.size(), 1u);
  EXPECT_EQ(frames_[0].payload, "last words");
  EXPECT_EQ(closed_, 1);
}

TEST_F(LinkTest, WritesAllFramesOfATurnAtOnce) {
  for (uint32_t i = 0; i < 10; ++i) link_->Queue(Data(i), "x");
  EXPECT_EQ(out_->writes, 0u);
  network_.Settle();
  EXPECT_EQ(out_->writes, 1u);
  ASSERT_EQ(peer_->frames().size(), 10u);
  for (uint32_t i = 0; i < 10; ++i) {
    EXPECT_EQ(peer_->frames()[i].header.reply_to, i);
  }
  EXPECT_EQ(link_->counters().frames_out, 10u);
  EXPECT_EQ(link_->queued_bytes(), 0u);
}

TEST_F(LinkTest, SetsTheLengthItself) {
  FrameHeader header = Data();
  header.length = 12345;
  link_->Queue(header, "four");
  network_.Settle();
  ASSERT_EQ(peer_->frames().size(), 1u);
  EXPECT_EQ(peer_->frames()[0].payload, "four");
}

TEST_F(LinkTest, ManyFramesOfEverySizeArriveInOrderThroughANarrowStream) {
  out_->capacity = 1000;
  std::vector<std::string> payloads;
  for (uint32_t i = 0; i < 300; ++i) {
    payloads.push_back(std::string((i * 7919) % kMaxPayloadBytes, 'p'));
    FrameHeader header = Data();
    header.auth_id = i;
    ASSERT_TRUE(link_->Queue(header, payloads.back()));
  }
  network_.Settle();
  ASSERT_EQ(peer_->frames().size(), 300u);
  for (uint32_t i = 0; i < 300; ++i) {
    ASSERT_EQ(peer_->frames()[i].header.auth_id, i);
    ASSERT_TRUE(peer_->frames()[i].payload == payloads[i]);
  }
}

TEST_F(LinkTest, ControlGoesAheadOfData) {
  BlockWrites();
  const std::string bulk(kMaxPayloadBytes, 'b');
  for (uint32_t i = 0; i < 20; ++i) link_->Queue(Data(i), bulk);
  network_.Settle();
  link_->Queue(Control(100), "urgent");
  link_->Queue(Control(101), "urgent");
  UnblockWrites();
  const std::vector<RawFrame>& frames = peer_->frames();
  ASSERT_EQ(frames.size(), 22u);
  size_t at = 0;
  while (frames[at].header.reply_to != 100) ++at;
  // At most the chunk that was being written stands before it.
  EXPECT_LE(at, 2u);
  EXPECT_EQ(frames[at + 1].header.reply_to, 101u);
}

std::string Large() { return std::string(kMaxPayloadBytes, 'l'); }

FrameHeader Handle(HandleId handle, uint32_t number = 0) {
  FrameHeader header = Data(number);
  header.handle = handle;
  return header;
}

TEST_F(LinkTest, ASmallCallIsNotKeptWaitingByABulkOne) {
  BlockWrites();
  for (int i = 0; i < 40; ++i) link_->Queue(Data(1), Large());
  link_->Queue(Data(2), "small");
  UnblockWrites();
  const std::vector<RawFrame>& frames = peer_->frames();
  ASSERT_EQ(frames.size(), 41u);
  for (size_t i = 0; i < frames.size(); ++i) {
    if (frames[i].header.reply_to == 2) {
      EXPECT_LE(i, 4u);
    }
  }
}

TEST_F(LinkTest, BulkCallsTakeTurns) {
  BlockWrites();
  for (uint32_t call = 1; call <= 3; ++call) {
    for (int i = 0; i < 20; ++i) link_->Queue(Data(call), Large());
  }
  UnblockWrites();
  const std::vector<RawFrame>& frames = peer_->frames();
  ASSERT_EQ(frames.size(), 60u);
  // Behind the beginning of the first, none waits for more than the others'
  // turns, of two frames each.
  size_t last_of_third = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    if (frames[i].header.reply_to != 3) continue;
    EXPECT_LE(i - last_of_third, 8u);
    last_of_third = i;
  }
}

TEST_F(LinkTest, ACallDoesNotOvertakeTheModuleThatItNeeds) {
  BlockWrites();
  for (int i = 0; i < 20; ++i) link_->Queue(Handle(kLoadModule), Large());
  link_->Queue(Data(1), Large());
  link_->Queue(Data(2), "small");
  UnblockWrites();
  const std::vector<RawFrame>& frames = peer_->frames();
  ASSERT_EQ(frames.size(), 22u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(frames[i].header.handle, kLoadModule);
}

TEST_F(LinkTest, CallsBeginInTheirOrderWhateverTheirSizes) {
  BlockWrites();
  std::string begins = Large();
  begins[0] = 1;  // a HEADERS part
  for (uint32_t call = 1; call <= 8; ++call) {
    link_->Queue(Data(call), call % 2 ? begins : begins.substr(0, 20));
    if (call % 2) link_->Queue(Data(call), Large());
  }
  UnblockWrites();
  const std::vector<RawFrame>& frames = peer_->frames();
  ASSERT_EQ(frames.size(), 12u);
  uint32_t last = 0;
  for (const RawFrame& frame : frames) {
    if (frame.payload[0] != 1) continue;
    EXPECT_EQ(frame.header.reply_to, ++last);
  }
  EXPECT_EQ(last, 8u);
}

TEST_F(LinkTest, ALostRouteOvertakesNothing) {
  BlockWrites();
  for (int i = 0; i < 20; ++i) link_->Queue(Handle(1001), Large());
  link_->Queue(Handle(kDelRoute), "lost");
  link_->Queue(Handle(1002), "later");
  UnblockWrites();
  const std::vector<RawFrame>& frames = peer_->frames();
  ASSERT_EQ(frames.size(), 22u);
  EXPECT_EQ(frames[20].header.handle, kDelRoute);
  EXPECT_EQ(frames[21].header.handle, 1002u);
}

TEST_F(LinkTest, FramesOfOneCallKeepTheirOrderWhateverElseIsQueued) {
  std::mt19937 random(5);
  out_->capacity = 1000;
  std::map<HandleId, uint32_t> queued;
  std::map<HandleId, uint32_t> seen;
  uint32_t after_route = 0;
  size_t total = 0;
  for (int step = 0; step < 3000; ++step) {
    const HandleId call = 1000 + random() % 6;
    FrameHeader header = Handle(call);
    header.src_id = queued[call]++;
    const size_t size =
        call < 1003 ? random() % kMaxPayloadBytes : random() % 99;
    ++total;
    ASSERT_TRUE(link_->Queue(header, std::string(size, 'p')));
    if (random() % 50 == 0) {
      header = Handle(kDelRoute);
      header.src_id = queued[1000];
      ASSERT_TRUE(link_->Queue(header, "route"));
      ++total;
    }
    if (random() % 4 == 0) {
      out_->capacity = 1000 + random() % 2'000'000;
      network_.Wake();
      network_.Settle();
    }
  }
  UnblockWrites();
  ASSERT_EQ(peer_->frames().size(), total);
  for (const RawFrame& frame : peer_->frames()) {
    if (frame.header.handle == kDelRoute) {
      EXPECT_EQ(seen[1000], frame.header.src_id);
      ++after_route;
    } else {
      ASSERT_EQ(frame.header.src_id, seen[frame.header.handle]++);
    }
  }
  EXPECT_GT(after_route, 10u);
}

TEST_F(LinkTest, RefusesFramesBeyondItsLimit) {
  BlockWrites();
  const std::string bulk(kMaxPayloadBytes, 'b');
  size_t queued = 0;
  while (link_->Queue(Data(), bulk)) ++queued;
  EXPECT_LE(queued * kMaxPayloadBytes, Link::kMaxQueuedBytes);
  EXPECT_GE((queued + 2) * kMaxPayloadBytes, Link::kMaxQueuedBytes);
  EXPECT_EQ(link_->counters().refused_full, 1u);
  link_->ForceQueue(Control(), "gets through");
  EXPECT_EQ(link_->counters().refused_full, 1u);
  UnblockWrites();
  EXPECT_EQ(peer_->frames().size(), queued + 1);
  EXPECT_EQ(link_->queued_bytes(), 0u);
  EXPECT_TRUE(link_->Queue(Data(), bulk)) << "there is room again";
  EXPECT_GE(link_->counters().queue_high_water_bytes,
            Link::kMaxQueuedBytes - kMaxPayloadBytes);
}

TEST_F(LinkTest, TellsOnceThatItHasDrained) {
  BlockWrites();
  const std::string bulk(kMaxPayloadBytes, 'b');
  while (link_->queued_bytes() <= Link::kHighWatermarkBytes) {
    link_->Queue(Data(), bulk);
  }
  network_.Settle();
  EXPECT_EQ(drained_, 0);
  UnblockWrites();
  EXPECT_EQ(drained_, 1);
  link_->Queue(Data(), "little");
  network_.Settle();
  EXPECT_EQ(drained_, 1) << "it was not above the high mark";
}

TEST_F(LinkTest, APausedLinkReadsNothing) {
  link_->PauseRead(true);
  Send(FrameBytes(Data(), "x"));
  EXPECT_TRUE(frames_.empty());
  link_->PauseRead(false);
  network_.Settle();
  EXPECT_EQ(frames_.size(), 1u);
}

TEST_F(LinkTest, FramesThatWereReadBeforeAPauseStillArrive) {
  on_frame_ = [this] { link_->PauseRead(true); };
  Send(FrameBytes(Data(1)) + FrameBytes(Data(2)));
  EXPECT_EQ(frames_.size(), 2u);
  Send(FrameBytes(Data(3)));
  EXPECT_EQ(frames_.size(), 2u);
}

TEST_F(LinkTest, ClosesAfterAllIsWritten) {
  BlockWrites();
  link_->Queue(Data(1), "last");
  link_->CloseAfterFlush();
  link_->Queue(Data(2), "after the last");
  network_.Settle();
  EXPECT_EQ(closed_, 0);
  UnblockWrites();
  EXPECT_EQ(closed_, 1);
  EXPECT_TRUE(why_.ok());
  ASSERT_EQ(peer_->frames().size(), 1u);
  EXPECT_EQ(peer_->frames()[0].payload, "last");
}

TEST_F(LinkTest, ClosesAtOnceWhenNothingIsQueued) {
  link_->CloseAfterFlush();
  network_.Settle();
  EXPECT_EQ(closed_, 1);
}

TEST_F(LinkTest, AClosedLinkIsSilent) {
  Send("garbage that is longer than any header of a frame is");
  ASSERT_EQ(closed_, 1);
  link_->Queue(Data(), "x");
  link_->ForceQueue(Data(), "x");
  link_->PauseRead(true);
  network_.Settle();
  EXPECT_TRUE(peer_->frames().empty());
  EXPECT_EQ(closed_, 1);
  EXPECT_EQ(link_->queued_bytes(), 0u);
}

TEST_F(LinkTest, AClosedLinkDoesNotWakeTheLoopWithWhatItLeavesUnread) {
  in_->max_read = 100;
  Send(std::string(1000, 'x'));  // checks that the loop comes to rest
  EXPECT_EQ(closed_, 1);
}

TEST_F(LinkTest, MayBeDestroyedWhenAFrameArrives) {
  on_frame_ = [this] { link_.reset(); };
  Send(FrameBytes(Data(1)) + FrameBytes(Data(2)));
  EXPECT_EQ(frames_.size(), 1u);
  EXPECT_EQ(closed_, 0);
}

TEST_F(LinkTest, MayBeDestroyedWhenItCloses) {
  on_closed_ = [this] { link_.reset(); };
  Send(FrameBytes(Data(1)) + std::string(100, '?'));
  EXPECT_EQ(closed_, 1);
}

TEST_F(LinkTest, MayBeDestroyedWhenThePeerEnds) {
  on_closed_ = [this] { link_.reset(); };
  peer_->Close();
  network_.Settle();
  EXPECT_EQ(closed_, 1);
}

TEST_F(LinkTest, MayBeDestroyedWhenAWriteFails) {
  on_closed_ = [this] { link_.reset(); };
  peer_->Close();
  link_->Queue(Data(), "x");
  network_.Settle();
  EXPECT_EQ(closed_, 1);
}

TEST_F(LinkTest, MayBeDestroyedWhenItHasDrained) {
  on_drained_ = [this] { link_.reset(); };
  BlockWrites();
  const std::string bulk(kMaxPayloadBytes, 'b');
  while (link_->queued_bytes() <= Link::kHighWatermarkBytes) {
    link_->Queue(Data(), bulk);
  }
  network_.Settle();
  UnblockWrites();
  EXPECT_EQ(drained_, 1);
  EXPECT_EQ(link_, nullptr);
}

TEST_F(LinkTest, MayBeDestroyedWithFramesQueued) {
  link_->Queue(Data(), "x");
  link_.reset();
  network_.Settle();
  EXPECT_TRUE(peer_->frames().empty());
  EXPECT_TRUE(peer_->ended());
}

}  // namespace
}  // namespace ramet::core
