// Streams of a real module process, with the test in the agent's place.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/wire/call_parts.h"
#include "stub/module_runtime.h"
#include "tests/probe/call_payloads.h"
#include "tests/probe/fake_agent.h"
#include "tests/probe/probe.pb.h"

namespace ramet::stub {
namespace {

using ::probe::v1::CountReply;
using ::probe::v1::CountRequest;
using ::probe::v1::EchoReply;
using ::probe::v1::EchoRequest;
using ::probe::v1::InfoReply;
using ::probe::v1::SinkRequest;
using ::probe::v1::SumReply;
using ::probe::v1::SumRequest;
using ramet::probe::FakeAgent;

constexpr char kProgram[] = "tests/probe/probe_program";
constexpr char kEcho[] = "/probe.v1.Probe/Echo";
constexpr char kInfo[] = "/probe.v1.Probe/Info";
constexpr char kCount[] = "/probe.v1.Probe/Count";
constexpr char kSum[] = "/probe.v1.Probe/Sum";
constexpr char kEchoStream[] = "/probe.v1.Probe/EchoStream";
constexpr char kSink[] = "/probe.v1.Probe/Sink";
constexpr char kEchoMetadata[] = "/probe.v1.Probe/EchoMetadata";
constexpr uint32_t kOk = 0;
constexpr uint32_t kCancelled = 1;
constexpr uint32_t kInvalidArgument = 3;
constexpr uint32_t kDeadlineExceeded = 4;
constexpr uint32_t kResourceExhausted = 8;
constexpr uint32_t kInternal = 13;
constexpr uint32_t kDataLoss = 15;

std::string CountOf(int64_t count, int64_t reply_bytes, uint32_t error = 0) {
  CountRequest request;
  request.set_count(count);
  request.set_reply_bytes(reply_bytes);
  request.set_error_code(error);
  return request.SerializeAsString();
}

std::string SumOf(int64_t number, size_t payload_bytes = 0) {
  SumRequest request;
  request.set_number(number);
  request.set_payload(std::string(payload_bytes, 'p'));
  return request.SerializeAsString();
}

std::string EchoOf(const std::string& payload) {
  EchoRequest request;
  request.set_payload(payload);
  return request.SerializeAsString();
}

class ModuleStreamTest : public testing::Test {
 protected:
  ModuleStreamTest() { agent_.Greet(); }

  InfoReply Info() {
    InfoReply info;
    EXPECT_TRUE(info.ParseFromString(agent_.CallAndWait(kInfo, "").message));
    return info;
  }
  // Methods begin and end a moment after their calls.
  void WaitForCancelledStreams(int64_t count) {
    InfoReply info;
    do {
      info = Info();
      ASSERT_LE(info.cancelled_streams(), count);
    } while (info.open_streams() > 0 || info.cancelled_streams() < count);
  }
  void WaitForStreams(int64_t count) {
    while (Info().open_streams() != count) {
    }
  }
  // Takes frames until that many bytes of messages have come to a handle.
  void ReceiveMessageBytes(core::HandleId handle, uint64_t wanted) {
    uint64_t bytes = 0;
    while (bytes < wanted) {
      FakeAgent::Frame frame;
      ASSERT_TRUE(agent_.ReceiveFrame(&frame));
      ASSERT_EQ(frame.header.handle, handle);
      core::PartReader parts(frame.payload);
      core::Part part;
      while (parts.Next(&part)) bytes += part.bytes.size();
    }
    EXPECT_EQ(bytes, wanted);
  }
  // The module has sent nothing that was not taken.
  void ExpectQuiet() {
    core::FrameHeader header;
    header.dst_id = FakeAgent::kModuleId;
    header.src_id = FakeAgent::kAgentId;
    header.handle = core::kPing;
    header.reply_to = 77;
    agent_.SendFrame(header, "");
    FakeAgent::Frame frame;
    ASSERT_TRUE(agent_.ReceiveFrame(&frame));
    EXPECT_EQ(frame.header.handle, 77u);
  }

