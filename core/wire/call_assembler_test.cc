#include "core/wire/call_assembler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "core/wire/big_endian.h"
#include "core/wire/call_parts.h"

namespace ramet::core {
namespace {

// What a call consists of, one line for each event.
class Recorder final : public CallAssembler::Sink {
 public:
  void OnHeaders(std::string bytes) override { Add("headers", bytes); }
  void OnMessage(std::string message) override { Add("message", message); }
  void OnEnd() override { events.push_back("end"); }
  void OnTrailers(std::string bytes) override { Add("trailers", bytes); }
  void OnCancel() override { events.push_back("cancel"); }
  void OnWindow(uint32_t bytes) override {
    events.push_back("window " + std::to_string(bytes));
  }

  std::vector<std::string> events;
  std::vector<std::string> contents;

 private:
  void Add(const char* what, const std::string& bytes) {
    events.push_back(std::string(what) + " " + std::to_string(bytes.size()));
    contents.push_back(bytes);
  }
};

std::string PartBytes(int kind, int flags, std::string_view bytes) {
  std::string part(kPartHeaderBytes, '\0');
  part[0] = static_cast<char>(kind);
  part[1] = static_cast<char>(flags);
  StoreBe16(part.data() + 2, static_cast<uint16_t>(bytes.size()));
  part.append(bytes);
  return part;
}

std::string MessagePart(std::string_view bytes) {
  return PartBytes(static_cast<int>(PartKind::kMessage), 0, bytes);
}

std::string Prefixed(std::string_view message) {
  std::string bytes(kMessagePrefixBytes, '\0');
  StoreBe32(bytes.data() + 1, static_cast<uint32_t>(message.size()));
  bytes.append(message);
  return bytes;
}

// Bytes that are not all the same, so that a lost piece shows.
std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<char>(i * 131 + i / 251);
  }
  return bytes;
}

class CallAssemblerTest : public testing::Test {
 protected:
  PartWriter::Emit Collect() {
    return
        [this](std::string_view payload) { payloads_.emplace_back(payload); };
  }
  Status FeedAll() {
    for (const std::string& payload : payloads_) {
      EXPECT_FALSE(payload.empty());
      EXPECT_LE(payload.size(), kMaxPayloadBytes);
      const Status status = assembler_.Feed(payload, &recorder_);
      if (!status.ok()) return status;
      Consume(&assembler_, recorder_);
    }
    return Status();
  }

  // A user that is never behind: the window does not matter.
  void Consume(CallAssembler* assembler, const Recorder& recorder) {
    for (; consumed_ < recorder.contents.size(); ++consumed_) {
      assembler->OnConsumed(recorder.contents[consumed_].size());
    }
    assembler->TakeGrant();
  }

  std::vector<std::string> payloads_;
  size_t consumed_ = 0;
  CallAssembler assembler_;
  Recorder recorder_;
};

TEST_F(CallAssemblerTest, AUnaryCallIsOnePayloadOfThesePinnedBytes) {
  PartWriter writer(Collect());
  writer.AddHeaders("hd");
  writer.AddMessage("msg");
  writer.AddEnd();
  EXPECT_TRUE(payloads_.empty());
  writer.Flush();
  const char pinned[] =
      "\x01\x00\x00\x02hd"
      "\x02\x00\x00\x08\x00\x00\x00\x00\x03msg"
      "\x03\x00\x00\x00";
  ASSERT_EQ(payloads_.size(), 1u);
  EXPECT_EQ(payloads_[0], std::string(pinned, sizeof pinned - 1));
  EXPECT_TRUE(FeedAll().ok());
  EXPECT_EQ(recorder_.events,
            (std::vector<std::string>{"headers 2", "message 3", "end"}));
}

TEST_F(CallAssemblerTest, FlushOfNothingEmitsNothing) {
  PartWriter writer(Collect());
  writer.Flush();
  EXPECT_TRUE(payloads_.empty());
}

