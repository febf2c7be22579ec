#include "parent/bootstrap_stream.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <string.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "parent/first_stage.h"

namespace ramet::parent {
namespace {

constexpr char kNonce[] = "0123456789abcdef";
constexpr char kUname[] = "Linux x86_64";

// One platform, whose image is a short text.
class Images final : public AgentImages {
 public:
  Images() {
    int fd = -1;
    EXPECT_TRUE(MakeMemoryFile("packed", "PACKED IMAGE", &fd).ok());
    packed_.Reset(fd);
    image_ = {"linux-x86_64", kUname, -1, packed_.get()};
  }
  const AgentImage& own() const override { return image_; }
  const AgentImage& Guess(std::string_view) const override { return image_; }
  void Find(std::string_view uname, Waiter* waiter) override {
    if (fetches) {
      waiting = waiter;
    } else {
      waiter->OnImage(uname == kUname ? &image_ : nullptr);
    }
  }
  void Forget(Waiter* waiter) override {
    if (waiting == waiter) waiting = nullptr;
  }

  // Answers later, as one does that asks its parent.
  bool fetches = false;
  Waiter* waiting = nullptr;

 private:
  core::UniqueFd packed_;
  AgentImage image_;
};

// Reads and writes all it can.
class User final : public core::ByteStream::Listener {
 public:
  explicit User(core::ByteStream* stream) : stream_(stream) {}

  void OnReadable() override {
    std::vector<char> buffer(read_bytes);
    for (;;) {
      const ssize_t count = stream_->Read(buffer.data(), buffer.size());
      if (count == -EAGAIN) return;
      if (count <= 0) {
        ended = count == 0;
        failed = count == -EPROTO;
        stream_->PauseRead(true);
        return;
      }
      received.append(buffer.data(), count);
    }
  }
  void OnWritable() override {
    while (!to_send.empty()) {
      const ssize_t count = stream_->Write(to_send.data(), to_send.size());
      if (count < 0) return;
      to_send.erase(0, count);
    }
    stream_->WantWrite(false);
  }
  void Send(const std::string& bytes) {
    to_send += bytes;
    stream_->WantWrite(true);
    OnWritable();
  }

  size_t read_bytes = 4096;
  std::string to_send;
  std::string received;
  bool ended = false;
  bool failed = false;