  FakeAgent agent_{kProgram};
};

TEST_F(ModuleStreamTest, ServerStreamComesInOrderWithItsStatus) {
  agent_.Call(2000, kCount, CountOf(5000, 100, kDataLoss));
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kDataLoss);
  ASSERT_EQ(reply.messages.size(), 5000u);
  for (int i = 0; i < 5000; ++i) {
    CountReply message;
    ASSERT_TRUE(message.ParseFromString(reply.messages[i]));
    ASSERT_EQ(message.index(), i);
  }
}

TEST_F(ModuleStreamTest, ServerStreamStopsWhereTheCreditEnds) {
  agent_.Call(2000, kCount, CountOf(-1, 10'000));
  ReceiveMessageBytes(2000, core::kInitialWindowBytes);
  ExpectQuiet();
  agent_.Window(2000, 777);
  ReceiveMessageBytes(2000, 777);
  ExpectQuiet();
  agent_.Cancel(2000);
  EXPECT_EQ(agent_.WaitForReply().trailers.code, kCancelled);
  WaitForCancelledStreams(1);
}

TEST_F(ModuleStreamTest, MessagesLargerThanTheWindowPass) {
  agent_.Call(2000, kCount, CountOf(3, 3 * 1024 * 1024));
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kOk);
  ASSERT_EQ(reply.messages.size(), 3u);
  EXPECT_GT(reply.messages[2].size(), 3u * 1024 * 1024);
}

TEST_F(ModuleStreamTest, MessageAboveTheLimitEndsTheStream) {
  agent_.Call(2000, kCount, CountOf(3, 5 * 1024 * 1024));
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kResourceExhausted);
  EXPECT_NE(reply.trailers.message.find("4194304"), std::string::npos);
  EXPECT_EQ(reply.messages.size(), 0u);
}

TEST_F(ModuleStreamTest, ClientStreamIsGivenCreditAsItIsRead) {
  constexpr int kMessages = 1000;
  constexpr size_t kBytes = 10'000;
  agent_.Begin(2000, kSum);
  uint64_t sent = 0;
  for (int i = 0; i < kMessages; ++i) {
    const std::string message = SumOf(i, kBytes);
    sent += core::kMessagePrefixBytes + message.size();
    while (sent > core::kInitialWindowBytes + agent_.granted(2000)) {
      ASSERT_TRUE(agent_.ReceiveIntoReplies());
    }
    agent_.Message(2000, message);
  }
  agent_.End(2000);
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kOk);
  SumReply sum;
  ASSERT_TRUE(sum.ParseFromString(reply.message));
  EXPECT_EQ(sum.count(), kMessages);
  EXPECT_EQ(sum.sum(), kMessages * (kMessages - 1) / 2);
  EXPECT_EQ(sum.payload_bytes(), kMessages * static_cast<int64_t>(kBytes));
}

TEST_F(ModuleStreamTest, StreamOfNoMessagesIsAStream) {
  agent_.Begin(2000, kSum);
  agent_.End(2000);
  FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kOk);
  EXPECT_EQ(reply.messages.size(), 1u);
  agent_.Begin(2001, kEchoStream);
  agent_.End(2001);
  reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kOk);
  EXPECT_EQ(reply.messages.size(), 0u);
}

TEST_F(ModuleStreamTest, BothDirectionsTakeTurns) {
  agent_.Begin(2000, kEchoStream);
  for (int i = 0; i < 200; ++i) {
    agent_.Message(2000, EchoOf(std::to_string(i)));
    while (agent_.MessagesOf(2000) < static_cast<size_t>(i) + 1) {
      ASSERT_TRUE(agent_.ReceiveIntoReplies());
    }
  }
  agent_.End(2000);
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kOk);
  for (int i = 0; i < 200; ++i) {
    EchoReply message;
    ASSERT_TRUE(message.ParseFromString(reply.messages[i]));
    EXPECT_EQ(message.payload(), std::to_string(i));
  }
}

