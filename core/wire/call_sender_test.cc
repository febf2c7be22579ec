#include "core/wire/call_sender.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>
#include <vector>

#include "core/wire/call_assembler.h"

namespace ramet::core {
namespace {

// A receiver that takes messages when it is told to.
class Receiver final : public CallAssembler::Sink {
 public:
  void OnHeaders(std::string bytes) override { headers = std::move(bytes); }
  void OnMessage(std::string message) override {
    messages.push_back(std::move(message));
  }
  Status OnCompressedMessage(std::string message) override {
    messages.push_back("z:" + message);
    return Status();
  }
  void OnEnd() override { ended = true; }
  void OnTrailers(std::string bytes) override {
    trailers = std::move(bytes);
    ended = true;
  }
  void OnCancel() override { cancelled = true; }
  void OnWindow(uint32_t bytes) override { window += bytes; }

  std::string headers, trailers;
  std::deque<std::string> messages;
  bool ended = false;
  bool cancelled = false;
  uint64_t window = 0;
};

class CallSenderTest : public ::testing::Test {
 protected:
  PartWriter::Emit Collect() {
    return [this](std::string_view payload) { wire_.emplace_back(payload); };
  }
  // Brings what is on the wire to the receiver.
  void Arrive() {
    for (; !wire_.empty(); wire_.pop_front()) {
      ASSERT_TRUE(assembler_.Feed(wire_.front(), &receiver_).ok());
    }
  }
  void Grant(CallSender* sender) {
    if (const uint32_t grant = assembler_.TakeGrant()) {
      sender->AddCredit(grant);
      sender->Flush();
    }
  }