TEST_F(CallAssemblerTest, RoundTripsMessagesOfEverySizeAroundTheLimits) {
  std::vector<size_t> sizes = {0, 1, 2, 1024 * 1024, kDefaultMaxMessageBytes};
  for (size_t near : {kMaxPartBytes, kMaxPayloadBytes, 2 * kMaxPayloadBytes}) {
    for (size_t size = near - 40; size <= near + 40; ++size) {
      sizes.push_back(size);
    }
  }
  for (size_t size : sizes) {
    payloads_.clear();
    recorder_.contents.clear();
    consumed_ = 0;
    const std::string message = Pattern(size);
    PartWriter writer(Collect());
    writer.AddHeaders("h");
    writer.AddMessage(message);
    writer.AddEnd();
    writer.Flush();
    ASSERT_TRUE(FeedAll().ok()) << size;
    ASSERT_EQ(recorder_.contents.size(), 2u) << size;
    ASSERT_TRUE(recorder_.contents[1] == message) << size;
  }
}

TEST_F(CallAssemblerTest, FillsPayloads) {
  PartWriter writer(Collect());
  writer.AddMessage(Pattern(1024 * 1024));
  writer.Flush();
  // 1 MiB and its part headers need 17 payloads; never half empty ones.
  EXPECT_EQ(payloads_.size(), 17u);
}

TEST_F(CallAssemblerTest, RoundTripsManyMessages) {
  PartWriter writer(Collect());
  std::mt19937 random(2);
  std::vector<std::string> messages;
  for (int i = 0; i < 2000; ++i) {
    messages.push_back(
        Pattern(random() % 10 == 0 ? random() % 70000 : random() % 40));
    writer.AddMessage(messages.back());
  }
  writer.Flush();
  ASSERT_TRUE(FeedAll().ok());
  EXPECT_TRUE(recorder_.contents == messages);
}

TEST_F(CallAssemblerTest, RoundTripsHeadersAndTrailersOfManyParts) {
  PartWriter writer(Collect());
  const std::string headers = Pattern(200'000);
  const std::string trailers = Pattern(1'100'000);
  writer.AddHeaders(headers);
  writer.AddTrailers(trailers);
  writer.AddTrailers("");
  writer.Flush();
  ASSERT_TRUE(FeedAll().ok());
  ASSERT_EQ(recorder_.contents.size(), 3u);
  EXPECT_TRUE(recorder_.contents[0] == headers);
  EXPECT_TRUE(recorder_.contents[1] == trailers);
  EXPECT_EQ(recorder_.contents[2], "");
}

TEST_F(CallAssemblerTest, CancelTravels) {
  PartWriter writer(Collect());
  writer.AddCancel();
  writer.Flush();
  ASSERT_TRUE(FeedAll().ok());
  EXPECT_EQ(recorder_.events, std::vector<std::string>{"cancel"});
}

TEST_F(CallAssemblerTest, MessagesMayBeCutAtEveryByte) {
  const std::string stream = Prefixed("first") + Prefixed("") + Prefixed("3rd");
  for (char byte : stream) {
    ASSERT_TRUE(
        assembler_.Feed(MessagePart(std::string_view(&byte, 1)), &recorder_)
            .ok());
  }
  EXPECT_EQ(recorder_.contents, (std::vector<std::string>{"first", "", "3rd"}));
}

TEST_F(CallAssemblerTest, MessagesMayBeCutAnywhere) {
  std::vector<std::string> messages;
  std::string stream;
  for (size_t size : {5u, 0u, 0u, 1000u, 1u, 70000u, 3u}) {
    messages.push_back(Pattern(size));
    stream += Prefixed(messages.back());
  }
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    CallAssembler assembler;
    Recorder recorder;
    std::string_view rest = stream;
    std::string payload;
    while (!rest.empty()) {
      const size_t limit = random() % 4 == 0 ? 20000 : 8;
      const size_t count = std::min<size_t>(random() % limit, rest.size());
      payload += MessagePart(rest.substr(0, count));
      rest.remove_prefix(count);
      if (random() % 3 == 0) {
        ASSERT_TRUE(assembler.Feed(payload, &recorder).ok());
        payload.clear();
      }
    }
    ASSERT_TRUE(assembler.Feed(payload, &recorder).ok());
    ASSERT_TRUE(recorder.contents == messages) << "round " << round;
  }
}