TEST_F(ModuleStreamTest, ReceiverThatStopsReadingGivesNoMoreCredit) {
  agent_.Begin(2000, kSink);
  SinkRequest first;
  first.set_read_count(1);
  agent_.Message(2000, first.SerializeAsString());
  SinkRequest bulk;
  bulk.set_payload(std::string(60'000, 'b'));
  for (int i = 0; i < 4; ++i) agent_.Message(2000, bulk.SerializeAsString());
  ExpectQuiet();
  agent_.Cancel(2000);
  EXPECT_EQ(agent_.WaitForReply().trailers.code, kCancelled);
  WaitForCancelledStreams(1);
}

TEST_F(ModuleStreamTest, MoreThanWasGrantedEndsTheCall) {
  agent_.Begin(2000, kSink);
  SinkRequest first;
  first.set_read_count(1);
  agent_.Message(2000, first.SerializeAsString());
  for (int i = 0; i < 6; ++i) {
    agent_.Message(2000, std::string(60'000, 'b'));
  }
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kResourceExhausted);
  EXPECT_EQ(reply.trailers.message, "more bytes of messages than were granted");
  WaitForCancelledStreams(1);
}

TEST_F(ModuleStreamTest, CancelWakesAReadAndAWrite) {
  agent_.set_consuming(false);
  agent_.Begin(2000, kSum);
  agent_.Call(2001, kCount, CountOf(-1, 100'000));
  while (agent_.MessagesOf(2001) < 3) {
    ASSERT_TRUE(agent_.ReceiveIntoReplies());
  }
  WaitForStreams(2);
  agent_.Cancel(2000);
  agent_.Cancel(2001);
  EXPECT_EQ(agent_.WaitForReply().trailers.code, kCancelled);
  EXPECT_EQ(agent_.WaitForReply().trailers.code, kCancelled);
  WaitForCancelledStreams(2);
}

TEST_F(ModuleStreamTest, DeadlineWakesAReadAndAWrite) {
  agent_.set_consuming(false);
  agent_.Begin(2000, kSum, /*timeout_us=*/20'000);
  agent_.Call(2001, kCount, CountOf(-1, 100'000), /*timeout_us=*/10'000);
  EXPECT_EQ(agent_.WaitForReply().trailers.code, kDeadlineExceeded);
  EXPECT_EQ(agent_.WaitForReply().trailers.code, kDeadlineExceeded);
  WaitForCancelledStreams(2);
}

TEST_F(ModuleStreamTest, DeadlineEndsACallThatNeverBecomesWhole) {
  agent_.Begin(2000, kEcho, /*timeout_us=*/5'000);
  EXPECT_EQ(agent_.WaitForReply().trailers.code, kDeadlineExceeded);
}

TEST_F(ModuleStreamTest, DeadlineEndsAReplyThatNobodyTakes) {
  agent_.set_consuming(false);
  EchoRequest request;
  request.set_reply_bytes(1024 * 1024);
  // The window's worth comes, then the test gives no credit.
  agent_.Call(2000, kEcho, request.SerializeAsString(), /*timeout_us=*/50'000);
  FakeAgent::Frame frame;
  uint32_t code = kOk;
  while (code == kOk) {
    ASSERT_TRUE(agent_.ReceiveFrame(&frame));
    core::PartReader parts(frame.payload);
    core::Part part;
    while (parts.Next(&part)) {
      if (part.kind != core::PartKind::kTrailers) continue;
      core::CallTrailers trailers;
      ASSERT_TRUE(core::ParseControl(part.bytes, &trailers));
      code = trailers.code;
    }
  }
  EXPECT_EQ(code, kDeadlineExceeded);
}

TEST_F(ModuleStreamTest, RepliesThatCallersDontTakeHoldUpNobody) {
  EchoRequest large;
  large.set_reply_bytes(1024 * 1024);
  constexpr int kCalls = 20;  // far more than threads
  std::set<core::HandleId> begun;
  for (int i = 0; i < kCalls; ++i) {
    agent_.Call(2000 + i, kEcho, large.SerializeAsString());
  }
  // Each sends its window, and then waits for credit.
  std::vector<uint64_t> bytes(kCalls);
  const auto all_stopped = [&] {
    return std::all_of(bytes.begin(), bytes.end(), [](uint64_t count) {
      return count == core::kInitialWindowBytes;
    });
  };
  while (!all_stopped()) {
    FakeAgent::Frame frame;
    ASSERT_TRUE(agent_.ReceiveFrame(&frame));
    core::PartReader parts(frame.payload);
    core::Part part;
    while (parts.Next(&part)) {
      ASSERT_EQ(part.kind, core::PartKind::kMessage);
      bytes[frame.header.handle - 2000] += part.bytes.size();
    }
  }
  EXPECT_EQ(agent_.CallAndWait(kEcho, EchoOf("quick")).trailers.code, kOk);
  // Credit for all, in turns.
  std::set<core::HandleId> over;
  for (int i = 0; i < kCalls; ++i) agent_.Window(2000 + i, 500'000);
  for (int i = 0; i < kCalls; ++i) agent_.Window(2000 + i, 500'000);
  while (over.size() < kCalls) {
    FakeAgent::Frame frame;
    ASSERT_TRUE(agent_.ReceiveFrame(&frame));
    core::PartReader parts(frame.payload);
    core::Part part;
    while (parts.Next(&part)) {
      if (part.kind == core::PartKind::kTrailers) {
        EXPECT_EQ(part.bytes, "");
        over.insert(frame.header.handle);
      } else {
        bytes[frame.header.handle - 2000] += part.bytes.size();
      }
    }
  }
  for (const uint64_t count : bytes) EXPECT_GT(count, 1024u * 1024);
}

TEST_F(ModuleStreamTest, UnsentRepliesAreBounded) {
  EchoRequest large;
  large.set_reply_bytes(4'000'000);
  // A foreign caller's part is 64 MiB.
  constexpr int kCalls = 40;
  for (int i = 0; i < kCalls; ++i) {
    agent_.Call(2000 + i, kEcho, large.SerializeAsString(), 0,
                /*caller_id=*/99);
  }
  int refused = 0;
  int stopped = 0;
  std::vector<uint64_t> bytes(kCalls);
  while (refused + stopped < kCalls) {
    FakeAgent::Frame frame;
    ASSERT_TRUE(agent_.ReceiveFrame(&frame));
    core::PartReader parts(frame.payload);
    core::Part part;
    while (parts.Next(&part)) {
      uint64_t& count = bytes[frame.header.handle - 2000];
      if (part.kind == core::PartKind::kTrailers) {
        core::CallTrailers trailers;
        ASSERT_TRUE(core::ParseControl(part.bytes, &trailers));
        EXPECT_EQ(trailers.code, kResourceExhausted);
        ++refused;
        if (count == core::kInitialWindowBytes) --stopped;
      } else {
        count += part.bytes.size();
        if (count == core::kInitialWindowBytes) ++stopped;
      }
    }
  }
  EXPECT_GE(stopped, 16);
  EXPECT_GT(refused, 20);
}

TEST_F(ModuleStreamTest, StreamsAboveTheLimitAreRefused) {
  const auto open = [&](core::HandleId handle, core::ContextId caller) {
    agent_.Begin(handle, kSum, 0, caller);
  };
  // Foreign callers may have a quarter.
  for (int i = 0; i < 64; ++i) open(3000 + i, 99);
  open(3064, 99);
  EXPECT_EQ(agent_.WaitForReply().trailers.code, kResourceExhausted);
  for (int i = 0; i < 192; ++i) open(4000 + i, core::kMasterId);
  open(4192, core::kMasterId);
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.handle, 4192u);
  EXPECT_EQ(reply.trailers.code, kResourceExhausted);
  // Unary calls have threads of their own.
  EXPECT_EQ(agent_.CallAndWait(kEcho, "").trailers.code, kOk);
  agent_.Cancel(4000);
  EXPECT_EQ(agent_.WaitForReply().trailers.code, kCancelled);
  WaitForStreams(255);
  // The method's thread may be on its last steps yet.
  for (core::HandleId handle = 5000;; ++handle) {
    open(handle, core::kMasterId);
    agent_.End(handle);
    if (agent_.WaitForReply().trailers.code == kOk) break;
  }
}

TEST_F(ModuleStreamTest, PlaceOfAStreamIsFreeWhenItsAnswerHasCome) {
  constexpr core::HandleId kFirst = 2000;
  core::HandleId next = kFirst;
  for (int i = 0; i < ModuleOptions().max_streams; ++i) {
    agent_.Begin(next++, kEchoStream);
  }
  for (int i = 0; i < 2000; ++i) {
    agent_.End(kFirst + i);
    ASSERT_EQ(agent_.WaitForReply().trailers.code, kOk) << i;
    agent_.Begin(next++, kEchoStream);
  }
}

TEST_F(ModuleStreamTest, MetadataGoesBothWays) {
  const std::string bytes("\0\xff\n", 3);
  agent_.Begin(2000, kEchoMetadata, 0, core::kMasterId,
               {{"x-text", "one"},
                {"x-text", "two"},
                {"x-any-bin", bytes},
                {"other", "not sent back"}});
  agent_.Message(2000, "");
  agent_.End(2000);
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kOk);
  ASSERT_TRUE(reply.has_initial);
  for (const auto& metadata :
       {reply.initial.metadata, reply.trailers.metadata}) {
    ASSERT_EQ(metadata.size(), 3u);
    EXPECT_EQ(metadata[0].value, "one");
    EXPECT_EQ(metadata[1].value, "two");
    EXPECT_EQ(metadata[2].key, "x-any-bin");
    EXPECT_EQ(metadata[2].value, bytes);
  }
}

TEST_F(ModuleStreamTest, MetadataComesWithAnErrorToo) {
  ::probe::v1::EchoMetadataRequest request;
  request.set_error_code(kDataLoss);
  agent_.Begin(2000, kEchoMetadata, 0, core::kMasterId, {{"x-a", "1"}});
  agent_.Message(2000, request.SerializeAsString());
  agent_.End(2000);
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kDataLoss);
  EXPECT_EQ(reply.initial.metadata.size(), 1u);
  EXPECT_EQ(reply.trailers.metadata.size(), 1u);
  EXPECT_EQ(reply.messages.size(), 0u);
}

TEST_F(ModuleStreamTest, BytesThatAreNoMessageAreTheCallersFault) {
  agent_.Begin(2000, kSum);
  agent_.Message(2000, "\xff\xff");
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kInvalidArgument);
}

TEST_F(ModuleStreamTest, MessageBehindTheEndIsMalformed) {
  agent_.Begin(2000, kSink);
  SinkRequest first;
  first.set_read_count(1);
  agent_.Message(2000, first.SerializeAsString());
  agent_.End(2000);
  agent_.Message(2000, "");
  EXPECT_EQ(agent_.WaitForReply().trailers.code, kInternal);
}

TEST_F(ModuleStreamTest, ShutdownLetsStreamsEnd) {
  agent_.Begin(2000, kSum);
  agent_.Message(2000, SumOf(1));
  core::FrameHeader header;
  header.dst_id = FakeAgent::kModuleId;
  header.handle = core::kShutdown;
  agent_.SendFrame(header, "");
  agent_.Message(2000, SumOf(2));
  agent_.End(2000);
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kOk);
  SumReply sum;
  ASSERT_TRUE(sum.ParseFromString(reply.message));
  EXPECT_EQ(sum.sum(), 3);
  EXPECT_EQ(agent_.WaitForEnd(), 0);
}

TEST_F(ModuleStreamTest, EndOfLinkEndsStreamsToo) {
  agent_.Begin(2000, kSum);
  agent_.Call(2001, kCount, CountOf(-1, 100'000));
  WaitForStreams(2);
  agent_.CloseLink();
  EXPECT_EQ(agent_.WaitForEnd(), 0);
}

// A message stream cut anywhere into parts and frames, for several calls at
// once, is the same stream.
TEST_F(ModuleStreamTest, CutsBetweenFramesChangeNothing) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    struct Stream {
      std::string bytes;
      std::vector<std::string> payloads;
      bool ended = false;
    };
    std::vector<Stream> streams(1 + random() % 6);
    for (size_t i = 0; i < streams.size(); ++i) {
      core::HandleId handle = 10'000 * seed + i;
      agent_.Begin(handle, kEchoStream);
      for (int n = random() % 20; n > 0; --n) {
        const std::string payload(
            random() % 3 ? random() % 50 : random() % 9000,
            'a' + random() % 26);
        streams[i].payloads.push_back(payload);
        const std::string message = EchoOf(payload);
        const uint32_t size = message.size();
        streams[i].bytes +=
            {0, static_cast<char>(size >> 24), static_cast<char>(size >> 16),
             static_cast<char>(size >> 8), static_cast<char>(size)};
        streams[i].bytes += message;
      }
    }
    size_t open = streams.size();
    while (open > 0) {
      const size_t i = random() % streams.size();
      Stream& stream = streams[i];
      if (stream.ended) continue;
      core::FrameHeader header;
      header.dst_id = FakeAgent::kModuleId;
      header.handle = core::kCallFunction;
      header.reply_to = 10'000 * seed + i;
      core::PartWriter parts(
          [&](std::string_view payload) { agent_.SendFrame(header, payload); });
      for (int n = 1 + random() % 4; n > 0; --n) {
        const size_t count = std::min<size_t>(
            stream.bytes.size(), random() % 2 ? random() % 8 : random() % 5000);
        parts.AddMessageBytes(std::string_view(stream.bytes).substr(0, count));
        stream.bytes.erase(0, count);
      }
      if (stream.bytes.empty()) {
        parts.AddEnd();
        stream.ended = true;
        --open;
      }
      parts.Flush();
    }
    for (size_t n = 0; n < streams.size(); ++n) {
      const FakeAgent::Reply reply = agent_.WaitForReply();
      const Stream& stream = streams[reply.handle - 10'000 * seed];
      EXPECT_EQ(reply.trailers.code, kOk);
      ASSERT_EQ(reply.messages.size(), stream.payloads.size());
      for (size_t j = 0; j < stream.payloads.size(); ++j) {
        EchoReply message;
        ASSERT_TRUE(message.ParseFromString(reply.messages[j]));
        ASSERT_EQ(message.payload(), stream.payloads[j]);
      }
    }
  }
}

}  // namespace
}  // namespace ramet::stub
