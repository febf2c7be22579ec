#include "stub/chain_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "tests/probe/call_payloads.h"

namespace ramet::stub {
namespace {

class NoPort final : public CallPort {
 public:
  void SendFrames(ServedCall*) override {}
};

class ChainTableTest : public testing::Test {
 protected:
  using CallPtr = ChainTable::CallPtr;

  CallPtr MakeCall(uint64_t chain, uint64_t index, uint64_t known_ok,
                   bool foreign) {
    core::FrameHeader header;
    header.src_id = header.auth_id = foreign ? 9 : 0;
    header.reply_to = ++handle_;
    ServedCall::Options options;
    options.method = &method_;
    options.foreign = foreign;
    auto call = std::make_shared<ServedCall>(header, options, &port_);
    core::CallHeaders headers;
    headers.method = "/a/b";
    headers.chain_id = chain;
    headers.chain_index = index;
    headers.chain_known_ok = known_ok;
    call->Feed(probe::Payload([&](core::PartWriter* parts) {
      parts->AddHeaders(core::SerializeControl(headers));
      parts->AddMessage("");
      parts->AddEnd();
    }));
    return call;
  }
  // Runs a call that fails.
  absl::Status RunFailing(const CallPtr& call, const std::string& text) {
    absl::Status status = table_.Add(call);
    if (!status.ok()) return status;
    EXPECT_TRUE(table_.OnWhole(*call));
    call->Finish(absl::DataLossError(text));
    ChainTable::Turn turn;
    table_.OnReturned(*call, &turn);
    return absl::OkStatus();
  }

  NoPort port_;
  MethodTable::Method method_;
  core::HandleId handle_ = 1000;
  ChainTable table_;
};

TEST_F(ChainTableTest, EndlessChainsAreForgottenTheOldestFirst) {
  for (uint64_t chain = 1; chain <= 100'000; ++chain) {
    ASSERT_TRUE(RunFailing(MakeCall(chain, 0, 0, false), "x").ok());
    ASSERT_LE(table_.size(), ChainTable::kMaxIdle);
  }
  EXPECT_EQ(table_.size(), ChainTable::kMaxIdle);
  // A young one is remembered, an old one is not run on a guess.
  EXPECT_EQ(table_.Add(MakeCall(100'000, 1, 0, false)),
            absl::DataLossError("x"));
  EXPECT_EQ(table_.Add(MakeCall(1, 1, 0, false)).code(),
            absl::StatusCode::kAborted);
}

TEST_F(ChainTableTest, ForeignChainsDriveOutNoOthers) {
  ASSERT_TRUE(RunFailing(MakeCall(7, 0, 0, false), "mine").ok());
  for (uint64_t chain = 1; chain <= 10'000; ++chain) {
    ASSERT_TRUE(RunFailing(MakeCall(chain, 0, 0, true), "theirs").ok());
  }
  EXPECT_EQ(table_.size(), ChainTable::kMaxForeignIdle + 1);
  EXPECT_EQ(table_.Add(MakeCall(7, 1, 0, false)), absl::DataLossError("mine"));
}

TEST_F(ChainTableTest, RemembersTheBeginningOfALongText) {
  ASSERT_TRUE(
      RunFailing(MakeCall(7, 0, 0, false), std::string(100'000, 'x')).ok());
  EXPECT_EQ(table_.Add(MakeCall(7, 1, 0, false)).message().size(),
            ChainTable::kMaxTextBytes);
}

TEST_F(ChainTableTest, ChainWithCallsIsNotForgotten) {
  const CallPtr held = MakeCall(7, 0, 0, false);
  ASSERT_TRUE(table_.Add(held).ok());
  ASSERT_TRUE(table_.OnWhole(*held));
  for (uint64_t chain = 100; chain <= 5000; ++chain) {
    ASSERT_TRUE(RunFailing(MakeCall(chain, 0, 0, false), "x").ok());
  }
  const CallPtr next = MakeCall(7, 1, 0, false);
  ASSERT_TRUE(table_.Add(next).ok());
  EXPECT_FALSE(table_.OnWhole(*next));
  held->Finish(absl::OkStatus(), "");
  ChainTable::Turn turn;
  table_.OnReturned(*held, &turn);
  EXPECT_EQ(turn.run, next);
  EXPECT_TRUE(turn.failed.empty());
}

// The end of a reply may be sent before its method's thread says that it has
// returned.
TEST_F(ChainTableTest, CallThatHasSucceededIsNotFailedByItsEnd) {
  const CallPtr first = MakeCall(7, 0, 0, false);
  const CallPtr second = MakeCall(7, 1, 0, false);
  ASSERT_TRUE(table_.Add(first).ok());
  ASSERT_TRUE(table_.Add(second).ok());
  ASSERT_TRUE(table_.OnWhole(*first));
  EXPECT_FALSE(table_.OnWhole(*second));
  first->Finish(absl::OkStatus(), "");
  ChainTable::Turn turn;
  table_.OnAborted(*first, &turn);
  EXPECT_TRUE(turn.failed.empty());
  EXPECT_EQ(turn.run, nullptr);
  table_.OnReturned(*first, &turn);
  EXPECT_EQ(turn.run, second);
}

}  // namespace
}  // namespace ramet::stub
