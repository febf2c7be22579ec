#include "server/master.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "examples/greeter/greeter.ramet.h"
#include "tests/probe/probe.ramet.h"

namespace ramet::server {
namespace {

using ::probe::v1::EchoReply;
using ::probe::v1::EchoRequest;
using ::probe::v1::ProbeStub;

// Nothing in here waits for this long unless it hangs.
constexpr absl::Duration kHangs = absl::Seconds(60);

size_t CountOpenFds() {
  DIR* const folder = opendir("/proc/self/fd");
  size_t count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

// False for a zombie, too: who reaps it is not ours to say.
bool IsRunning(int64_t pid) {
  FILE* const file =
      fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "re");
  if (file == nullptr) return false;
  char state = 'Z';
  if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 'Z';
  fclose(file);
  return state != 'Z' && state != 'X';
}

// A master with both test modules; contexts are real processes.
class MasterTest : public testing::Test {
 protected:
  MasterTest() {
    MasterOptions options;
    options.log = [this](const LogLine& line) {
      absl::MutexLock lock(&mutex_);
      log_.push_back(line.context + " " + line.source + ": " + line.text);
    };
    auto master = Master::Create(std::move(options));
    EXPECT_TRUE(master.ok()) << master.status();
    master_ = *std::move(master);
    for (const char* bundle :
         {"examples/greeter/greeter.rmod", "tests/probe/probe.rmod"}) {
      const absl::Status status = master_->LoadModuleFile(bundle);
      EXPECT_TRUE(status.ok()) << status;
    }
  }

  stub::Context Connect(const std::string& target) {
    auto context = master_->Connect(target);
    EXPECT_TRUE(context.ok()) << context.status();
    return context.ok() ? *context : stub::Context();
  }
  static EchoRequest Echo(const std::string& payload) {
    EchoRequest request;
    request.set_payload(payload);
    return request;
  }
  static EchoRequest Wait() {
    EchoRequest request;
    request.set_wait_ms(absl::ToInt64Milliseconds(kHangs));
    return request;
  }
  // One raw call that waits for long; its end is written down.
  struct Pending final : public stub::RawCallListener {
    void OnMessage(std::string) override {}
    void OnEnd(stub::CallEnd end) override {
      status = std::move(end.status);
      if (times.fetch_add(1) == 0) over.Notify();
    }

    std::shared_ptr<stub::RawCall> call;
    absl::Notification over;
    absl::Status status;
    std::atomic<int> times{0};
  };
  std::shared_ptr<Pending> StartRaw(const std::string& target,
                                    const std::string& method,
                                    const EchoRequest& request) {
    auto pending = std::make_shared<Pending>();
    pending->call = master_->StartCall(target, {}, method, {}, pending);
    pending->call->SendLast(request.SerializeAsString());
    return pending;
  }
  std::shared_ptr<Pending> StartWaiting(const std::string& target) {
    return StartRaw(target, "/probe.v1.Probe/Echo", Wait());
  }
  // So that everything before it has arrived at the module.
  void Synchronize(const std::string& target) {
    const auto reply = ProbeStub(Connect(target)).Echo(Echo("are you there?"));
    EXPECT_TRUE(reply.ok()) << reply.status();
  }
  std::vector<std::string> WaitForLog(size_t lines) {
    absl::MutexLock lock(&mutex_);
    const auto there = [this, lines] { return log_.size() >= lines; };
    mutex_.AwaitWithTimeout(absl::Condition(&there), kHangs);
    return log_;
  }

