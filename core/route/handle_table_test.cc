#include "core/route/handle_table.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/wire/control.h"

namespace ramet::core {
namespace {

class Waiter final : public ReplyHandler {
 public:
  void OnReply(const FrameHeader&, std::string_view payload) override {
    replies.emplace_back(payload);
    if (on_reply) on_reply();
  }
  void OnDead(const Status& why) override {
    dead.push_back(why);
    if (on_dead) on_dead();
  }

  std::function<void()> on_reply;
  std::function<void()> on_dead;
  std::vector<std::string> replies;
  std::vector<Status> dead;
};

FrameHeader To(HandleId handle, uint8_t flags = 0) {
  FrameHeader header;
  header.handle = handle;
  header.flags = flags;
  return header;
}

class HandleTableTest : public testing::Test {
 protected:
  HandleTable table_;
  const Status gone_{Code::kUnavailable, "gone"};
};

TEST_F(HandleTableTest, GivesDynamicHandlesAndNoneTwice) {
  Waiter waiter;
  const HandleId first = table_.Add(7, &waiter);
  EXPECT_GE(first, kFirstDynamicHandle);
  table_.Remove(first);
  EXPECT_NE(table_.Add(7, &waiter), first);
}

TEST_F(HandleTableTest, KnowsWhoIsToAnswer) {
  Waiter waiter;
  const HandleId handle = table_.Add(7, &waiter);
  ContextId respondent = 0;
  ASSERT_TRUE(table_.Respondent(handle, &respondent));
  EXPECT_EQ(respondent, 7u);
  EXPECT_FALSE(table_.Respondent(handle + 1, &respondent));
  table_.Remove(handle);
  EXPECT_FALSE(table_.Respondent(handle, &respondent));
}

TEST_F(HandleTableTest, GivesRepliesToTheirHandler) {
  Waiter first;
  Waiter second;
  const HandleId a = table_.Add(7, &first);
  const HandleId b = table_.Add(7, &second);
  table_.Deliver(To(b), "for the second");
  table_.Deliver(To(a), "1");
  table_.Deliver(To(a), "2");
  EXPECT_EQ(first.replies, (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(second.replies, std::vector<std::string>{"for the second"});
}

TEST_F(HandleTableTest, DropsWhatNobodyWaitsFor) {
  table_.Deliver(To(kFirstDynamicHandle), "x");
  table_.Deliver(To(kFirstDynamicHandle, kFlagDead), "x");
  table_.Remove(5);
}

TEST_F(HandleTableTest, ADeadReplyRemovesTheHandleFirst) {
  Waiter waiter;
  const HandleId handle = table_.Add(7, &waiter);
  waiter.on_dead = [&] { EXPECT_EQ(table_.size(), 0u); };
  Dead dead;
  dead.code = static_cast<uint32_t>(Code::kUnimplemented);
  dead.message = "no such service";
  table_.Deliver(To(handle, kFlagDead), SerializeControl(dead));
  ASSERT_EQ(waiter.dead.size(), 1u);
  EXPECT_EQ(waiter.dead[0].code(), Code::kUnimplemented);
  EXPECT_EQ(waiter.dead[0].message(), "no such service");
  table_.Deliver(To(handle, kFlagDead), SerializeControl(dead));
  EXPECT_EQ(waiter.dead.size(), 1u);
}

TEST_F(HandleTableTest, ADeadReplyIsNeverOk) {
  for (const std::string& payload : {std::string(), std::string("\x08"),
                                     SerializeControl(Dead{0, "fine"})}) {
    Waiter waiter;
    const HandleId handle = table_.Add(7, &waiter);
    table_.Deliver(To(handle, kFlagDead), payload);
    ASSERT_EQ(waiter.dead.size(), 1u);
    EXPECT_EQ(waiter.dead[0].code(), Code::kUnavailable);
    EXPECT_EQ(waiter.dead[0].message(), "dead reply without a reason");
  }
}

TEST_F(HandleTableTest, AnUnknownCodeOfADeadReplyIsUnknown) {
  Waiter waiter;
  const HandleId handle = table_.Add(7, &waiter);
  table_.Deliver(To(handle, kFlagDead), SerializeControl(Dead{999, "odd"}));
  ASSERT_EQ(waiter.dead.size(), 1u);
  EXPECT_EQ(waiter.dead[0].code(), Code::kUnknown);
}

TEST_F(HandleTableTest, FailsAllThatWaitForOneContextAndNobodyElse) {
  Waiter seven;
  Waiter also_seven;
  Waiter eight;
  table_.Add(7, &seven);
  table_.Add(8, &eight);
  table_.Add(7, &also_seven);
  table_.FailRespondent(7, gone_);
  EXPECT_EQ(seven.dead.size(), 1u);
  EXPECT_EQ(also_seven.dead.size(), 1u);
  EXPECT_TRUE(eight.dead.empty());
  EXPECT_EQ(table_.size(), 1u);
  table_.FailAll(gone_);
  EXPECT_EQ(eight.dead.size(), 1u);
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(HandleTableTest, AHandlerThatFailsMayRemoveOthers) {
  std::vector<Waiter> waiters(6);
  std::vector<HandleId> handles;
  for (Waiter& waiter : waiters) handles.push_back(table_.Add(7, &waiter));
  for (Waiter& waiter : waiters) {
    waiter.on_dead = [&] {
      for (HandleId handle : handles) table_.Remove(handle);
    };
  }
  table_.FailRespondent(7, gone_);
  size_t failed = 0;
  for (const Waiter& waiter : waiters) failed += waiter.dead.size();
  EXPECT_EQ(failed, 1u);
}

TEST_F(HandleTableTest, AHandlerThatFailsMayAskAgain) {
  Waiter waiter;
  Waiter second_try;
  table_.Add(7, &waiter);
  waiter.on_dead = [&] {
    for (int i = 0; i < 100; ++i) table_.Add(7, &second_try);
  };
  table_.FailRespondent(7, gone_);
  EXPECT_EQ(waiter.dead.size(), 1u);
  EXPECT_TRUE(second_try.dead.empty()) << "only who waited before fails";
  EXPECT_EQ(table_.size(), 100u);
}

TEST_F(HandleTableTest, AHandlerMayRemoveItselfWhenItsReplyComes) {
  Waiter waiter;
  const HandleId handle = table_.Add(7, &waiter);
  waiter.on_reply = [&] { table_.Remove(handle); };
  table_.Deliver(To(handle), "x");
  table_.Deliver(To(handle), "x");
  EXPECT_EQ(waiter.replies.size(), 1u);
}

TEST_F(HandleTableTest, HoldsThousandsAndRemovesInAnyOrder) {
  Waiter waiter;
  std::vector<HandleId> handles;
  for (int i = 0; i < 5000; ++i) handles.push_back(table_.Add(i % 10, &waiter));
  for (size_t i = 0; i < handles.size(); i += 3) table_.Remove(handles[i]);
  for (size_t i = 0; i < handles.size(); ++i) {
    ContextId respondent = 0;
    ASSERT_EQ(table_.Respondent(handles[i], &respondent), i % 3 != 0);
    if (i % 3 != 0) {
      ASSERT_EQ(respondent, i % 10);
    }
  }
  for (size_t i = handles.size(); i-- > 0;) table_.Remove(handles[i]);
  EXPECT_EQ(table_.size(), 0u);
}

}  // namespace
}  // namespace ramet::core