  std::deque<std::string> wire_;
  CallAssembler assembler_;
  Receiver receiver_;
};

TEST_F(CallSenderTest, ASmallCallIsOnePayload) {
  CallSender sender(Collect());
  sender.SendHeaders("h");
  sender.SendMessage("message");
  sender.SendEnd();
  EXPECT_TRUE(wire_.empty());
  sender.Flush();
  EXPECT_EQ(wire_.size(), 1u);
  EXPECT_TRUE(sender.finished());
  Arrive();
  EXPECT_EQ(receiver_.headers, "h");
  EXPECT_EQ(receiver_.messages, std::deque<std::string>{"message"});
  EXPECT_TRUE(receiver_.ended);
}

TEST_F(CallSenderTest, StopsWhereTheCreditEnds) {
  CallSender sender(Collect());
  const std::string message(100'000, 'm');
  for (int i = 0; i < 10; ++i) sender.SendMessage(message);
  sender.SendTrailers("t");
  sender.Flush();
  EXPECT_EQ(sender.waiting_bytes(), 10 * 100'005 - kInitialWindowBytes);
  Arrive();
  EXPECT_EQ(receiver_.messages.size(), 2u);
  EXPECT_FALSE(receiver_.ended);
  // Nobody takes them: the third is completed, and that is all.
  for (int i = 0; i < 5; ++i) {
    Grant(&sender);
    Arrive();
  }
  EXPECT_EQ(receiver_.messages.size(), 3u);
  EXPECT_FALSE(sender.finished());
}

TEST_F(CallSenderTest, TheEndGoesBehindTheLastMessage) {
  CallSender sender(Collect());
  sender.SendMessage(std::string(2'000'000, 'm'));
  sender.SendTrailers("bye");
  sender.Flush();
  EXPECT_FALSE(sender.finished());
  Arrive();
  EXPECT_FALSE(receiver_.ended);
  Grant(&sender);
  EXPECT_TRUE(sender.finished());
  Arrive();
  EXPECT_EQ(receiver_.trailers, "bye");
  EXPECT_EQ(receiver_.messages.size(), 1u);
}

TEST_F(CallSenderTest, WithoutCreditOnlyHeadersGoOut) {
  CallSender sender(Collect(), 0);
  sender.SendMessage("early");
  sender.SendEnd();
  sender.Flush();
  EXPECT_TRUE(wire_.empty());
  sender.SendHeaders("h");
  sender.AddCredit(kInitialWindowBytes);
  sender.Flush();
  ASSERT_EQ(wire_.size(), 1u);
  Arrive();
  EXPECT_EQ(receiver_.headers, "h");
  EXPECT_EQ(receiver_.messages, std::deque<std::string>{"early"});
  EXPECT_TRUE(receiver_.ended);
}

TEST_F(CallSenderTest, MessagesAreMarkedCompressedWithAndWithoutCredit) {
  CallSender sender(Collect(), 20);
  sender.SendMessage("one", true);
  sender.SendMessage("larger than the credit", true);
  sender.SendMessage("three");
  sender.Flush();
  sender.AddCredit(1000);
  sender.Flush();
  Arrive();
  EXPECT_EQ(
      receiver_.messages,
      (std::deque<std::string>{"z:one", "z:larger than the credit", "three"}));
}

TEST_F(CallSenderTest, WindowAndCancelNeedNoCredit) {
  CallSender sender(Collect(), 0);
  sender.SendMessage("waits");
  sender.SendWindow(77);
  sender.SendCancel();
  sender.Flush();
  Arrive();
  EXPECT_EQ(receiver_.window, 77u);
  EXPECT_TRUE(receiver_.cancelled);
  EXPECT_TRUE(receiver_.messages.empty());
}

// Whatever sizes and speeds: everything arrives, in order, once; and what the
// receiver holds stays below its bound.
TEST_F(CallSenderTest, AStreamArrivesWholeAndBoundedAtEverySpeed) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    CallAssembler assembler;
    Receiver receiver;
    wire_.clear();
    CallSender sender(Collect());
    std::deque<uint32_t> grants;  // on their way back
    const size_t count = 1 + random() % 60;
    const bool slow = seed % 2 == 0;
    size_t sent = 0;
    size_t taken = 0;
    size_t held = 0;
    size_t largest = 0;
    for (int idle = 0; taken < count || !receiver.ended;) {
      bool moved = false;
      const int what = static_cast<int>(random() % (slow ? 8 : 5));
      if (what == 0 && sent < count && sender.waiting_bytes() < 1'000'000) {
        const size_t size =
            random() % 7 == 0 ? random() % 2'000'000 : random() % 3'000;
        largest = std::max(largest, size);
        std::string message(size, static_cast<char>(sent));
        sender.SendMessage(message);
        if (++sent == count) sender.SendEnd();
        sender.Flush();
        moved = true;
      } else if (what == 1 && !wire_.empty()) {
        const size_t before = receiver.messages.size();
        ASSERT_TRUE(assembler.Feed(wire_.front(), &receiver).ok());
        wire_.pop_front();
        for (size_t i = before; i < receiver.messages.size(); ++i) {
          held += kMessagePrefixBytes + receiver.messages[i].size();
        }
        if (const uint32_t grant = assembler.TakeGrant()) {
          grants.push_back(grant);
        }
        moved = true;
      } else if (what == 2 && !grants.empty()) {
        sender.AddCredit(grants.front());
        sender.Flush();
        grants.pop_front();
        moved = true;
      } else if (what == 3 && !receiver.messages.empty()) {
        const std::string& message = receiver.messages.front();
        ASSERT_TRUE(message.empty() || message[0] == static_cast<char>(taken));
        held -= kMessagePrefixBytes + message.size();
        assembler.OnConsumed(message.size());
        receiver.messages.pop_front();
        ++taken;
        if (const uint32_t grant = assembler.TakeGrant()) {
          grants.push_back(grant);
        }
        moved = true;
      }
      ASSERT_LE(held, kInitialWindowBytes + largest + kMessagePrefixBytes);
      idle = moved ? 0 : idle + 1;
      ASSERT_LT(idle, 10'000) << "nothing moves any more";
    }
    EXPECT_TRUE(sender.finished());
    EXPECT_EQ(sent, count);
  }
}

}  // namespace
}  // namespace ramet::core
