// A real module process that calls, with the test in its agent's place.
#include "stub/module_caller.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/wire/call_parts.h"
#include "core/wire/control.h"
#include "tests/probe/fake_agent.h"
#include "tests/probe/probe.pb.h"

namespace ramet::stub {
namespace {

using core::PartKind;
using ::probe::v1::CallOutReply;
using ::probe::v1::CallOutRequest;
using ramet::probe::FakeAgent;

constexpr char kCallOut[] = "/probe.v1.Probe/CallOut";
constexpr core::HandleId kServed = 1000;  // of the call that the module serves
constexpr uint64_t kMinuteUs = 60'000'000;

class ModuleCallerTest : public testing::Test {
 protected:
  ModuleCallerTest() { agent_.Greet(); }

  static CallOutRequest To(CallOutRequest::Target target,
                           CallOutRequest::Method method) {
    CallOutRequest request;
    request.set_target(target);
    request.set_method(method);
    request.mutable_echo()->set_payload("hello");
    return request;
  }
  void Serve(const CallOutRequest& request, uint64_t timeout_us = 0) {
    agent_.Call(kServed, kCallOut, request.SerializeAsString(), timeout_us, 42);
  }
  // The next frame of the module's own call.
  FakeAgent::Frame NextOut() {
    FakeAgent::Frame frame;
    do {  // The call that is served may be given credit.
      EXPECT_TRUE(agent_.ReceiveFrame(&frame));
    } while (core::HasPart(frame.payload, PartKind::kWindow));
    EXPECT_EQ(frame.header.handle, core::kCallFunction)
        << frame.header.ToString();
    EXPECT_EQ(frame.header.src_id, FakeAgent::kModuleId);
    EXPECT_EQ(frame.header.auth_id, FakeAgent::kModuleId);
    EXPECT_GE(frame.header.reply_to, core::kFirstDynamicHandle);
    return frame;
  }
  static core::CallHeaders HeadersOf(const FakeAgent::Frame& frame) {
    core::PartReader reader(frame.payload);
    core::Part part;
    core::CallHeaders headers;
    EXPECT_TRUE(reader.Next(&part));
    EXPECT_EQ(part.kind, PartKind::kHeaders);
    EXPECT_TRUE(core::ParseControl(part.bytes, &headers));
    return headers;
  }
  static size_t MessageBytesOf(const FakeAgent::Frame& frame) {
    core::PartReader reader(frame.payload);
    core::Part part;
    size_t bytes = 0;
    while (reader.Next(&part)) {
      if (part.kind == PartKind::kMessage) bytes += part.bytes.size();
    }
    return bytes;
  }
  void Answer(const FakeAgent::Frame& call, std::string_view payload,
              uint8_t flags = 0) {
    core::FrameHeader header;
    header.flags = flags;
    header.dst_id = FakeAgent::kModuleId;
    header.src_id = header.auth_id = call.header.dst_id;
    header.handle = call.header.reply_to;
    agent_.SendFrame(header, payload);
  }
  template <typename Fill>
  static std::string Payload(Fill fill) {
    std::string payload;
    core::PartWriter writer(
        [&](std::string_view bytes) { payload.append(bytes); });
    fill(&writer);
    writer.Flush();
    return payload;
  }
  static std::string Echo(const std::string& text) {
    ::probe::v1::EchoReply reply;
    reply.set_payload(text);
    return Payload([&](core::PartWriter* writer) {
      writer->AddMessage(reply.SerializeAsString());
      writer->AddTrailers("");
    });
  }
  CallOutReply Served() {
    const FakeAgent::Reply reply = agent_.WaitForReply();
    EXPECT_EQ(reply.trailers.code, 0u) << reply.trailers.message;
    CallOutReply parsed;
    EXPECT_TRUE(parsed.ParseFromString(reply.message));
    return parsed;
  }