 private:
  core::ByteStream* const stream_;
};

// The stream's user on one side, the target on the other.
class BootstrapStreamTest : public testing::Test,
                            public core::ByteStream::Listener {
 protected:
  BootstrapStreamTest() { Start("FIRST IMAGE"); }

  void Start(const std::string& image) {
    core::MemoryNetwork::Pair pair = network_.MakePair();
    to_target_ = pair.a_to_b;
    from_target_ = pair.b_to_a;
    target_ = std::move(pair.b);
    target_->SetListener(this);
    seen_.clear();
    stats_ = ConnectStats();
    stream_ = std::make_unique<BootstrapStream>(std::move(pair.a), kNonce,
                                                image, &images_, &stats_);
    user_ = std::make_unique<User>(stream_.get());
    stream_->SetListener(user_.get());
  }

  void OnReadable() override {
    char buffer[65536];
    ssize_t count;
    while ((count = target_->Read(buffer, sizeof buffer)) > 0) {
      seen_.append(buffer, count);
    }
  }
  void OnWritable() override {}

  void TargetSays(const std::string& bytes) {
    ASSERT_EQ(target_->Write(bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
    network_.Settle();
  }
  void TargetEnds() {
    target_.reset();
    network_.Settle();
  }
  std::string TakeSeen() {
    std::string seen;
    seen.swap(seen_);
    return seen;
  }
  static std::string Need(const std::string& wish) {
    return TextMarker(kNonce) + "need " + wish + "\n";
  }

  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::MemoryNetwork network_{&loop_};
  Images images_;
  ConnectStats stats_;
  std::shared_ptr<core::MemoryPipe> to_target_;
  std::shared_ptr<core::MemoryPipe> from_target_;
  std::unique_ptr<core::ByteStream> target_;
  std::unique_ptr<BootstrapStream> stream_;
  std::unique_ptr<User> user_;
  std::string seen_;
};

TEST_F(BootstrapStreamTest, SendsTheImageAndTheFirstFramesInOneFlight) {
  user_->Send("frames");
  network_.Settle();
  EXPECT_EQ(seen_, "FIRST IMAGEframes");
}

TEST_F(BootstrapStreamTest, SendsTheImageThoughNothingElseIsWritten) {
  network_.Settle();
  EXPECT_EQ(seen_, "FIRST IMAGE");
}

TEST_F(BootstrapStreamTest, ImageThatLeavesWithAWriteWantsNoMoreWrites) {
  // As a link writes: without WantWrite, unless it has to wait.
  ASSERT_EQ(stream_->Write("frames", 6), 6);
  network_.Settle();  // checks that the loop does not spin
  EXPECT_EQ(seen_, "FIRST IMAGEframes");
}

TEST_F(BootstrapStreamTest, NothingOvertakesTheImage) {
  to_target_->capacity = 3;
  user_->Send("frames");
  network_.Settle();
  EXPECT_EQ(seen_, "FIRST IMAGEframes");
}

TEST_F(BootstrapStreamTest, IsTransparentBehindTheMarker) {
  TargetSays(AgentMarker(kNonce) + "reply");
  EXPECT_EQ(user_->received, "reply");
  TargetSays("more");
  user_->Send("request");
  network_.Settle();
  EXPECT_EQ(user_->received, "replymore");
  EXPECT_EQ(TakeSeen(), "FIRST IMAGErequest");
  TargetEnds();
  EXPECT_TRUE(user_->ended);
  EXPECT_TRUE(stream_->status().ok());
}

TEST_F(BootstrapStreamTest, FindsTheMarkerWhereverItIsCut) {
  const std::string bytes =
      "motd\n" + Need("Linux x86_64") + AgentMarker(kNonce) + "reply";
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    Start("FIRST IMAGE");
    TargetSays(bytes.substr(0, cut));
    TargetSays(bytes.substr(cut));
    ASSERT_EQ(user_->received, "reply") << cut;
    EXPECT_EQ(stats_.bootstrap_round_trips, 1u) << "asked once, " << cut;
  }
}

TEST_F(BootstrapStreamTest, FindsTheMarkerByteByByte) {
  from_target_->max_read = 1;
  TargetSays("motd\n" + Need("Linux x86_64") + AgentMarker(kNonce) + "reply");
  EXPECT_EQ(user_->received, "reply");
}

TEST_F(BootstrapStreamTest, GivesWhatCameWithTheMarkerInAnyPieces) {
  user_->read_bytes = 10;
  from_target_->max_read = 100;
  const std::string reply(1000, 'r');
  TargetSays(AgentMarker(kNonce) + reply);
  EXPECT_EQ(user_->received, reply);
}

TEST_F(BootstrapStreamTest, HidesMuchNoise) {
  std::string noise;
  while (noise.size() < 100 * 1024) noise += "Welcome to web1! \x1b[1m\r\n";
  // Nearly a marker, and a marker of somebody else's.
  noise += AgentMarker("fedcba9876543210") + TextMarker("fedcba9876543210");
  noise += AgentMarker(kNonce).substr(0, 10);
  TargetSays(noise);
  EXPECT_EQ(user_->received, "");
  TargetSays(AgentMarker(kNonce) + "reply");
  EXPECT_EQ(user_->received, "reply");
  EXPECT_FALSE(user_->failed);
  EXPECT_EQ(stats_.bootstrap_bytes_received,
            noise.size() + AgentMarker(kNonce).size() + 5);
}

TEST_F(BootstrapStreamTest, GivesUpOnEndlessNoise) {
  std::string text;
  for (int i = 0; i < 40 && !user_->failed; ++i) {
    TargetSays(std::string(64 * 1024, 'y'));
  }
  EXPECT_TRUE(user_->failed);
  EXPECT_EQ(stream_->status().code(), core::Code::kUnavailable);
  EXPECT_EQ(
      stream_->status().message().substr(0, 67),
      "the far end printed more than 1048576 bytes and no marker: yyyyyyyy");
  EXPECT_LT(stream_->status().message().size(), 1000u);
  char byte;
  EXPECT_EQ(stream_->Read(&byte, 1), -EPROTO) << "and stays so";
  EXPECT_EQ(stream_->Write("x", 1), -EPROTO);
}

TEST_F(BootstrapStreamTest, SendsTheImageThatIsAskedForAndAllFramesAgain) {
  user_->Send("hello,");
  user_->Send("call");
  network_.Settle();
  EXPECT_EQ(TakeSeen(), "FIRST IMAGEhello,call");
  TargetSays("noise" + Need("Linux x86_64"));
  EXPECT_EQ(TakeSeen(),
            ResendHeader(kNonce, 12) + "PACKED IMAGE" + "hello,call");
  user_->Send(",later");
  network_.Settle();
  TargetSays(Need("Linux x86_64"));
  EXPECT_EQ(TakeSeen(), ",later" + ResendHeader(kNonce, 12) + "PACKED IMAGE" +
                            "hello,call,later");
  TargetSays(AgentMarker(kNonce) + "reply");
  EXPECT_EQ(user_->received, "reply");
  EXPECT_EQ(stats_.bootstrap_round_trips, 2u);
}

TEST_F(BootstrapStreamTest, AResendWaitsForRoomLikeEverything) {
  to_target_->capacity = 4;
  user_->Send("frames");
  TargetSays(Need("Linux x86_64"));
  user_->Send("later");
  network_.Settle();
  const std::string again = ResendHeader(kNonce, 12) + "PACKED IMAGE";
  const size_t at = seen_.find(again);
  ASSERT_NE(at, std::string::npos) << seen_;
  EXPECT_EQ(seen_.substr(at), again + "frameslater");
}

TEST_F(BootstrapStreamTest, AnImageThatIsFetchedFollowsWhenItIsHere) {
  images_.fetches = true;
  user_->Send("hello,");
  TargetSays(Need("Linux aarch64"));
  ASSERT_NE(images_.waiting, nullptr);
  user_->Send("call");
  network_.Settle();
  EXPECT_EQ(TakeSeen(), "FIRST IMAGEhello,call");
  images_.waiting->OnImage(&images_.own());
  network_.Settle();
  EXPECT_EQ(TakeSeen(),
            ResendHeader(kNonce, 12) + "PACKED IMAGE" + "hello,call");
  TargetSays(AgentMarker(kNonce) + "reply");
  EXPECT_EQ(user_->received, "reply");
}

TEST_F(BootstrapStreamTest, AFetchThatFailsIsToldAtOnce) {
  images_.fetches = true;
  TargetSays(Need("Linux mips"));
  ASSERT_NE(images_.waiting, nullptr);
  EXPECT_FALSE(user_->failed);
  images_.waiting->OnImage(nullptr);
  EXPECT_TRUE(user_->failed);
  EXPECT_EQ(stream_->status().message(),
            "no agent for the target's platform: Linux mips");
}

TEST_F(BootstrapStreamTest, ATargetThatDoesNotWaitGetsNoImageAmongItsFrames) {
  images_.fetches = true;
  TargetSays(Need("Linux aarch64") + AgentMarker(kNonce) + "reply");
  ASSERT_NE(images_.waiting, nullptr);
  TakeSeen();
  images_.waiting->OnImage(&images_.own());
  network_.Settle();
  EXPECT_EQ(TakeSeen(), "");
  EXPECT_EQ(user_->received, "reply");
}

TEST_F(BootstrapStreamTest, AStreamThatGoesIsNotToldOfItsImage) {
  images_.fetches = true;
  TargetSays(Need("Linux aarch64"));
  ASSERT_NE(images_.waiting, nullptr);
  stream_.reset();
  EXPECT_EQ(images_.waiting, nullptr);
}

TEST_F(BootstrapStreamTest, RefusesToSendForever) {
  for (int i = 0; i < BootstrapStream::kMaxResends; ++i) {
    TargetSays(Need("Linux x86_64"));
    EXPECT_FALSE(user_->failed);
  }
  TargetSays(Need("Linux x86_64"));
  EXPECT_TRUE(user_->failed);
  EXPECT_EQ(stream_->status().message(),
            "the first stage asked for too many images");
}

TEST_F(BootstrapStreamTest, NamesAPlatformThatThereIsNoAgentFor) {
  TargetSays(Need("SunOS sun4u"));
  EXPECT_TRUE(user_->failed);
  EXPECT_EQ(stream_->status().code(), core::Code::kFailedPrecondition);
  EXPECT_EQ(stream_->status().message(),
            "no agent for the target's platform: SunOS sun4u");
}

TEST_F(BootstrapStreamTest, AnOddWishIsNoWish) {
  for (const char* wish : {"", "Linux", "\x1b[31m x"}) {
    Start("FIRST IMAGE");
    TargetSays(Need(wish));
    EXPECT_TRUE(user_->failed) << wish;
    EXPECT_EQ(stream_->status().message().find('\x1b'), std::string::npos);
  }
}

TEST_F(BootstrapStreamTest, AnEndTellsWhatWasPrinted) {
  TargetSays("This account is currently not available.\r\n\r\n");
  TargetEnds();
  EXPECT_TRUE(user_->failed);
  EXPECT_EQ(stream_->status().code(), core::Code::kUnavailable);
  EXPECT_EQ(stream_->status().message(),
            "the remote command ended without a reason; it printed: This "
            "account is currently not available.");
}

TEST_F(BootstrapStreamTest, AnEndWithoutAWordSaysSo) {
  TargetEnds();
  EXPECT_EQ(stream_->status().message(),
            "the remote command ended without a reason");
}

TEST_F(BootstrapStreamTest, TheTransportsReasonComesFirst) {
  from_target_->end_status =
      core::Status(core::Code::kUnauthenticated, "no key was accepted");
  TargetSays("one\ntwo\n");
  TargetEnds();
  EXPECT_EQ(stream_->status().code(), core::Code::kUnauthenticated);
  EXPECT_EQ(stream_->status().message(),
            "no key was accepted; it printed: one | two");
}

TEST_F(BootstrapStreamTest, OnlyTheLastOfMuchNoiseIsTold) {
  TargetSays(std::string(100000, 'x') + "the end\n");
  TargetEnds();
  const std::string text = stream_->status().message();
  EXPECT_LT(text.size(), 700u);
  EXPECT_EQ(text.substr(text.size() - 8), "xthe end");
}

TEST_F(BootstrapStreamTest, AFirstStageThatGaveUpIsAFailedPrecondition) {
  from_target_->end_status =
      core::Status(core::Code::kUnavailable, "exit status 1: dd: no space");
  TargetSays("motd\n" + TextMarker(kNonce) + "fail no place\x07 at all\n");
  EXPECT_FALSE(user_->failed) << "the reasons come with the end";
  TargetEnds();
  EXPECT_TRUE(user_->failed);
  EXPECT_EQ(stream_->status().code(), core::Code::kFailedPrecondition);
  EXPECT_EQ(stream_->status().message(),
            "the first stage found no place? at all; exit status 1: dd: no "
            "space");
}

TEST_F(BootstrapStreamTest, CountsWhatItSends) {
  user_->Send("frames");
  TargetSays(Need("Linux x86_64"));
  EXPECT_EQ(stats_.bootstrap_bytes_sent,
            11 + ResendHeader(kNonce, 12).size() + 12 + 6);
}

TEST_F(BootstrapStreamTest, NamesItsPhase) {
  EXPECT_STREQ(stream_->phase(), "first stage");
  TargetSays(AgentMarker(kNonce));
  EXPECT_STREQ(stream_->phase(), "handshake");
}

TEST_F(BootstrapStreamTest, PausesTheStreamBelow) {
  stream_->PauseRead(true);
  TargetSays(AgentMarker(kNonce) + "reply");
  EXPECT_EQ(user_->received, "");
  stream_->PauseRead(false);
  network_.Settle();
  EXPECT_EQ(user_->received, "reply");
}

}  // namespace
}  // namespace ramet::parent
