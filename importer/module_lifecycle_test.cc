#include <gtest/gtest.h>
#include <stdio.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "importer/testing/module_host_fixture.h"

namespace ramet::importer {
namespace {

constexpr char kCrashes[] = "#!/bin/sh\nexit 3\n";
// Takes every call, answers none, and SHUTDOWN is nothing to it.
constexpr char kStays[] = "#!/bin/sh\nexec cat <&3 >/dev/null\n";
// Sends a message to whichever call it has been started for, and stays. It does
// not know its id, nor the call's handle: what is not its own is refused.
std::string AnswersScript() {
  std::string script = "#!/bin/sh\n";
  for (ContextId id = 100; id < 108; ++id) {
    for (HandleId handle = 1000; handle < 1008; ++handle) {
      FrameHeader header;
      header.dst_id = core::kMasterId;
      header.src_id = header.auth_id = id;
      header.handle = handle;
      std::string payload;
      core::PartWriter writer(
          [&](std::string_view bytes) { payload.append(bytes); });
      writer.AddMessage("m");
      writer.Flush();
      script += "printf '";
      for (const unsigned char byte : core::FrameBytes(header, payload)) {
        char octal[5];
        snprintf(octal, sizeof octal, "\\%03o", byte);
        script += octal;
      }
      script += "' >&3\n";
    }
  }
  return script + "exec cat <&3 >/dev/null\n";
}

// When a module's process is started, ended, and not started again.
class ModuleLifecycleTest : public ModuleHostTest {
 protected:
  static constexpr HandleId kFirst = 1000;

  // Begins a call and waits for its end.
  core::Status Call() {
    const HandleId handle = next_++;
    Begin(parent_.get(), core::kMasterId, handle);
    return WaitForEnd(handle);
  }
  core::Status WaitForEnd(HandleId handle) {
    for (;;) {
      const core::Status ended = Ended(parent_.get(), handle);
      if (!ended.ok()) return ended;
      loop_.RunOnce(-1);
      network_.Settle();
    }
  }
  // Begins a call that goes on.
  HandleId Start() {
    const HandleId handle = next_++;
    Begin(parent_.get(), core::kMasterId, handle);
    EXPECT_EQ(Refusal(parent_.get(), handle), Code::kOk);
    return handle;
  }
  void Cancel(HandleId handle) {
    ModuleHostTest::Cancel(parent_.get(), core::kMasterId, handle);
  }
  size_t Processes() {
    size_t count = 0;
    for (const core::LinkInfo& link : context_.router().ReportLinks().links) {
      if (link.name == "module m") ++count;
    }
    return count;
  }
  void WaitForProcesses(size_t count) {
    while (Processes() != count) {
      loop_.RunOnce(-1);
      network_.Settle();
    }
  }
  // Ends the link of the one that runs, and with it the process, and waits for
  // its call's end.
  void Break(HandleId call) {
    for (const core::LinkInfo& link : context_.router().ReportLinks().links) {
      if (link.name != "module m") continue;
      context_.router().CloseLink(context_.router().LinkTo(link.peer_id),
                                  core::Status(Code::kInternal, "broken"));
      break;
    }
    (void)WaitForEnd(call);
  }
  // Begins a call and waits for the first part of its answer.
  HandleId StartAndWaitForAnswer() {
    const HandleId handle = next_++;
    Begin(parent_.get(), core::kMasterId, handle);
    for (;;) {
      for (const core::RawFrame& frame : parent_->TakeFrames()) {
        if (frame.header.handle != handle) continue;
        EXPECT_FALSE(frame.header.dead()) << frame.payload;
        return handle;
      }
      loop_.RunOnce(-1);
      network_.Settle();
    }
  }
  void Advance(int64_t us) {
    clock_.Advance(us);
    loop_.RunOnce(0);
    network_.Settle();
  }