  absl::Mutex mutex_;
  std::vector<std::string> log_;
  std::unique_ptr<Master> master_;
};

TEST_F(MasterTest, CompressesRequestsAndTakesCompressedReplies) {
  const ProbeStub probe(Connect("local:"));
  for (const stub::Compression compression :
       {stub::Compression::kNone, stub::Compression::kDeflate,
        stub::Compression::kGzip}) {
    stub::CallOptions options;
    options.compression = compression;
    EchoRequest request = Echo(std::string(300'000, 'c'));
    request.set_compression(static_cast<uint32_t>(compression));
    const auto reply = probe.Echo(request, options);
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->payload(), request.payload());
    EXPECT_EQ(reply->request_compressed(),
              compression != stub::Compression::kNone);
  }
}

TEST_F(MasterTest, ACompressedStreamIsAsLongAsItsReaderReads) {
  const ProbeStub probe(Connect("local:"));
  stub::CallOptions options;
  options.compression = stub::Compression::kGzip;
  auto stream = probe.EchoStream(options);
  EchoRequest request;
  request.set_compression(2);
  request.set_reply_bytes(1 << 20);
  // More than may lie about decompressed, and more than the window.
  for (int i = 0; i < 200; ++i) {
    request.set_payload(std::to_string(i));
    ASSERT_TRUE(stream.Write(request));
    EchoReply reply;
    ASSERT_TRUE(stream.Read(&reply));
    ASSERT_EQ(reply.payload().size(), 1u << 20);
    ASSERT_EQ(reply.payload().substr(0, request.payload().size()),
              request.payload());
  }
  stream.WritesDone();
  EchoReply none;
  EXPECT_FALSE(stream.Read(&none));
  EXPECT_TRUE(stream.Finish().ok());
}

TEST_F(MasterTest, CompressedRepliesThatNobodyReadsAreBounded) {
  Connect("local:");
  stub::CallOptions options;
  options.accepted_compressions = stub::kAllCompressions;
  const auto pending = std::make_shared<Pending>();
  pending->call = master_->StartCall("local:", {}, "/probe.v1.Probe/Count",
                                     options, pending);
  ::probe::v1::CountRequest request;
  request.set_count(-1);
  request.set_reply_bytes(4'000'000);
  request.set_compression(2);
  pending->call->SendLast(request.SerializeAsString());
  ASSERT_TRUE(pending->over.WaitForNotificationWithTimeout(kHangs));
  EXPECT_EQ(pending->status.code(), absl::StatusCode::kResourceExhausted)
      << pending->status;
}

TEST_F(MasterTest, CallsATypedMethodInALocalContext) {
  demo::v1::GreeterStub greeter(Connect("local:"));
  demo::v1::HelloRequest request;
  request.set_name("web1");
  const auto reply = greeter.SayHello(request);
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->message(), "Hello, web1!");
  EXPECT_NE(reply->pid(), getpid());
  EXPECT_EQ(reply->uid(), static_cast<int64_t>(getuid()));
}

TEST_F(MasterTest, AContextIsConnectedOnceAndKept) {
  Connect("local:");
  Connect("local:");
  const std::vector<ContextInfo> contexts = master_->List();
  ASSERT_EQ(contexts.size(), 1u);
  EXPECT_EQ(contexts[0].name, "local:");
  EXPECT_EQ(contexts[0].parent, "");
  EXPECT_TRUE(contexts[0].ready);
  EXPECT_EQ(contexts[0].hello.platform, "linux-x86_64");
}

TEST_F(MasterTest, ConnectsChainsOfHops) {
  ProbeStub probe(Connect("local:/local:/local:"));
  const auto reply = probe.Echo(Echo("deep"));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->payload(), "deep");
  const std::vector<ContextInfo> contexts = master_->List();
  ASSERT_EQ(contexts.size(), 3u);
  EXPECT_EQ(contexts[2].name, "local:/local:/local:");
  EXPECT_EQ(contexts[2].parent, "local:/local:");
}

TEST_F(MasterTest, OpenNeedsNoConnect) {
  const auto context = master_->Open("local:/local:");
  ASSERT_TRUE(context.ok());
  const auto reply = ProbeStub(*context).Echo(Echo("first"));
  ASSERT_TRUE(reply.ok()) << reply.status();
}

TEST_F(MasterTest, CarriesEmptyAndLargeMessages) {
  ProbeStub probe(Connect("local:/local:"));
  for (size_t size : {0u, 1u, 65536u, 1u << 20, 4u * 1000 * 1000}) {
    const auto reply = probe.Echo(Echo(std::string(size, 'p')));
    ASSERT_TRUE(reply.ok()) << size << " " << reply.status();
    EXPECT_TRUE(reply->payload() == std::string(size, 'p')) << size;
  }
}

TEST_F(MasterTest, RefusesMessagesThatAreTooLong) {
  ProbeStub probe(Connect("local:"));
  auto reply = probe.Echo(Echo(std::string(5 << 20, 'p')));
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kResourceExhausted)
      << reply.status();
  EchoRequest request;
  request.set_reply_bytes(5 << 20);
  reply = probe.Echo(request);
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kResourceExhausted)
      << reply.status();
  EXPECT_TRUE(probe.Echo(Echo("still there")).ok());
}

