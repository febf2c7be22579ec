// A far end that says anything at all before it is an agent. Its user gets
// exactly what follows a marker, or an error that can be printed; and the loop
// comes to rest in between.

#include <errno.h>
#include <stdint.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/check.h"
#include "core/base/status.h"
#include "core/base/unique_fd.h"
#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "fuzz/fuzz_input.h"
#include "parent/agent_image.h"
#include "parent/bootstrap_stream.h"
#include "parent/connect_stats.h"
#include "parent/first_stage.h"

namespace ramet::parent {
namespace {

constexpr char kNonce[] = "0123456789abcdef";

class Images final : public AgentImages {
 public:
  Images() {
    int fd = -1;
    RAMET_CHECK(MakeMemoryFile("image", "IMAGE", &fd).ok());
    file_.Reset(fd);
    image_ = {"linux-x86_64", "Linux x86_64", -1, fd};
  }
  const AgentImage& own() const override { return image_; }
  const AgentImage& Guess(std::string_view) const override { return image_; }
  void Find(std::string_view uname, Waiter* waiter) override {
    waiter->OnImage(uname == image_.uname ? &image_ : nullptr);
  }
  void Forget(Waiter*) override {}

 private:
  core::UniqueFd file_;
  AgentImage image_;
};

class User final : public core::ByteStream::Listener {
 public:
  explicit User(core::ByteStream* stream) : stream_(stream) {}
  void OnReadable() override {
    char buffer[64];
    for (;;) {
      const ssize_t count = stream_->Read(buffer, sizeof buffer);
      if (count == -EAGAIN) return;
      if (count <= 0) {
        RAMET_CHECK(count == 0 || count == -EPROTO);
        ended = true;
        stream_->PauseRead(true);
        return;
      }
      received.append(buffer, count);
    }
  }
  void OnWritable() override { stream_->WantWrite(false); }

  std::string received;
  bool ended = false;

 private:
  core::ByteStream* const stream_;
};

class Drain final : public core::ByteStream::Listener {
 public:
  explicit Drain(core::ByteStream* stream) : stream_(stream) {}
  void OnReadable() override {
    char buffer[4096];
    while (stream_->Read(buffer, sizeof buffer) > 0) {
    }
  }
  void OnWritable() override {}

 private:
  core::ByteStream* const stream_;
};

void Run(fuzz::FuzzInput input) {
  static const core::FakeClock clock;
  static Images images;
  core::EventLoop loop(&clock);
  core::MemoryNetwork network(&loop);
  core::MemoryNetwork::Pair pair = network.MakePair();
  pair.b_to_a->max_read = 1 + input.Byte();
  auto target = std::move(pair.b);
  Drain drain(target.get());
  target->SetListener(&drain);
  ConnectStats stats;
  BootstrapStream stream(std::move(pair.a), kNonce, "FIRST", &images, &stats);
  User user(&stream);
  stream.SetListener(&user);
  std::string said;
  while (!input.empty() && !user.ended) {
    std::string piece;
    // What a fuzzer finds hard to spell.
    switch (const uint8_t what = input.Byte()) {
      case 0xFF:
        piece = AgentMarker(kNonce);
        break;
      case 0xFE:
        piece = TextMarker(kNonce);
        break;
      case 0xFD:
        piece = TextMarker(kNonce) + "need Linux x86_64\n";
        break;
      case 0xFC:
        piece = TextMarker(kNonce) + "fail ";
        break;
      case 0xFB:
        piece = TextMarker(kNonce) + "need ";
        break;
      default:
        piece = input.Bytes(what);
    }
    said += piece;
    target->Write(piece.data(), piece.size());
    stream.Write("frames", 6);
    network.Settle();
  }
  target.reset();
  network.Settle();
  RAMET_CHECK(user.ended);
  if (!user.received.empty()) {
    const std::string end = AgentMarker(kNonce) + user.received;
    RAMET_CHECK(said.size() >= end.size());
    RAMET_CHECK(said.compare(said.size() - end.size(), end.size(), end) == 0);
  }
  const core::Status why = stream.status();
  RAMET_CHECK(!why.ok() || said.find(AgentMarker(kNonce)) != std::string::npos);
  for (char c : why.message() + stream.tail()) {
    RAMET_CHECK(c >= ' ' && c < 127);
  }
  RAMET_CHECK(stats.bootstrap_round_trips <=
              static_cast<uint32_t>(BootstrapStream::kMaxResends));
}

}  // namespace
}  // namespace ramet::parent

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ramet::parent::Run(ramet::fuzz::FuzzInput(data, size));
  return 0;
}
