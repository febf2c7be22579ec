// Frames about modules, of a parent and two children that say anything. The
// cache keeps within its limit, an image that counts as complete has the digest
// that it is called by, and what a child says changes nothing but what that
// child gets.

#include <stdint.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "core/base/sha256.h"
#include "core/context/context.h"
#include "core/loop/event_loop.h"
#include "core/testing/fake_clock.h"
#include "core/testing/memory_network.h"
#include "core/testing/raw_peer.h"
#include "core/wire/big_endian.h"
#include "core/wire/control.h"
#include "fuzz/fuzz_input.h"
#include "importer/image_cache.h"
#include "importer/module_courier.h"

namespace ramet::importer {
namespace {

constexpr core::ContextId kSelf = 3;
constexpr core::ContextId kChildren[] = {7, 8};
constexpr size_t kMaxBytes = 600;
// Images of which frames bring pieces, right or wrong.
constexpr size_t kImages = 4;

std::string ImageBytes(size_t i) { return std::string(100 * i + 1, 'a' + i); }

class Tree final : private ModuleCourier::Local {
 public:
  Tree() {
    context_.router().SetSelf(kSelf, "web1");
    context_.SetAncestors({core::kMasterId});
    core::MemoryNetwork::Pair up = network_.MakePair();
    context_.router().AddParent(std::move(up.a), core::kMasterId);
    peers_.push_back(std::make_unique<core::RawPeer>(std::move(up.b)));
    for (const core::ContextId id : kChildren) {
      core::MemoryNetwork::Pair down = network_.MakePair();
      context_.router().AddChild(std::move(down.a), id, "child");
      peers_.push_back(std::make_unique<core::RawPeer>(std::move(down.b)));
    }
    cache_.set_max_bytes(kMaxBytes);
  }

  void Step(fuzz::FuzzInput* input) {
    const uint8_t what = input->Byte();
    const size_t who = what % 3;
    core::FrameHeader header;
    header.dst_id = kSelf;
    header.src_id = header.auth_id =
        who == 0 ? core::kMasterId : kChildren[who - 1];
    std::string payload;
    switch (what / 3 % 5) {
      case 0:
        header.handle = core::kLoadModule;
        payload = Load(input, &header);
        break;
      case 1:
        header.handle = core::kForwardModule;
        payload = Notice(input);
        break;
      case 2:
        header.handle = core::kGetModule;
        payload = Notice(input);
        break;
      case 3:
        header.handle = core::kGetModule + what % 3;
        payload = input->Bytes(input->Byte());
        break;
      default:
        (void)courier_.Ask(core::ModuleNotice::kService,
                           input->Bytes(what % 8));
        (void)courier_.Fetch(Digest(what));
        break;
    }
    const size_t known = cache_.size();
    if (header.handle != 0) peers_[who]->Send(header, payload);
    network_.Settle();
    if (who != 0 && header.handle != core::kGetModule && header.handle != 0) {
      RAMET_CHECK(cache_.size() == known);
    }
    Check();
  }

 private:
  void OnNotice(const core::ModuleNotice&) override {}
  void OnImage(std::string_view, const core::Status&) override {}
  void OnAsked(const core::ModuleNotice&) override {}

  static std::string Digest(uint8_t number) {
    return core::Sha256Digest(ImageBytes(number % kImages));
  }
  static std::string Load(fuzz::FuzzInput* input, core::FrameHeader* header) {
    const uint8_t number = input->Byte();
    const std::string image = ImageBytes(number % kImages);
    if (number & 0x80) header->flags = core::kFlagDead;
    std::string payload = Digest(number);
    payload.resize(kLoadModulePrefixBytes);
    const uint32_t total =
        number & 0x40 ? input->Uint16() : static_cast<uint32_t>(image.size());
    const uint32_t offset = number & 0x20 ? input->Byte() : 0;
    core::StoreBe32(payload.data() + 32, total);
    core::StoreBe32(payload.data() + 36, offset);
    if (number & 0x10) return payload + std::string(input->Bytes(100));
    if (offset >= image.size()) return payload;
    return payload + image.substr(offset, input->Uint16());
  }
  static std::string Notice(fuzz::FuzzInput* input) {
    const core::ContextId targets[] = {kSelf, kChildren[0], kChildren[1], 500};
    const uint8_t flags = input->Byte();
    core::ModuleNotice notice;
    notice.kind = flags % 5;
    notice.target = targets[flags / 5 % 4];
    notice.digest =
        flags & 0x80 ? Digest(input->Byte()) : std::string(input->Bytes(3));
    notice.name = input->Bytes(flags % 7);
    if (flags & 1) notice.code = input->Byte() % 17;
    return core::SerializeControl(notice);
  }

  void Check() {
    RAMET_CHECK(cache_.bytes() <= kMaxBytes);
    for (size_t i = 0; i < kImages; ++i) {
      const CachedImage* const image = cache_.Find(Digest(i));
      if (image != nullptr && image->complete) {
        RAMET_CHECK(image->bytes == ImageBytes(i));
      }
    }
  }

  core::FakeClock clock_;
  core::EventLoop loop_{&clock_};
  core::MemoryNetwork network_{&loop_};
  core::Context context_{&loop_};
  ImageCache cache_;
  ModuleCourier courier_{&context_, &cache_, this};
  std::vector<std::unique_ptr<core::RawPeer>> peers_;
};

void Run(fuzz::FuzzInput input) {
  Tree tree;
  for (int step = 0; step < 200 && !input.empty(); ++step) tree.Step(&input);
}

}  // namespace
}  // namespace ramet::importer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ramet::importer::Run(ramet::fuzz::FuzzInput(data, size));
  return 0;
}