TEST_F(CallAssemblerTest, MalformedPartsAreRefused) {
  const std::string whole = PartBytes(1, 0, "headers");
  for (size_t size = 1; size < whole.size(); ++size) {
    EXPECT_EQ(CallAssembler().Feed(whole.substr(0, size), &recorder_).code(),
              Code::kInternal)
        << size;
  }
  for (int kind : {0, 7, 8, 127, 128, 255}) {
    EXPECT_EQ(CallAssembler().Feed(PartBytes(kind, 0, ""), &recorder_).code(),
              Code::kInternal)
        << kind;
  }
  EXPECT_TRUE(recorder_.events.empty());
}

TEST_F(CallAssemblerTest, WhatStandsBeforeAMalformedPartIsGiven) {
  EXPECT_EQ(
      assembler_.Feed(PartBytes(1, 0, "headers") + "\x01", &recorder_).code(),
      Code::kInternal);
  EXPECT_EQ(recorder_.events, std::vector<std::string>{"headers 7"});
}

TEST_F(CallAssemblerTest, AnEmptyPayloadIsNoError) {
  EXPECT_TRUE(assembler_.Feed("", &recorder_).ok());
  EXPECT_TRUE(recorder_.events.empty());
}

TEST_F(CallAssemblerTest, GivesWindows) {
  EXPECT_TRUE(
      assembler_.Feed(PartBytes(6, 0, std::string("\0\1\0\2", 4)), &recorder_)
          .ok());
  PartWriter writer(Collect());
  writer.AddWindow(0xFFFFFFFF);
  writer.Flush();
  EXPECT_TRUE(FeedAll().ok());
  EXPECT_EQ(recorder_.events,
            (std::vector<std::string>{"window 65538", "window 4294967295"}));
}

TEST_F(CallAssemblerTest, AWindowOfAnotherSizeIsMalformed) {
  EXPECT_EQ(assembler_.Feed(PartBytes(6, 0, "abc"), &recorder_).code(),
            Code::kInternal);
}