  HandleId next_ = kFirst;
};

TEST_F(ModuleLifecycleTest, TheFirstRestartIsImmediate) {
  Load(kCrashes);
  for (int i = 0; i < 2; ++i) {
    const core::Status ended = Call();
    EXPECT_EQ(ended.code(), Code::kUnavailable);
    EXPECT_EQ(ended.message(), "module m in context web1 ended: exit status 3");
  }
}

TEST_F(ModuleLifecycleTest, ACrashLoopIsSlowedDownUpToTheLargestBackOff) {
  Load(kCrashes);
  (void)Call();
  (void)Call();
  int64_t wait_us = ModuleHost::kFirstBackOffUs;
  for (int i = 0; i < 12; ++i) {
    const core::Status refused = Call();
    EXPECT_EQ(refused.code(), Code::kUnavailable);
    EXPECT_EQ(refused.message(),
              "module m in context web1 ended: exit status 3, " +
                  std::to_string(i + 2) + " times; not started again for " +
                  std::to_string(wait_us / 1000 + 1) + " ms");
    Advance(wait_us - 1);
    EXPECT_NE(Call().message().find("for 1 ms"), std::string::npos);
    Advance(1);
    EXPECT_EQ(Call().message(),
              "module m in context web1 ended: exit status 3");
    wait_us = std::min(2 * wait_us, ModuleHost::kMaxBackOffUs);
  }
  EXPECT_EQ(wait_us, ModuleHost::kMaxBackOffUs);
}

TEST_F(ModuleLifecycleTest, WhoHasAnsweredSomethingIsStartedAtOnce) {
  Load(AnswersScript());
  for (int i = 0; i < 5; ++i) {
    Break(StartAndWaitForAnswer());
  }
}

TEST_F(ModuleLifecycleTest, ANewVersionEndsNoBackOffOfTheOld) {
  Load(kCrashes);
  for (int i = 0; i < 3; ++i) (void)Call();
  Load(kStays);
  Start();
  EXPECT_EQ(Processes(), 1u) << "the new one has crashed never";
}

TEST_F(ModuleLifecycleTest, RunningCallsKeepTheReplacedProcess) {
  const HandleId running = Start();
  Load("#!/bin/sh\nexec cat <&3 >/dev/null # 2\n");
  host_.RetireReplaced();
  EXPECT_EQ(Processes(), 1u);
  const HandleId with_new = Start();
  EXPECT_EQ(Processes(), 2u);
  Advance(100 * ModuleProcess::kEndGraceUs);
  EXPECT_EQ(Processes(), 2u) << "a call takes as long as it takes";
  Cancel(running);
  Advance(0);
  // It takes no notice of SHUTDOWN.
  Advance(ModuleProcess::kEndGraceUs - 1);
  EXPECT_EQ(Processes(), 2u);
  Advance(1);
  WaitForProcesses(1);
  Cancel(with_new);
  Advance(100 * ModuleProcess::kEndGraceUs);
  EXPECT_EQ(Processes(), 1u) << "the new one stays";
}

TEST_F(ModuleLifecycleTest, AReplacedProcessWithoutCallsIsAskedToEnd) {
  Cancel(Start());
  const uint64_t before = FramesToModule();
  Load(kStays);
  host_.RetireReplaced();
  Advance(0);
  EXPECT_EQ(FramesToModule(), before + 1) << "SHUTDOWN";
  host_.RetireReplaced();
  Advance(ModuleProcess::kEndGraceUs - 1);
  EXPECT_EQ(FramesToModule(), before + 1);
  Advance(1);
  WaitForProcesses(0);
  // That was no crash of the module's.
  Start();
  Advance(ModuleProcess::kEndGraceUs);
  EXPECT_EQ(Processes(), 1u);
}

TEST_F(ModuleLifecycleTest, ABadNewVersionLeavesTheGoodOne) {
  const HandleId running = Start();
  Load("never", [](core::LoadModule* load) { load->digest[0] ^= 1; });
  host_.RetireReplaced();
  Start();
  EXPECT_EQ(Processes(), 1u);
  Cancel(running);
}

TEST_F(ModuleLifecycleTest, AWithdrawnModuleEndsWithItsLastCall) {
  const HandleId running = Start();
  Load("", [](core::LoadModule* load) {
    load->digest.clear();
    load->deflated_bytes = 0;
  });
  host_.RetireReplaced();
  const HandleId handle = next_++;
  Begin(parent_.get(), core::kMasterId, handle);
  AnswerUnknown("a.A");
  const core::Status refused = WaitForEnd(handle);
  EXPECT_EQ(refused.code(), Code::kUnimplemented);
  EXPECT_EQ(refused.message(), "unknown service a.A in context web1");
  EXPECT_EQ(Processes(), 1u);
  Cancel(running);
  Advance(0);
  Advance(ModuleProcess::kEndGraceUs);
  WaitForProcesses(0);
}

TEST_F(ModuleLifecycleTest, AnIdleModuleEndsAfterItsTime) {
  constexpr int64_t kIdleUs = 60'000'000;
  Load(kStays, [](core::LoadModule* load) { load->idle_ms = 60'000; });
  const HandleId first = Start();
  Advance(2 * kIdleUs);
  EXPECT_EQ(Processes(), 1u) << "it has a call";
  Cancel(first);
  Advance(kIdleUs - 1);
  const HandleId second = Start();
  Advance(kIdleUs);
  Cancel(second);
  Advance(kIdleUs - 1);
  EXPECT_EQ(Processes(), 1u) << "its time began anew";
  Advance(1);
  // While it is being ended a call starts another.
  Start();
  EXPECT_EQ(Processes(), 2u);
  Advance(ModuleProcess::kEndGraceUs);
  WaitForProcesses(1);
}

TEST_F(ModuleLifecycleTest, WithoutAnIdleTimeItStays) {
  Cancel(Start());
  Advance(int64_t{1'000'000} * 3600 * 24 * 365);
  EXPECT_EQ(Processes(), 1u);
}

TEST_F(ModuleLifecycleTest, WhoShowsNoSignOfLifeIsKilledAndItsCallsSaySo) {
  context_.heartbeat().Start({1000, 3});
  const HandleId handle = Start();
  core::Status ended;
  for (int tick = 0; tick < 6 && ended.ok(); ++tick) {
    Advance(500'000);
    parent_->Send({});  // it lives
    ended = Ended(parent_.get(), handle);
  }
  while (ended.ok()) {
    loop_.RunOnce(-1);
    network_.Settle();
    ended = Ended(parent_.get(), handle);
  }
  EXPECT_EQ(ended.code(), Code::kUnavailable);
  EXPECT_EQ(ended.message(),
            "module m in context web1 ended: killed by signal 9 (SIGKILL): "
            "no sign of life for 3000 ms");
}

TEST_F(ModuleLifecycleTest, WhatIsNoFrameEndsItAndItsCallsSaySo) {
  Load("#!/bin/sh\nyes 'I do not speak this' >&3\n");
  EXPECT_NE(Call().message().find("killed by signal 9 (SIGKILL): peer sent"),
            std::string::npos);
}

TEST_F(ModuleLifecycleTest, HasALimitOfProcesses) {
  context_.ids().Add(1000, 2 * ModuleHost::kMaxProcesses);
  // Each has a call, so that it stays although it was replaced.
  for (size_t i = 0; i < ModuleHost::kMaxProcesses; ++i) {
    Load(kStays + std::string("# ") + std::to_string(i) + "\n");
    Start();
  }
  EXPECT_EQ(Processes(), ModuleHost::kMaxProcesses);
  Load(kStays + std::string("# more\n"));
  const core::Status refused = Call();
  EXPECT_EQ(refused.code(), Code::kResourceExhausted);
  EXPECT_EQ(refused.message(), "context web1 runs 128 modules");
}

}  // namespace
}  // namespace ramet::importer
