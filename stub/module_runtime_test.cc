// A real module process on a socketpair, with the test in the agent's place.
#include "stub/module_runtime.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>

#include "core/base/unique_fd.h"
#include "core/wire/call_parts.h"
#include "stub/compression.h"
#include "tests/probe/fake_agent.h"
#include "tests/probe/probe.pb.h"

namespace ramet::stub {
namespace {

using ::probe::v1::EchoReply;
using ::probe::v1::EchoRequest;
using ramet::probe::FakeAgent;

constexpr char kProgram[] = "tests/probe/probe_program";
constexpr char kEcho[] = "/probe.v1.Probe/Echo";
constexpr uint32_t kOk = 0;
constexpr uint32_t kCancelled = 1;
constexpr uint32_t kInvalidArgument = 3;
constexpr uint32_t kDeadlineExceeded = 4;
constexpr uint32_t kResourceExhausted = 8;
constexpr uint32_t kUnimplemented = 12;
constexpr uint32_t kInternal = 13;
constexpr uint32_t kDataLoss = 15;

// A descriptor for the module's standard error that the test can read.
class Output {
 public:
  Output() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    read_.Reset(ends[0]);
    write_.Reset(ends[1]);
  }
  int fd() const { return write_.get(); }
  // Everything, once all other holders of fd() are gone.
  std::string ReadAll() {
    write_.Reset();
    std::string text;
    char buffer[4096];
    ssize_t count;
    while ((count = read(read_.get(), buffer, sizeof buffer)) > 0) {
      text.append(buffer, count);
    }
    return text;
  }