TEST_F(CallAssemblerTest, WhoSendsMoreThanTheWindowIsRefused) {
  PartWriter writer(Collect());
  for (int i = 0; i < 5; ++i) writer.AddMessage(Pattern(60'000));
  writer.Flush();
  // Nobody consumes.
  Status status;
  size_t fed = 0;
  for (const std::string& payload : payloads_) {
    status = assembler_.Feed(payload, &recorder_);
    if (!status.ok()) break;
    fed += payload.size();
  }
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_EQ(status.message(), "more bytes of messages than were granted");
  EXPECT_LE(fed, kInitialWindowBytes + 100);
}

TEST_F(CallAssemblerTest, AMessageLargerThanTheWindowIsGrantedWhenItBegins) {
  PartWriter writer(Collect());
  writer.AddMessage(Pattern(1'000'000));
  writer.Flush();
  ASSERT_TRUE(assembler_.Feed(payloads_[0], &recorder_).ok());
  EXPECT_EQ(assembler_.TakeGrant(), 1'000'000 + kMessagePrefixBytes);
  EXPECT_EQ(assembler_.TakeGrant(), 0u);
  for (size_t i = 1; i < payloads_.size(); ++i) {
    ASSERT_TRUE(assembler_.Feed(payloads_[i], &recorder_).ok());
    EXPECT_EQ(assembler_.TakeGrant(), 0u);
  }
  EXPECT_EQ(recorder_.contents.size(), 1u);
}

TEST_F(CallAssemblerTest, GrantsAgainWhenTheUserHasTakenEnough) {
  const size_t message_bytes = kInitialWindowBytes / 4 - kMessagePrefixBytes;
  PartWriter writer(Collect());
  writer.AddMessage(Pattern(message_bytes));
  writer.AddMessage(Pattern(10));
  writer.Flush();
  for (const std::string& payload : payloads_) {
    ASSERT_TRUE(assembler_.Feed(payload, &recorder_).ok());
  }
  EXPECT_EQ(assembler_.TakeGrant(), 0u);
  assembler_.OnConsumed(message_bytes);
  EXPECT_EQ(assembler_.TakeGrant(), kInitialWindowBytes / 4);
  assembler_.OnConsumed(10);
  EXPECT_EQ(assembler_.TakeGrant(), 0u);
}

// A sink that takes compressed messages, or refuses them with a status.
class CompressedTaker final : public CallAssembler::Sink {
 public:
  void OnHeaders(std::string) override {}
  void OnMessage(std::string message) override { taken.push_back(message); }
  Status OnCompressedMessage(std::string message) override {
    taken.push_back("z:" + message);
    return answer;
  }
  void OnEnd() override {}
  void OnTrailers(std::string) override {}
  void OnCancel() override {}
  void OnWindow(uint32_t) override {}

  std::vector<std::string> taken;
  Status answer;
};

TEST_F(CallAssemblerTest, CompressedMessagesAreMarkedAndCutLikeOthers) {
  PartWriter writer(Collect());
  writer.AddMessage("one", true);
  writer.AddMessage("two");
  const std::string large = Pattern(200'000);
  writer.AddMessage(large, true);
  writer.AddMessage("", true);
  writer.Flush();
  CompressedTaker taker;
  for (const std::string& payload : payloads_) {
    ASSERT_TRUE(assembler_.Feed(payload, &taker).ok());
  }
  EXPECT_EQ(taker.taken,
            (std::vector<std::string>{"z:one", "two", "z:" + large, "z:"}));
}

TEST_F(CallAssemblerTest, ASinkThatRefusesACompressedMessageEndsIt) {
  PartWriter writer(Collect());
  writer.AddMessage("one", true);
  writer.AddMessage("two");
  writer.Flush();
  CompressedTaker taker;
  taker.answer = Status(Code::kDataLoss, "no");
  EXPECT_EQ(assembler_.Feed(payloads_[0], &taker).code(), Code::kDataLoss);
  EXPECT_EQ(taker.taken.size(), 1u);
}

TEST_F(CallAssemblerTest, APrefixWithAnotherFlagIsNoMessage) {
  std::string bytes = Prefixed("m");
  bytes[0] = 2;
  EXPECT_EQ(assembler_.Feed(MessagePart(bytes), &recorder_).code(),
            Code::kInternal);
}

TEST_F(CallAssemblerTest, CompressedMessagesAreUnimplemented) {
  std::string message = Prefixed("x");
  message[0] = 1;
  EXPECT_EQ(assembler_.Feed(MessagePart(message), &recorder_).code(),
            Code::kUnimplemented);
}

TEST_F(CallAssemblerTest, AMessageAtTheLimitPassesAndOneAboveDoesNot) {
  CallAssembler assembler(100);
  EXPECT_TRUE(
      assembler.Feed(MessagePart(Prefixed(Pattern(100))), &recorder_).ok());
  const Status status =
      assembler.Feed(MessagePart(Prefixed(Pattern(101))), &recorder_);
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_EQ(status.message(),
            "message of 101 bytes is longer than the limit of 100 bytes");
  EXPECT_EQ(recorder_.contents.size(), 1u);
}

TEST_F(CallAssemblerTest, ALengthAloneIsRefusedBeforeAnyOfItsBytes) {
  EXPECT_EQ(
      assembler_
          .Feed(MessagePart(std::string("\0\xff\xff\xff\xff", 5)), &recorder_)
          .code(),
      Code::kResourceExhausted);
}

TEST_F(CallAssemblerTest, HeadersWithoutAnEndAreRefusedAtTheirLimit) {
  const std::string payload =
      PartBytes(1, kPartContinues, Pattern(kMaxPartBytes - 100));
  Status status;
  size_t fed = 0;
  while (status.ok() && fed < 2 * kMaxHeadersBytes) {
    status = assembler_.Feed(payload, &recorder_);
    fed += kMaxPartBytes - 100;
  }
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_LE(fed, kMaxHeadersBytes + kMaxPartBytes);
  EXPECT_TRUE(recorder_.events.empty());
}

TEST(PartReaderTest, GivesViewsIntoThePayload) {
  const std::string payload = PartBytes(1, 1, "ab") + PartBytes(3, 0, "");
  PartReader reader(payload);
  ramet::core::Part part;
  ASSERT_TRUE(reader.Next(&part));
  EXPECT_EQ(part.kind, PartKind::kHeaders);
  EXPECT_EQ(part.flags, kPartContinues);
  EXPECT_EQ(part.bytes.data(), payload.data() + kPartHeaderBytes);
  EXPECT_EQ(part.bytes, "ab");
  ASSERT_TRUE(reader.Next(&part));
  EXPECT_EQ(part.kind, PartKind::kEnd);
  EXPECT_FALSE(reader.Next(&part));
  EXPECT_FALSE(reader.malformed());
}

}  // namespace
}  // namespace ramet::core
