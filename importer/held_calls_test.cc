#include "importer/held_calls.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/call_parts.h"
#include "core/wire/control.h"

namespace ramet::importer {
namespace {

using core::Code;
using core::ContextId;
using core::FrameHeader;
using core::HandleId;

constexpr ContextId kSelf = 3;
constexpr ContextId kSibling = 500;

class HeldCallsTest : public testing::Test {
 protected:
  HeldCallsTest() {
    context_.router().SetSelf(kSelf, "web1");
    context_.SetAncestors({core::kMasterId});
    core::MemoryNetwork::Pair up = network_.MakePair();
    context_.router().AddParent(std::move(up.a), core::kMasterId);
    parent_ = std::make_unique<core::RawPeer>(std::move(up.b));
  }

  static FrameHeader Header(ContextId src, HandleId reply_to) {
    FrameHeader header;
    header.dst_id = kSelf;
    header.src_id = header.auth_id = src;
    header.handle = core::kCallFunction;
    header.reply_to = reply_to;
    return header;
  }
  static std::string Headers(uint64_t timeout_us = 0) {
    std::string payload;
    core::PartWriter writer(
        [&](std::string_view bytes) { payload.append(bytes); });
    core::CallHeaders headers;
    headers.method = "/a.A/Any";
    headers.timeout_us = timeout_us;
    writer.AddHeaders(core::SerializeControl(headers));
    writer.Flush();
    return payload;
  }
  // What comes out: "CALLER/HANDLE PAYLOAD".
  std::vector<std::string> Release() {
    std::vector<std::string> released;
    calls_.Release([&](const FrameHeader& header, std::string_view payload) {
      released.push_back(std::to_string(header.src_id) + "/" +
                         std::to_string(header.reply_to) + " " +
                         std::string(payload));
    });
    return released;
  }
  // The codes that callers were told, by handle.
  std::vector<std::pair<HandleId, Code>> Told() {
    network_.Settle();
    std::vector<std::pair<HandleId, Code>> told;
    for (const core::RawFrame& frame : parent_->TakeFrames()) {
      core::Dead dead;
      EXPECT_TRUE(frame.header.dead() &&
                  core::ParseControl(frame.payload, &dead));
      told.emplace_back(frame.header.handle, core::CodeFromNumber(dead.code));
    }
    return told;
  }

  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::MemoryNetwork network_{&loop_};
  core::Context context_{&loop_};
  HeldCalls calls_{&context_};
  std::unique_ptr<core::RawPeer> parent_;
};

TEST_F(HeldCallsTest, GivesFramesBackInTheOrderOfTheirCalls) {
  calls_.Hold(Header(0, 1002), "a1");
  calls_.Hold(Header(0, 1001), "b1");
  calls_.Hold(Header(0, 1002), "a2");
  EXPECT_TRUE(calls_.Holds(Header(0, 1001)));
  EXPECT_FALSE(calls_.Holds(Header(0, 1003)));
  EXPECT_EQ(Release(),
            (std::vector<std::string>{"0/1002 a1", "0/1002 a2", "0/1001 b1"}));
  EXPECT_TRUE(Release().empty());
}

TEST_F(HeldCallsTest, WhatIsHeldAgainDuringReleaseStays) {
  calls_.Hold(Header(0, 1001), "a");
  calls_.Hold(Header(0, 1002), "b");
  int frames = 0;
  calls_.Release([&](const FrameHeader& header, std::string_view payload) {
    ++frames;
    calls_.Hold(header, payload);
  });
  EXPECT_EQ(frames, 2);
  EXPECT_EQ(Release(), (std::vector<std::string>{"0/1001 a", "0/1002 b"}));
}

TEST_F(HeldCallsTest, ACancelledCallIsForgotten) {
  calls_.Hold(Header(0, 1001), "a");
  calls_.Hold(Header(0, 1001), core::CancelPayload());
  EXPECT_TRUE(Release().empty());
  EXPECT_TRUE(Told().empty()) << "nobody waits for an answer";
}

TEST_F(HeldCallsTest, AnotherAuthorityDoesNotTouchACall) {
  calls_.Hold(Header(0, 1001), "a");
  FrameHeader forged = Header(0, 1001);
  forged.auth_id = kSibling;
  calls_.Hold(forged, core::CancelPayload());
  EXPECT_EQ(Release().size(), 1u);
}

TEST_F(HeldCallsTest, ADeadlineEndsTheWait) {
  calls_.Hold(Header(0, 1001), Headers(5'000));
  calls_.Hold(Header(0, 1002), Headers(50'000));
  calls_.Hold(Header(0, 1003), Headers());
  clock_.Advance(6'000);
  EXPECT_EQ(Told(), (std::vector<std::pair<HandleId, Code>>{
                        {1001, Code::kDeadlineExceeded}}));
  EXPECT_FALSE(calls_.Holds(Header(0, 1001)));
  // A call that must go on waiting has no more time than before.
  calls_.Release([&](const FrameHeader& header, std::string_view payload) {
    calls_.Hold(header, payload);
  });
  clock_.Advance(45'000);
  EXPECT_EQ(Told(), (std::vector<std::pair<HandleId, Code>>{
                        {1002, Code::kDeadlineExceeded}}));
  EXPECT_EQ(Release().size(), 1u);
}

TEST_F(HeldCallsTest, ALostCallersCallsAreForgotten) {
  calls_.Hold(Header(0, 1001), "a");
  calls_.Hold(Header(kSibling, 1001), "b");
  calls_.Hold(Header(kSibling, 1002), "c");
  calls_.DropCallsOf(kSibling);
  EXPECT_EQ(Release(), (std::vector<std::string>{"0/1001 a"}));
}

TEST_F(HeldCallsTest, OthersLeaveRoomForThoseAbove) {
  HandleId handle = 1000;
  for (size_t i = 0; i < HeldCalls::kMaxCalls / 4; ++i) {
    calls_.Hold(Header(kSibling, handle++), "x");
  }
  EXPECT_TRUE(Told().empty());
  calls_.Hold(Header(kSibling, handle), "x");
  EXPECT_EQ(Told(), (std::vector<std::pair<HandleId, Code>>{
                        {handle, Code::kResourceExhausted}}));
  for (size_t i = HeldCalls::kMaxCalls / 4; i < HeldCalls::kMaxCalls; ++i) {
    calls_.Hold(Header(0, handle++), "x");
  }
  EXPECT_TRUE(Told().empty());
  calls_.Hold(Header(0, handle), "x");
  EXPECT_EQ(Told().size(), 1u);
}

TEST_F(HeldCallsTest, HasALimitOfBytes) {
  const std::string large(60'000, 'x');
  HandleId handle = 1000;
  for (size_t held = 0; held + 61'000 < HeldCalls::kMaxBytes; held += 60'028) {
    calls_.Hold(Header(0, handle), large);
  }
  EXPECT_TRUE(Told().empty());
  calls_.Hold(Header(0, handle), large);
  EXPECT_EQ(Told(), (std::vector<std::pair<HandleId, Code>>{
                        {handle, Code::kResourceExhausted}}));
  EXPECT_TRUE(Release().empty()) << "half a call is none";
}

}  // namespace
}  // namespace ramet::importer