 private:
  core::UniqueFd read_;
  core::UniqueFd write_;
};

std::string PayloadOf(const FakeAgent::Reply& reply) {
  EchoReply message;
  EXPECT_TRUE(message.ParseFromString(reply.message));
  return message.payload();
}

std::string EchoOf(const std::string& payload) {
  EchoRequest request;
  request.set_payload(payload);
  return request.SerializeAsString();
}

std::string WaitOf(int64_t wait_ms) {
  EchoRequest request;
  request.set_wait_ms(wait_ms);
  return request.SerializeAsString();
}

TEST(ModuleRuntimeTest, AnswersHelloWithWhatItIs) {
  FakeAgent agent(kProgram);
  const core::HelloReply reply = agent.Greet();
  EXPECT_EQ(reply.version, core::kProtocolVersion);
  EXPECT_EQ(reply.pid, static_cast<uint32_t>(agent.pid()));
  EXPECT_EQ(reply.uid, geteuid());
  EXPECT_EQ(reply.platform, "linux-x86_64");
  EXPECT_NE(reply.hostname, "");
}

TEST(ModuleRuntimeTest, SmallCallIsOneFrameEachWay) {
  FakeAgent agent(kProgram);
  agent.Greet();
  agent.Call(1234, kEcho, EchoOf("hello"));
  FakeAgent::Frame frame;
  ASSERT_TRUE(agent.ReceiveFrame(&frame));
  EXPECT_EQ(frame.header.dst_id, core::kMasterId);
  EXPECT_EQ(frame.header.src_id, FakeAgent::kModuleId);
  EXPECT_EQ(frame.header.auth_id, FakeAgent::kModuleId);
  EXPECT_EQ(frame.header.handle, 1234u);
  EXPECT_EQ(frame.header.reply_to, core::kNoHandle);
  core::PartReader parts(frame.payload);
  core::Part part;
  ASSERT_TRUE(parts.Next(&part));
  EXPECT_EQ(part.kind, core::PartKind::kMessage);
  ASSERT_TRUE(parts.Next(&part));
  EXPECT_EQ(part.kind, core::PartKind::kTrailers);
  EXPECT_FALSE(parts.Next(&part));
}

TEST(ModuleRuntimeTest, EmptyMessagePasses) {
  FakeAgent agent(kProgram);
  agent.Greet();
  const FakeAgent::Reply reply = agent.CallAndWait(kEcho, "");
  EXPECT_EQ(reply.trailers.code, kOk);
  EXPECT_EQ(reply.message, "");
}

TEST(ModuleRuntimeTest, MegabyteRequestReplyAndErrorTextPassWhole) {
  FakeAgent agent(kProgram);
  agent.Greet();
  const std::string payload(1024 * 1024, 'p');
  FakeAgent::Reply reply = agent.CallAndWait(kEcho, EchoOf(payload));
  EXPECT_EQ(reply.trailers.code, kOk);
  EXPECT_GT(reply.frames, 16);
  EXPECT_EQ(PayloadOf(reply), payload);

  EchoRequest request;
  request.set_error_code(kDataLoss);
  request.set_error_bytes(1024 * 1024);
  reply = agent.CallAndWait(kEcho, request.SerializeAsString());
  EXPECT_EQ(reply.trailers.code, kDataLoss);
  EXPECT_EQ(reply.trailers.message, std::string(1024 * 1024, 'e'));
}

TEST(ModuleRuntimeTest, ThousandInterleavedCallsAreAllAnswered) {
  FakeAgent agent(kProgram);
  agent.Greet();
  std::set<core::HandleId> open;
  size_t answered = 0;
  const auto take = [&] {
    const FakeAgent::Reply reply = agent.WaitForReply();
    EXPECT_EQ(reply.trailers.code, kOk);
    EXPECT_EQ(PayloadOf(reply), std::to_string(reply.handle));
    EXPECT_EQ(open.erase(reply.handle), 1u);
    ++answered;
  };
  for (core::HandleId handle = 2000; handle < 3000; ++handle) {
    open.insert(handle);
    agent.Call(handle, kEcho, EchoOf(std::to_string(handle)));
    if (open.size() >= 200) take();
  }
  while (!open.empty()) take();
  EXPECT_EQ(answered, 1000u);
}

TEST(ModuleRuntimeTest, LargeCallsInterleaveWithSmallOnes) {
  FakeAgent agent(kProgram);
  agent.Greet();
  EchoRequest large;
  large.set_reply_bytes(3 * 1024 * 1024);
  agent.Call(2000, kEcho, large.SerializeAsString());
  agent.Call(2001, kEcho, large.SerializeAsString());
  for (core::HandleId handle = 2002; handle < 2052; ++handle) {
    agent.Call(handle, kEcho, EchoOf("small"));
  }
  for (int i = 0; i < 52; ++i) {
    const FakeAgent::Reply reply = agent.WaitForReply();
    EXPECT_EQ(reply.trailers.code, kOk);
    EXPECT_EQ(PayloadOf(reply).size(),
              reply.handle < 2002 ? 3u * 1024 * 1024 : 5u);
  }
}

TEST(ModuleRuntimeTest, CallThatWaitsDoesNotHoldUpOthers) {
  FakeAgent agent(kProgram);
  agent.Greet();
  for (core::HandleId handle = 2000; handle < 2003; ++handle) {
    agent.Call(handle, kEcho, WaitOf(3'600'000));
  }
  EXPECT_EQ(PayloadOf(agent.CallAndWait(kEcho, EchoOf("quick"))), "quick");
}

TEST(ModuleRuntimeTest, CancelEndsAWaitEvenWhenAllThreadsAreBusy) {
  FakeAgent agent(kProgram);
  agent.Greet();
  // More than there are threads: the last ones have to wait for their turn.
  for (core::HandleId handle = 2000; handle < 2010; ++handle) {
    agent.Call(handle, kEcho, WaitOf(3'600'000));
  }
  for (core::HandleId handle = 2000; handle < 2010; ++handle) {
    agent.Cancel(handle);
  }
  std::set<core::HandleId> cancelled;
  for (int i = 0; i < 10; ++i) {
    const FakeAgent::Reply reply = agent.WaitForReply();
    EXPECT_EQ(reply.trailers.code, kCancelled);
    EXPECT_EQ(reply.message, "");
    cancelled.insert(reply.handle);
  }
  EXPECT_EQ(cancelled.size(), 10u);
  EXPECT_EQ(agent.CallAndWait(kEcho, "").trailers.code, kOk);
}

TEST(ModuleRuntimeTest, DeadlineEndsAWait) {
  FakeAgent agent(kProgram);
  agent.Greet();
  agent.Call(2000, kEcho, WaitOf(3'600'000), /*timeout_us=*/5'000);
  EXPECT_EQ(agent.WaitForReply().trailers.code, kDeadlineExceeded);
}

TEST(ModuleRuntimeTest, UnknownMethodAndServiceAreUnimplemented) {
  FakeAgent agent(kProgram);
  agent.Greet();
  FakeAgent::Reply reply = agent.CallAndWait("/probe.v1.Probe/Nope", "");
  EXPECT_EQ(reply.trailers.code, kUnimplemented);
  EXPECT_EQ(reply.trailers.message,
            "service probe.v1.Probe has no method \"Nope\"");
  reply = agent.CallAndWait("/other.v1.Other/Echo", "");
  EXPECT_EQ(reply.trailers.code, kUnimplemented);
}

TEST(ModuleRuntimeTest, RequestThatDoesNotParseIsInvalid) {
  FakeAgent agent(kProgram);
  agent.Greet();
  const FakeAgent::Reply reply = agent.CallAndWait(kEcho, "\x0a\xff");
  EXPECT_EQ(reply.trailers.code, kInvalidArgument);
  EXPECT_EQ(reply.trailers.message,
            "the request's 2 bytes are not a probe.v1.EchoRequest");
}

TEST(ModuleRuntimeTest, LimitOfTheHelloHoldsInBothDirections) {
  FakeAgent agent(kProgram);
  agent.Greet(/*max_message_bytes=*/1000);
  FakeAgent::Reply reply =
      agent.CallAndWait(kEcho, EchoOf(std::string(2000, 'x')));
  EXPECT_EQ(reply.trailers.code, kResourceExhausted);
  EXPECT_NE(reply.trailers.message.find("1000"), std::string::npos);
  EchoRequest request;
  request.set_reply_bytes(1500);
  reply = agent.CallAndWait(kEcho, request.SerializeAsString());
  EXPECT_EQ(reply.trailers.code, kResourceExhausted);
  EXPECT_EQ(reply.trailers.message,
            "reply of 1503 bytes is longer than the limit of 1000 bytes");
  EXPECT_EQ(agent.CallAndWait(kEcho, EchoOf("ok")).trailers.code, kOk);
}

TEST(ModuleRuntimeTest, HandleCanBeUsedAgainAtOnce) {
  FakeAgent agent(kProgram);
  agent.Greet();
  for (int i = 0; i < 2000; ++i) {
    agent.Call(1000, kEcho, EchoOf(std::to_string(i)));
    ASSERT_EQ(PayloadOf(agent.WaitForReply()), std::to_string(i));
  }
}

TEST(ModuleRuntimeTest, MalformedCallIsAnsweredAndTheModuleLivesOn) {
  FakeAgent agent(kProgram);
  agent.Greet();
  core::FrameHeader header;
  header.dst_id = FakeAgent::kModuleId;
  header.handle = core::kCallFunction;
  header.reply_to = 2000;
  // HEADERS that do not parse.
  agent.SendFrame(header, std::string("\x01\x00\x00\x02\x0a\xff", 6));
  EXPECT_EQ(agent.WaitForReply().trailers.code, kInternal);
  EXPECT_EQ(agent.CallAndWait(kEcho, "").trailers.code, kOk);
}

TEST(ModuleRuntimeTest, PingIsAnswered) {
  FakeAgent agent(kProgram);
  agent.Greet();
  core::FrameHeader header;
  header.dst_id = FakeAgent::kModuleId;
  header.src_id = FakeAgent::kAgentId;
  header.handle = core::kPing;
  header.reply_to = 4321;
  agent.SendFrame(header, "are you there");
  FakeAgent::Frame frame;
  ASSERT_TRUE(agent.ReceiveFrame(&frame));
  EXPECT_EQ(frame.header.handle, 4321u);
  EXPECT_EQ(frame.header.dst_id, FakeAgent::kAgentId);
  EXPECT_EQ(frame.payload, "are you there");
}

TEST(ModuleRuntimeTest, GoesOnReadingWhenTheAgentDoesNot) {
  FakeAgent agent(kProgram);
  agent.Greet();
  core::FrameHeader header;
  header.dst_id = FakeAgent::kModuleId;
  header.src_id = FakeAgent::kAgentId;
  header.handle = core::kPing;
  header.reply_to = 4321;
  // Far more than the socket holds, in both directions: a module that waited
  // to write would leave this agent waiting, too.
  constexpr int kPings = 200;
  const std::string payload(60'000, 'p');
  for (int i = 0; i < kPings; ++i) agent.SendFrame(header, payload);
  for (int i = 0; i < kPings; ++i) {
    FakeAgent::Frame frame;
    ASSERT_TRUE(agent.ReceiveFrame(&frame));
    ASSERT_EQ(frame.payload, payload);
  }
  EXPECT_EQ(agent.CallAndWait(kEcho, EchoOf("ok")).trailers.code, kOk);
}

TEST(ModuleRuntimeTest, EndOfLinkEndsTheModuleWhateverItDoes) {
  FakeAgent agent(kProgram);
  agent.Greet();
  for (core::HandleId handle = 2000; handle < 2010; ++handle) {
    agent.Call(handle, kEcho, WaitOf(3'600'000));
  }
  agent.CloseLink();
  const int status = agent.WaitForEnd();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

void SendShutdown(FakeAgent* agent) {
  core::FrameHeader header;
  header.dst_id = FakeAgent::kModuleId;
  header.handle = core::kShutdown;
  agent->SendFrame(header, "");
}

void ExpectCleanEnd(FakeAgent* agent) {
  const int status = agent->WaitForEnd();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ModuleRuntimeTest, ShutdownEndsAnIdleModule) {
  FakeAgent agent(kProgram);
  agent.Greet();
  SendShutdown(&agent);
  ExpectCleanEnd(&agent);
}

TEST(ModuleRuntimeTest, ShutdownLetsCallsAtWorkEnd) {
  FakeAgent agent(kProgram);
  agent.Greet();
  // More than run at once, so that some still wait for a thread.
  constexpr int kCalls = 10;
  for (int i = 0; i < kCalls; ++i) agent.Call(2000 + i, kEcho, WaitOf(50));
  SendShutdown(&agent);
  for (int i = 0; i < kCalls; ++i) {
    EXPECT_EQ(agent.WaitForReply().trailers.code, kOk);
  }
  ExpectCleanEnd(&agent);
}

TEST(ModuleRuntimeTest, ShutdownDoesNotOutliveTheLink) {
  FakeAgent agent(kProgram);
  agent.Greet();
  agent.Call(2000, kEcho, WaitOf(3'600'000));
  SendShutdown(&agent);
  agent.CloseLink();
  ExpectCleanEnd(&agent);
}

void ExpectViolation(FakeAgent* agent, Output* output,
                     const std::string& text) {
  const int status = agent->WaitForEnd();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  const std::string message = output->ReadAll();
  EXPECT_NE(message.find(text), std::string::npos) << message;
}

TEST(ModuleRuntimeTest, BytesThatAreNoFrameEndTheModule) {
  Output output;
  FakeAgent agent(kProgram, output.fd());
  agent.Greet();
  agent.SendBytes(std::string(100, 'z'));
  ExpectViolation(&agent, &output,
                  "ramet module: broken link: bytes that are not a frame");
}

TEST(ModuleRuntimeTest, FrameForAnotherContextEndsTheModule) {
  Output output;
  FakeAgent agent(kProgram, output.fd());
  agent.Greet();
  core::FrameHeader header;
  header.dst_id = 99;
  header.handle = core::kCallFunction;
  agent.SendFrame(header, "");
  ExpectViolation(&agent, &output, "a frame for another context than 7");
}

TEST(ModuleRuntimeTest, FirstFrameMustBeTheHello) {
  Output output;
  FakeAgent agent(kProgram, output.fd());
  agent.Call(2000, kEcho, "");
  ExpectViolation(&agent, &output, "the first frame is no hello");
}

TEST(ModuleRuntimeTest, LinkIsAllThatItTakesFromItsParent) {
  FakeAgent agent(kProgram);
  agent.Greet();
  const FakeAgent::Reply reply = agent.CallAndWait("/probe.v1.Probe/Info", "");
  ::probe::v1::InfoReply info;
  ASSERT_TRUE(info.ParseFromString(reply.message));
  EXPECT_EQ(info.pid(), agent.pid());
  EXPECT_EQ(info.ppid(), getpid());
  EXPECT_EQ(info.calls(), 1);
}

TEST(ModuleRuntimeTest, TenThousandCallsLeaveNoDescriptorBehind) {
  FakeAgent agent(kProgram);
  agent.Greet();
  const auto open_fds = [&agent] {
    ::probe::v1::InfoReply info;
    EXPECT_TRUE(info.ParseFromString(
        agent.CallAndWait("/probe.v1.Probe/Info", "").message));
    return info.open_fds();
  };
  const int64_t before = open_fds();
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(agent.CallAndWait(kEcho, EchoOf("again")).trailers.code, kOk);
  }
  EXPECT_EQ(open_fds(), before);
}

constexpr char kEchoStream[] = "/probe.v1.Probe/EchoStream";

// Calls with compression, of which the caller takes `accepted`.
class CompressedCallTest : public testing::TestWithParam<Compression> {
 protected:
  CompressedCallTest() { agent_.Greet(); }

  core::CallHeaders Headers(const char* method, uint32_t accepted) {
    core::CallHeaders headers;
    headers.method = method;
    headers.encoding = static_cast<uint32_t>(GetParam());
    headers.accepted_encodings = accepted;
    return headers;
  }
  static EchoRequest Request(Compression reply) {
    EchoRequest request;
    request.set_payload(std::string(100'000, 'p'));
    request.set_compression(static_cast<uint32_t>(reply));
    return request;
  }
  std::string Packed(const std::string& message) {
    std::string packed;
    EXPECT_TRUE(Compress(GetParam(), message, &packed));
    return packed;
  }
  // A call of one message.
  FakeAgent::Reply Call(const core::CallHeaders& headers,
                        const std::string& message, bool compressed) {
    agent_.BeginWith(1000, headers);
    agent_.Message(1000, message, compressed);
    agent_.End(1000);
    return agent_.WaitForReply();
  }

  FakeAgent agent_{kProgram};
};

TEST_P(CompressedCallTest, RequestsAreDecompressed) {
  const EchoRequest request = Request(Compression::kNone);
  for (const char* method : {kEcho, kEchoStream}) {
    const FakeAgent::Reply reply =
        Call(Headers(method, 0), Packed(request.SerializeAsString()), true);
    ASSERT_EQ(reply.trailers.code, kOk) << reply.trailers.message;
    EXPECT_FALSE(reply.has_initial);
    EXPECT_TRUE(reply.compressed.empty());
    EchoReply echo;
    ASSERT_TRUE(echo.ParseFromString(reply.message));
    EXPECT_TRUE(echo.request_compressed());
    EXPECT_EQ(echo.payload(), request.payload());
  }
  // A message without the flag is none, whatever the headers name.
  const FakeAgent::Reply reply =
      Call(Headers(kEcho, 0), request.SerializeAsString(), false);
  EchoReply echo;
  ASSERT_TRUE(echo.ParseFromString(reply.message));
  EXPECT_FALSE(echo.request_compressed());
}

TEST_P(CompressedCallTest, RepliesAreCompressedForCallersThatTakeIt) {
  const std::string request = Request(GetParam()).SerializeAsString();
  const Compression other = GetParam() == Compression::kGzip
                                ? Compression::kDeflate
                                : Compression::kGzip;
  for (const char* method : {kEcho, kEchoStream}) {
    FakeAgent::Reply reply =
        Call(Headers(method, CompressionBit(GetParam())), request, false);
    ASSERT_EQ(reply.trailers.code, kOk);
    EXPECT_EQ(reply.initial.encoding, static_cast<uint32_t>(GetParam()));
    EXPECT_EQ(reply.compressed, std::set<size_t>{0});
    EXPECT_LT(reply.message.size(), 5000u);
    std::string unpacked;
    ASSERT_TRUE(
        Decompress(GetParam(), reply.message, 1'000'000, &unpacked).ok());
    EchoReply echo;
    ASSERT_TRUE(echo.ParseFromString(unpacked));
    EXPECT_EQ(echo.payload(), std::string(100'000, 'p'));

    reply = Call(Headers(method, CompressionBit(other)), request, false);
    EXPECT_FALSE(reply.has_initial);
    EXPECT_TRUE(reply.compressed.empty());
    EXPECT_EQ(PayloadOf(reply), std::string(100'000, 'p'));
  }
}

TEST_P(CompressedCallTest, EachReplyIsCompressedOrNot) {
  agent_.BeginWith(1000, Headers(kEchoStream, kAllCompressions));
  for (const Compression each :
       {GetParam(), Compression::kNone, GetParam(), Compression::kNone}) {
    EchoRequest request = Request(each);
    request.set_payload(std::string(10'000, 'p'));
    agent_.Message(1000, request.SerializeAsString());
  }
  // Does not get smaller.
  EchoRequest small;
  small.set_compression(static_cast<uint32_t>(GetParam()));
  agent_.Message(1000, small.SerializeAsString());
  agent_.End(1000);
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kOk);
  EXPECT_EQ(reply.messages.size(), 5u);
  EXPECT_EQ(reply.compressed, (std::set<size_t>{0, 2}));
}

TEST_P(CompressedCallTest, WhatCannotBeDecompressedEndsTheCall) {
  const std::string bomb = Packed(std::string(8 * 1024 * 1024, '\0'));
  ASSERT_LT(bomb.size(), 100'000u);
  for (const char* method : {kEcho, kEchoStream}) {
    EXPECT_EQ(Call(Headers(method, 0), bomb, true).trailers.code,
              kResourceExhausted);
    EXPECT_EQ(Call(Headers(method, 0), "no such data", true).trailers.code,
              kInternal);
    core::CallHeaders headers = Headers(method, 0);
    headers.encoding = 0;
    EXPECT_EQ(Call(headers, Packed(std::string(1000, 'x')), true).trailers.code,
              kInternal);
    headers.encoding = 77;
    EXPECT_EQ(Call(headers, Packed(std::string(1000, 'x')), true).trailers.code,
              kUnimplemented);
  }
  EXPECT_EQ(agent_.CallAndWait(kEcho, EchoOf("still here")).trailers.code, kOk);
}

TEST_P(CompressedCallTest, CreditIsForWhatTravels) {
  // A request that inflates to 4 MiB uses the credit of its few bytes.
  const std::string packed = Packed(EchoOf(std::string(4'000'000, 'p')));
  core::CallHeaders headers = Headers(kEchoStream, kAllCompressions);
  agent_.BeginWith(1000, headers);
  for (int i = 0; i < 20; ++i) agent_.Message(1000, packed, true);
  agent_.End(1000);
  const FakeAgent::Reply reply = agent_.WaitForReply();
  EXPECT_EQ(reply.trailers.code, kOk) << reply.trailers.message;
  EXPECT_EQ(reply.messages.size(), 20u);
}

INSTANTIATE_TEST_SUITE_P(Both, CompressedCallTest,
                         testing::Values(Compression::kDeflate,
                                         Compression::kGzip));

TEST(ModuleMainTest, SaysWhatItIsWhenNoAgentStartedIt) {
  Output output;
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    dup2(output.fd(), 2);
    unsetenv("RAMET_MODULE_FD");
    execl(kProgram, kProgram, nullptr);
    _exit(127);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 2);
  EXPECT_NE(output.ReadAll().find("it serves probe.v1.Probe"),
            std::string::npos);
}

}  // namespace
}  // namespace ramet::stub
