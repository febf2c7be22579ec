#include "importer/module_store.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <memory>
#include <string>

#include "core/base/sha256.h"
#include "core/wire/big_endian.h"
#include "parent/agent_image.h"

namespace ramet::importer {
namespace {

using core::Code;

constexpr char kPlatform[] = "linux-x86_64";

std::string Deflate(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  EXPECT_EQ(
      compress(reinterpret_cast<Bytef*>(out.data()), &size,
               reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()),
      Z_OK);
  out.resize(size);
  return out;
}

class ModuleStoreTest : public testing::Test {
 protected:
  void Send(uint32_t transfer, uint8_t kind, const std::string& bytes,
            core::ContextId from = core::kMasterId) {
    std::string payload(4, '\0');
    core::StoreBe32(payload.data(), transfer);
    payload += static_cast<char>(kind);
    core::FrameHeader header;
    header.src_id = from;
    store_.OnLoadModule(header, payload + bytes);
  }
  core::LoadModule Announce(const std::string& service,
                            const std::string& image) {
    core::LoadModule load;
    load.name = "module of " + service;
    load.platform = kPlatform;
    load.digest = core::Sha256Digest(Deflate(image));
    load.deflated_bytes = Deflate(image).size();
    load.image_bytes = image.size();
    load.services.push_back({service, {{"SayHello", 0}, {"SayBye", 1}}});
    return load;
  }
  void Begin(uint32_t transfer, const core::LoadModule& load,
             core::ContextId from = core::kMasterId) {
    Send(transfer, 1, core::SerializeControl(load), from);
  }
  std::string ImageOf(const std::string& service) {
    const auto module = store_.FindService(service);
    if (module == nullptr || !module->complete || !module->image.valid()) {
      return "none";
    }
    std::string bytes;
    EXPECT_TRUE(parent::ReadImage(module->image.get(), &bytes).ok());
    return bytes;
  }

  ModuleStore store_{kPlatform};
};

TEST_F(ModuleStoreTest, TakesAModule) {
  EXPECT_EQ(store_.FindService("a.A"), nullptr);
  Begin(1, Announce("a.A", "image"));
  ASSERT_NE(store_.FindService("a.A"), nullptr);
  EXPECT_FALSE(store_.FindService("a.A")->complete);
  const std::string deflated = Deflate("image");
  Send(1, 2, deflated.substr(0, 3));
  EXPECT_FALSE(store_.FindService("a.A")->complete);
  Send(1, 2, deflated.substr(3));
  EXPECT_EQ(ImageOf("a.A"), "image");
  EXPECT_TRUE(store_.FindService("a.A")->status.ok());
  EXPECT_EQ(store_.FindService("a.B"), nullptr);
}

TEST_F(ModuleStoreTest, TransfersOfManySendersDoNotMix) {
  Begin(1, Announce("a.A", "image A"), 0);
  Begin(1, Announce("b.B", "image B"), 2);
  Begin(2, Announce("c.C", "image C"), 0);
  Send(1, 2, Deflate("image B"), 2);
  Send(2, 2, Deflate("image C"), 0);
  Send(1, 2, Deflate("image A"), 0);
  EXPECT_EQ(ImageOf("a.A"), "image A");
  EXPECT_EQ(ImageOf("b.B"), "image B");
  EXPECT_EQ(ImageOf("c.C"), "image C");
}

TEST_F(ModuleStoreTest, ABadImageBecomesTheModulesStatus) {
  core::LoadModule load = Announce("a.A", "image");
  load.digest[0] ^= 1;
  Begin(1, load);
  Send(1, 2, Deflate("image"));
  const auto module = store_.FindService("a.A");
  EXPECT_TRUE(module->complete);
  EXPECT_EQ(module->status.code(), Code::kDataLoss);
  EXPECT_FALSE(module->image.valid());
}

TEST_F(ModuleStoreTest, AnImageForAnotherPlatformIsNamedAndReceived) {
  core::LoadModule load = Announce("a.A", "image");
  load.platform = "linux-aarch64";
  Begin(1, load);
  Send(1, 2, Deflate("image"));
  const auto module = store_.FindService("a.A");
  EXPECT_EQ(module->status.code(), Code::kFailedPrecondition);
  EXPECT_EQ(module->status.message(),
            "module module of a.A is for linux-aarch64, this context runs "
            "linux-x86_64");
}

TEST_F(ModuleStoreTest, AnImageOfNoBytesIsRefused) {
  core::LoadModule load = Announce("a.A", "image");
  load.deflated_bytes = 0;
  Begin(1, load);
  const auto module = store_.FindService("a.A");
  ASSERT_NE(module, nullptr);
  EXPECT_FALSE(module->status.ok());
}

TEST_F(ModuleStoreTest, TheLaterOfTwoModulesTakesAService) {
  Begin(1, Announce("a.A", "old"));
  Send(1, 2, Deflate("old"));
  const auto held = store_.FindService("a.A");
  Begin(2, Announce("a.A", "new"));
  Send(2, 2, Deflate("new"));
  EXPECT_EQ(ImageOf("a.A"), "new");
  std::string bytes;
  ASSERT_TRUE(parent::ReadImage(held->image.get(), &bytes).ok());
  EXPECT_EQ(bytes, "old") << "who holds one keeps it";
}

TEST_F(ModuleStoreTest, DropsWhatIsMalformed) {
  core::FrameHeader header;
  for (size_t size = 0; size < kLoadModulePrefixBytes; ++size) {
    store_.OnLoadModule(header, std::string(size, '\x01'));
  }
  Send(1, 0, "");
  Send(1, 3, "");
  Send(1, 1, "\x0a\x7f");
  Send(9, 2, "a piece of nothing");
  EXPECT_EQ(store_.FindService(""), nullptr);
}

TEST_F(ModuleStoreTest, ASecondBeginningOfATransferChangesNothing) {
  Begin(1, Announce("a.A", "image"));
  Begin(1, Announce("a.A", "another"));
  Send(1, 2, Deflate("image"));
  EXPECT_EQ(ImageOf("a.A"), "image");
}

TEST_F(ModuleStoreTest, HasALimitOfTransfersAtOnce) {
  for (uint32_t i = 0; i < ModuleStore::kMaxTransfers; ++i) {
    Begin(i, Announce("service" + std::to_string(i), "image"));
  }
  Begin(1000, Announce("one.Too.Many", "image"));
  EXPECT_EQ(store_.FindService("one.Too.Many"), nullptr);
  Send(3, 2, Deflate("image"));
  Begin(1000, Announce("one.Too.Many", "image"));
  EXPECT_NE(store_.FindService("one.Too.Many"), nullptr);
}

TEST_F(ModuleStoreTest, KnowsTheMethodsOfAService) {
  Begin(1, Announce("a.A", "image"));
  const auto module = store_.FindService("a.A");
  const core::ModuleMethod* const method = FindMethod(*module, "a.A", "SayBye");
  ASSERT_NE(method, nullptr);
  EXPECT_EQ(method->policy, 1u);
  EXPECT_EQ(FindMethod(*module, "a.A", "Say"), nullptr);
  EXPECT_EQ(FindMethod(*module, "a.B", "SayBye"), nullptr);
}

}  // namespace
}  // namespace ramet::importer
