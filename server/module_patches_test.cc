#include "server/module_patches.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/base/sha256.h"
#include "importer/image_patch.h"
#include "ramet/bundle.pb.h"
#include "tools/bundle/bundle_writer.h"

namespace ramet::server {
namespace {

using Images = std::vector<std::pair<std::string, std::string>>;

// An executable as far as a bundle can tell, which deflates badly.
std::string Image(size_t bytes, uint32_t seed = 1) {
  std::mt19937 random(seed);
  std::string image =
      "\x7F"
      "ELF";
  while (image.size() < bytes) image.push_back(static_cast<char>(random()));
  return image;
}

importer::Bundle MakeBundle(const std::string& name, const Images& images) {
  bundle::Manifest manifest;
  manifest.set_name(name);
  manifest.add_services()->set_name("a.A");
  bundle::BundleWriter writer(std::move(manifest));
  for (const auto& [platform, image] : images) {
    EXPECT_TRUE(writer.AddImage(platform, image).ok());
  }
  auto bundle = importer::Bundle::Parse(writer.Finish());
  EXPECT_TRUE(bundle.ok()) << bundle.status();
  return *std::move(bundle);
}

std::string Apply(const ModulePatch& patch, const std::string& base,
                  size_t bytes) {
  std::string inflated(patch.patch_bytes, '\0');
  uLongf size = inflated.size();
  EXPECT_EQ(uncompress(reinterpret_cast<Bytef*>(inflated.data()), &size,
                       reinterpret_cast<const Bytef*>(patch.deflated.data()),
                       patch.deflated.size()),
            Z_OK);
  EXPECT_EQ(size, inflated.size());
  std::string out(bytes, '\0');
  EXPECT_TRUE(
      importer::ApplyImagePatch(inflated, base, out.data(), out.size()));
  return out;
}

TEST(ModulePatchesTest, OneForEachPlatformThatBothHave) {
  const std::string image = Image(200'000);
  const importer::Bundle base = MakeBundle(
      "a", {{"linux-x86_64", image}, {"linux-aarch64", image + "a"}});
  const importer::Bundle next = MakeBundle("a", {{"linux-aarch64", image + "b"},
                                                 {"linux-riscv64", image + "c"},
                                                 {"linux-x86_64",
                                                  "\x7F"
                                                  "ELF more" +
                                                      image}});
  const std::vector<ModulePatchPtr> patches = MakeModulePatches(base, next);
  ASSERT_EQ(patches.size(), 2u);
  EXPECT_EQ(patches[0]->platform, "linux-aarch64");
  EXPECT_EQ(patches[0]->base_bundle, base.digest());
  EXPECT_EQ(Apply(*patches[0], image + "a", image.size() + 1), image + "b");
  EXPECT_EQ(patches[1]->platform, "linux-x86_64");
  EXPECT_EQ(Apply(*patches[1], image, image.size() + 9),
            "\x7F"
            "ELF more" +
                image);
  EXPECT_LT(patches[1]->deflated.size(), 1000u);
}

TEST(ModulePatchesTest, NoneWhereItDoesNotPay) {
  const std::string image = Image(200'000);
  const importer::Bundle base = MakeBundle("a", {{"linux-x86_64", image}});
  const auto patches = [&](const std::string& next) {
    return MakeModulePatches(base, MakeBundle("a", {{"linux-x86_64", next}}))
        .size();
  };
  EXPECT_EQ(patches(image + "x"), 1u);
  EXPECT_EQ(patches(image), 0u) << "the same image";
  EXPECT_EQ(patches(Image(200'000, 2)), 0u) << "nothing alike";
  EXPECT_EQ(patches(image.substr(0, 30'000)), 0u) << "a small one";
  EXPECT_EQ(patches(image + std::string(kMaxPatchedBytes, 'x')), 0u)
      << "one that takes too long";
  // Half of it is new, and a little more.
  EXPECT_EQ(patches(image + Image(190'000, 3)), 1u);
  EXPECT_EQ(patches(image + Image(210'000, 3)), 0u);
}

TEST(ModulePatchesTest, AnImageThatInflatesToSomethingElseHasNone) {
  const std::string image = Image(200'000);
  const importer::Bundle base = MakeBundle("a", {{"linux-x86_64", image}});
  const importer::Bundle next =
      MakeBundle("a", {{"linux-x86_64", image + "x"}});
  bundle::Manifest manifest = next.manifest();
  manifest.mutable_images(0)->set_image_bytes(100'000);
  std::string file = "RMOD";
  const std::string bytes = manifest.SerializeAsString();
  // docs/bundle_format.md: version, reserved, length, digest.
  file += std::string("\0\x01\0\0", 4);
  for (int shift = 24; shift >= 0; shift -= 8) {
    file.push_back(static_cast<char>(bytes.size() >> shift));
  }
  file += core::Sha256Digest(bytes) + bytes;
  file += next.DeflatedBytes(next.manifest().images(0));
  auto lying = importer::Bundle::Parse(file);
  ASSERT_TRUE(lying.ok()) << lying.status();
  EXPECT_TRUE(MakeModulePatches(base, *lying).empty());
  EXPECT_TRUE(MakeModulePatches(*lying, next).empty());
}

}  // namespace
}  // namespace ramet::server