TEST_F(MasterTest, CarriesAMethodsError) {
  ProbeStub probe(Connect("local:/local:"));
  EchoRequest request;
  request.set_error_code(9);
  request.set_error_bytes(1 << 20);
  const auto reply = probe.Echo(request);
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(reply.status().message() == std::string(1 << 20, 'e'))
      << reply.status().message().size();
}

TEST_F(MasterTest, RefusesWhatItDoesNotKnowBeforeAnythingIsStarted) {
  const auto call = StartRaw("local:", "/probe.v1.Probe/Nothing", Echo(""));
  ASSERT_TRUE(call->over.WaitForNotificationWithTimeout(kHangs));
  EXPECT_EQ(call->status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(master_->List().empty());
}

TEST_F(MasterTest, RefusesWhatIsNoTarget) {
  EXPECT_EQ(master_->Connect("web1").status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(master_->Open("").status().code(),
            absl::StatusCode::kInvalidArgument);
  const auto call = StartRaw("sudo:", "/probe.v1.Probe/Echo", Echo(""));
  EXPECT_EQ(call->status.code(), absl::StatusCode::kInvalidArgument);
  call->call->Cancel();
}

TEST_F(MasterTest, ADeadlineEndsACall) {
  ProbeStub probe(Connect("local:"));
  ASSERT_TRUE(probe.Echo(Echo("warm")).ok());
  stub::CallOptions options;
  options.timeout = absl::Milliseconds(50);
  const absl::Time start = absl::Now();
  const auto reply = probe.Echo(Wait(), options);
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(50));
  EXPECT_LT(absl::Now() - start, kHangs / 2);
  EXPECT_NE(reply.status().message().find("/probe.v1.Probe/Echo in local:"),
            std::string::npos)
      << reply.status();
  EXPECT_TRUE(probe.Echo(Echo("still there")).ok());
}

TEST_F(MasterTest, ADeadlineThatHasPassedStartsNothing) {
  stub::CallOptions options;
  options.deadline = absl::Now() - absl::Seconds(1);
  const auto context = master_->Open("local:");
  ASSERT_TRUE(context.ok());
  EXPECT_EQ(ProbeStub(*context).Echo(Echo("late"), options).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(master_->List().empty());
}

TEST_F(MasterTest, ACallCanBeCancelledOnce) {
  Connect("local:");
  const auto call = StartWaiting("local:");
  Synchronize("local:");
  EXPECT_FALSE(call->over.HasBeenNotified());
  call->call->Cancel();
  call->call->Cancel();
  ASSERT_TRUE(call->over.WaitForNotificationWithTimeout(kHangs));
  EXPECT_EQ(call->status.code(), absl::StatusCode::kCancelled);
  Synchronize("local:");
  EXPECT_EQ(call->times, 1);
}

TEST_F(MasterTest, ACallCanBeCancelledWhileItsContextStarts) {
  const auto call = StartWaiting("local:/local:");
  call->call->Cancel();
  ASSERT_TRUE(call->over.WaitForNotificationWithTimeout(kHangs));
  EXPECT_EQ(call->status.code(), absl::StatusCode::kCancelled);
  Synchronize("local:/local:");
  EXPECT_EQ(call->times, 1);
}

TEST_F(MasterTest, DestructionEndsCallsThatAreOut) {
  Connect("local:");
  std::vector<std::shared_ptr<Pending>> calls;
  // Fewer than a module has threads, so that there is one to answer.
  for (int i = 0; i < 2; ++i) calls.push_back(StartWaiting("local:"));
  Synchronize("local:");
  for (int i = 0; i < 20; ++i) calls.push_back(StartWaiting("local:"));
  // Some whose context does not run yet.
  for (int i = 0; i < 20; ++i) calls.push_back(StartWaiting("local:/local:"));
  master_.reset();
  for (const auto& call : calls) {
    ASSERT_TRUE(call->over.HasBeenNotified()) << "before it returns";
    EXPECT_EQ(call->times, 1);
    EXPECT_EQ(call->status.code(), absl::StatusCode::kCancelled);
    call->call->Cancel();
  }
}

TEST_F(MasterTest, ContextsOutliveTheirMaster) {
  const stub::Context context = Connect("local:");
  master_.reset();
  EXPECT_EQ(ProbeStub(context).Echo(Echo("x")).status().code(),
            absl::StatusCode::kCancelled);
}

TEST_F(MasterTest, DestructionEndsTheProcesses) {
  ProbeStub probe(Connect("local:"));
  const auto info = probe.Info(google::protobuf::Empty());
  ASSERT_TRUE(info.ok()) << info.status();
  ASSERT_TRUE(IsRunning(info->pid()));
  ASSERT_TRUE(IsRunning(info->ppid()));
  master_.reset();
  const absl::Time limit = absl::Now() + kHangs;
  while ((IsRunning(info->pid()) || IsRunning(info->ppid())) &&
         absl::Now() < limit) {
    std::this_thread::yield();
  }
  EXPECT_FALSE(IsRunning(info->pid()));
  EXPECT_FALSE(IsRunning(info->ppid()));
}

TEST_F(MasterTest, ACrashOfAModuleNamesItsSignalAndTheContextLivesOn) {
  ProbeStub probe(Connect("local:"));
  const auto before = probe.Info(google::protobuf::Empty());
  ASSERT_TRUE(before.ok()) << before.status();
  const auto other = StartWaiting("local:");
  Synchronize("local:");
  ::probe::v1::CrashRequest request;
  request.set_signal(SIGSEGV);
  const auto crash = probe.Crash(request);
  EXPECT_EQ(crash.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(crash.status().message().find("killed by signal 11"),
            std::string::npos)
      << crash.status();
  EXPECT_NE(crash.status().message().find("module probe"), std::string::npos);
  ASSERT_TRUE(other->over.WaitForNotificationWithTimeout(kHangs));
  EXPECT_EQ(other->status.code(), absl::StatusCode::kUnavailable);
  const auto after = probe.Info(google::protobuf::Empty());
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->ppid(), before->ppid()) << "the same context";
  EXPECT_NE(after->pid(), before->pid()) << "another module process";
  EXPECT_EQ(after->calls(), 1);
}

TEST_F(MasterTest, AModuleThatExitsNamesItsStatus) {
  ProbeStub probe(Connect("local:"));
  ::probe::v1::CrashRequest request;
  request.set_exit_status(7);
  const auto crash = probe.Crash(request);
  EXPECT_EQ(crash.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(crash.status().message().find("exit status 7"), std::string::npos)
      << crash.status();
}

TEST_F(MasterTest, AContextThatIsKilledIsLostAndConnectedAnew) {
  ProbeStub probe(Connect("local:/local:"));
  const auto info = probe.Info(google::protobuf::Empty());
  ASSERT_TRUE(info.ok()) << info.status();
  const auto call = StartWaiting("local:/local:");
  Synchronize("local:/local:");
  ASSERT_EQ(kill(info->ppid(), SIGKILL), 0);
  ASSERT_TRUE(call->over.WaitForNotificationWithTimeout(kHangs));
  EXPECT_EQ(call->status.code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(call->status.message().find("local:"), std::string::npos);
  const auto again = probe.Info(google::protobuf::Empty());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_NE(again->ppid(), info->ppid());
}

TEST_F(MasterTest, DisconnectEndsASubtree) {
  Connect("local:/local:");
  const auto call = StartWaiting("local:/local:");
  Synchronize("local:/local:");
  EXPECT_EQ(master_->Disconnect("local:/ssh:x").code(),
            absl::StatusCode::kNotFound);
  EXPECT_TRUE(master_->Disconnect("local:").ok());
  ASSERT_TRUE(call->over.WaitForNotificationWithTimeout(kHangs));
  EXPECT_FALSE(call->status.ok());
  EXPECT_TRUE(master_->List().empty());
  EXPECT_EQ(master_->Disconnect("local:").code(), absl::StatusCode::kNotFound);
  Synchronize("local:/local:");
}

TEST_F(MasterTest, DisconnectOfAGrandchildLeavesItsParent) {
  Connect("local:/local:");
  EXPECT_TRUE(master_->Disconnect("local:/local:").ok());
  Synchronize("local:");
  const absl::Time limit = absl::Now() + kHangs;
  while (master_->List().size() != 1 && absl::Now() < limit) {
    std::this_thread::yield();
  }
  ASSERT_EQ(master_->List().size(), 1u);
  EXPECT_EQ(master_->List()[0].name, "local:");
}

TEST_F(MasterTest, LinksCountWhatWentOverThem) {
  ProbeStub probe(Connect("local:/local:"));
  ASSERT_TRUE(probe.Echo(Echo(std::string(100'000, 'p'))).ok());
  const auto here = master_->Links("master");
  ASSERT_TRUE(here.ok()) << here.status();
  ASSERT_EQ(here->size(), 1u);
  EXPECT_EQ(here->at(0).name, "local:");
  EXPECT_GT(here->at(0).bytes_in, 100'000u);
  EXPECT_GT(here->at(0).bytes_out, 100'000u);
  EXPECT_GT(here->at(0).frames_out, 3u);
  EXPECT_EQ(here->at(0).refused_sources, 0u);
  const auto below = master_->Links("local:/local:");
  ASSERT_TRUE(below.ok()) << below.status();
  ASSERT_EQ(below->size(), 2u);  // its parent's and its module's
  EXPECT_EQ(below->at(0).name, "local:");
  EXPECT_EQ(below->at(1).name, "module probe");
  EXPECT_GT(below->at(1).bytes_out, 100'000u);
  EXPECT_EQ(master_->Links("local:x").status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(MasterTest, GivesTheLinesThatModulesPrint) {
  ProbeStub probe(Connect("local:/local:"));
  ::probe::v1::PrintRequest request;
  request.set_to_stdout("one\ntwo\n");
  ASSERT_TRUE(probe.Print(request).ok());
  request.clear_to_stdout();
  request.set_to_stderr("oops\n");
  ASSERT_TRUE(probe.Print(request).ok());
  EXPECT_EQ(WaitForLog(3),
            (std::vector<std::string>{"local:/local: probe stdout: one",
                                      "local:/local: probe stdout: two",
                                      "local:/local: probe stderr: oops"}));
}

TEST_F(MasterTest, ManyThreadsCallAtOnce) {
  const stub::Context near = Connect("local:");
  const stub::Context far = Connect("local:/local:");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      ProbeStub probe(t % 2 ? near : far);
      for (int i = 0; i < 100; ++i) {
        const std::string payload =
            std::to_string(t) + std::string(i * 700, 'x');
        const auto reply = probe.Echo(Echo(payload));
        if (!reply.ok() || reply->payload() != payload) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(MasterTest, ManyCallsLeaveNothingBehind) {
  ProbeStub probe(Connect("local:"));
  const auto before = probe.Info(google::protobuf::Empty());
  ASSERT_TRUE(before.ok());
  const size_t fds = CountOpenFds();
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(probe.Echo(Echo("x")).ok()) << i;
  const auto after = probe.Info(google::protobuf::Empty());
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->open_fds(), before->open_fds());
  EXPECT_EQ(after->calls(), 2002);
  EXPECT_EQ(CountOpenFds(), fds);
}

TEST_F(MasterTest, ManyContextsLeaveNothingBehind) {
  Connect("local:");
  ASSERT_TRUE(master_->Disconnect("local:").ok());
  const size_t fds = CountOpenFds();
  for (int i = 0; i < 30; ++i) {
    Synchronize("local:");
    ASSERT_TRUE(master_->Disconnect("local:").ok());
  }
  // Links are buried in the loop's next turn.
  master_->List();
  EXPECT_LE(CountOpenFds(), fds + 2);
}

TEST_F(MasterTest, TwoMastersKnowNothingOfOneAnother) {
  auto other = Master::Create();
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE((*other)->Connect("local:").ok());
  EXPECT_TRUE(master_->List().empty());
}

}  // namespace
}  // namespace ramet::server