  FakeAgent agent_{"tests/probe/probe_program"};
};

TEST_F(ModuleCallerTest, AUnaryCallIsOneFrameAndItsAnswerComesBack) {
  Serve(To(CallOutRequest::MASTER, CallOutRequest::ECHO));
  const FakeAgent::Frame call = NextOut();
  EXPECT_EQ(call.header.dst_id, core::kMasterId);
  EXPECT_EQ(HeadersOf(call).method, "/probe.v1.Open/Echo");
  EXPECT_EQ(HeadersOf(call).timeout_us, 0u);
  EXPECT_TRUE(core::HasPart(call.payload, PartKind::kEnd));
  Answer(call, Echo("back"));
  const CallOutReply reply = Served();
  EXPECT_EQ(reply.code(), 0);
  EXPECT_EQ(reply.payload(), "back");
}

TEST_F(ModuleCallerTest, TheContextsAroundAMethodAreKnown) {
  const auto target = [this](CallOutRequest::Target which) {
    Serve(To(which, CallOutRequest::ECHO));
    const FakeAgent::Frame call = NextOut();
    Answer(call, Echo(""));
    Served();
    return call.header.dst_id;
  };
  EXPECT_EQ(target(CallOutRequest::OWN), FakeAgent::kAgentId);
  EXPECT_EQ(target(CallOutRequest::PARENT), core::kMasterId);
  EXPECT_EQ(target(CallOutRequest::CALLER), 42u);
}

TEST_F(ModuleCallerTest, ADeadReplyEndsIt) {
  Serve(To(CallOutRequest::MASTER, CallOutRequest::ECHO));
  const FakeAgent::Frame call = NextOut();
  core::Dead dead;
  dead.code = 7;
  dead.message = "refused by policy";
  Answer(call, core::SerializeControl(dead), core::kFlagDead);
  // Nothing waits for these any more.
  Answer(call, Echo("late"));
  Answer(call, core::SerializeControl(dead), core::kFlagDead);
  const CallOutReply reply = Served();
  EXPECT_EQ(reply.code(), 7);
  EXPECT_EQ(reply.message(), "refused by policy");
}

TEST_F(ModuleCallerTest, ItHasTheDeadlineOfTheCallThatIsServed) {
  Serve(To(CallOutRequest::MASTER, CallOutRequest::ECHO), kMinuteUs);
  FakeAgent::Frame call = NextOut();
  EXPECT_GT(HeadersOf(call).timeout_us, 0u);
  EXPECT_LE(HeadersOf(call).timeout_us, kMinuteUs);
  Answer(call, Echo(""));
  Served();
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  request.set_free(true);
  Serve(request, kMinuteUs);
  call = NextOut();
  EXPECT_EQ(HeadersOf(call).timeout_us, 0u);
  Answer(call, Echo(""));
  Served();
}

TEST_F(ModuleCallerTest, ADeadlineThatPassesCancelsIt) {
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  request.set_timeout_ms(1);
  Serve(request);
  const FakeAgent::Frame call = NextOut();
  EXPECT_EQ(NextOut().payload, core::CancelPayload());
  EXPECT_EQ(Served().code(), 4);
  Answer(call, Echo("late"));
}

TEST_F(ModuleCallerTest, ItIsCancelledWithTheCallThatIsServed) {
  Serve(To(CallOutRequest::MASTER, CallOutRequest::ECHO));
  const FakeAgent::Frame call = NextOut();
  core::FrameHeader header;
  header.dst_id = FakeAgent::kModuleId;
  header.src_id = header.auth_id = 42;
  header.handle = core::kCallFunction;
  header.reply_to = kServed;
  agent_.SendFrame(header, core::CancelPayload());
  // The answer of the cancelled call, and the CANCEL, in either order.
  bool cancelled = false;
  for (int i = 0; i < 2; ++i) {
    FakeAgent::Frame frame;
    ASSERT_TRUE(agent_.ReceiveFrame(&frame));
    if (frame.header.handle != core::kCallFunction) continue;
    EXPECT_EQ(frame.header.reply_to, call.header.reply_to);
    EXPECT_EQ(frame.payload, core::CancelPayload());
    cancelled = true;
  }
  EXPECT_TRUE(cancelled);
}

TEST_F(ModuleCallerTest, WhatAMethodLeavesBehindIsCancelled) {
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  request.set_leave(true);
  Serve(request);
  const FakeAgent::Frame call = NextOut();
  EXPECT_EQ(Served().code(), 0);
  const FakeAgent::Frame cancel = NextOut();
  EXPECT_EQ(cancel.header.reply_to, call.header.reply_to);
  EXPECT_EQ(cancel.payload, core::CancelPayload());
}

TEST_F(ModuleCallerTest, ItSendsWhatTheWindowLets) {
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  request.mutable_echo()->set_payload(
      std::string(core::kInitialWindowBytes, 'p'));
  Serve(request);
  FakeAgent::Frame call = NextOut();
  size_t bytes = MessageBytesOf(call);
  while (bytes < core::kInitialWindowBytes) bytes += MessageBytesOf(NextOut());
  EXPECT_EQ(bytes, core::kInitialWindowBytes);
  Answer(call,
         Payload([](core::PartWriter* writer) { writer->AddWindow(100'000); }));
  FakeAgent::Frame last = NextOut();
  EXPECT_GT(MessageBytesOf(last), 0u);
  EXPECT_TRUE(core::HasPart(last.payload, PartKind::kEnd));
  Answer(call, Echo("all of it"));
  EXPECT_EQ(Served().payload(), "all of it");
}

TEST_F(ModuleCallerTest, BytesThatAreNoPartsEndIt) {
  Serve(To(CallOutRequest::MASTER, CallOutRequest::ECHO));
  const FakeAgent::Frame call = NextOut();
  Answer(call, "\xff");
  EXPECT_EQ(NextOut().payload, core::CancelPayload());
  EXPECT_EQ(Served().code(), 13);
}

TEST_F(ModuleCallerTest, AMessageAboveItsWindowEndsIt) {
  CallOutRequest request = To(CallOutRequest::MASTER, CallOutRequest::ECHO);
  Serve(request);
  const FakeAgent::Frame call = NextOut();
  // The unary answer is not consumed, so a window is all that there is.
  const std::string message = Payload([](core::PartWriter* writer) {
    writer->AddMessage(std::string(50'000, 'm'));
  });
  for (int i = 0; i < 6; ++i) Answer(call, message);
  EXPECT_EQ(NextOut().payload, core::CancelPayload());
  EXPECT_EQ(Served().code(), 8);
}

TEST_F(ModuleCallerTest, AnAnswerToNobodyIsIgnored) {
  FakeAgent::Frame nobody;
  nobody.header.reply_to = 4711;
  Answer(nobody, Echo("for whom?"));
  Serve(To(CallOutRequest::MASTER, CallOutRequest::ECHO));
  Answer(NextOut(), Echo("still there"));
  EXPECT_EQ(Served().payload(), "still there");
}

// Four methods wait for answers, and nothing else has threads: the link is
// read all the same.
TEST_F(ModuleCallerTest, MethodsThatAllWaitDoNotKeepTheLinkFromBeingRead) {
  const std::string request =
      To(CallOutRequest::MASTER, CallOutRequest::ECHO).SerializeAsString();
  constexpr int kCalls = 20;
  for (int i = 0; i < kCalls; ++i) {
    agent_.Call(kServed + i, kCallOut, request);
  }
  for (int answered = 0; answered < kCalls;) {
    FakeAgent::Frame frame;
    ASSERT_TRUE(agent_.ReceiveFrame(&frame));
    if (frame.header.handle == core::kCallFunction) {
      Answer(frame, Echo(""));
    } else {
      ++answered;
    }
  }
}

}  // namespace
}  // namespace ramet::stub
