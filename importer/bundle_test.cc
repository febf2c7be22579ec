#include "importer/bundle.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/base/sha256.h"
#include "tools/bundle/bundle_writer.h"

namespace ramet::importer {
namespace {

class BundleTest : public testing::Test {
 protected:
  BundleTest() {
    bundle::Manifest manifest;
    manifest.set_name("greeter");
    bundle::Service* service = manifest.add_services();
    service->set_name("demo.v1.Greeter");
    service->add_methods()->set_name("SayHello");
    bundle::BundleWriter writer(std::move(manifest));
    EXPECT_TRUE(writer.AddImage("linux-x86_64", std::string(5000, 'x')).ok());
    EXPECT_TRUE(writer.AddImage("linux-aarch64", std::string(7000, 'a')).ok());
    file_ = writer.Finish();
  }

  void SetByte(size_t offset, char value) {
    ASSERT_LT(offset, file_.size());
    ASSERT_NE(file_[offset], value) << "would change nothing";
    file_[offset] = value;
  }
  void Truncate(size_t bytes) { file_.resize(bytes); }

  // The file with a manifest that was changed and has a good digest.
  void ReplaceManifest(const bundle::Manifest& manifest) {
    const Bundle old = *Bundle::Parse(file_);
    std::string images;
    for (const bundle::Image& image : old.manifest().images()) {
      images += old.DeflatedBytes(image);
    }
    const std::string bytes = manifest.SerializeAsString();
    file_.resize(kBundleHeaderBytes);
    file_[10] = static_cast<char>(bytes.size() >> 8);
    file_[11] = static_cast<char>(bytes.size());
    file_.replace(12, core::kSha256Bytes, core::Sha256Digest(bytes));
    file_ += bytes + images;
  }

  absl::Status ParseError() const { return Bundle::Parse(file_).status(); }

  void ExpectDataLoss(const std::string& text) const {
    const absl::Status status = ParseError();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_NE(std::string(status.message()).find(text), std::string::npos)
        << status;
  }

  std::string file_;
};

// The example of docs/bundle_format.md.
constexpr char kExampleHex[] =
    "524d4f44000100000000008889933b0f0d136e2edae2fb6a15fb9bca6236"
    "aae11cf9ebbd154a9c24e8ae5fd50a076772656574657212470a0f64656d"
    "6f2e76312e4772656574657212340a0853617948656c6c6f1a1464656d6f"
    "2e76312e48656c6c6f52657175657374221264656d6f2e76312e48656c6c"
    "6f5265706c792a340a0c6c696e75782d7838365f3634180c20402a200b2e"
    "e0b2e4af9180ffab85911d9943d09beaa4d14cfdba7a1ba40e4e4e479086"
    "78daaba8a00c0000cf6d1e01";

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

TEST_F(BundleTest, ReadsTheDocumentsExample) {
  absl::StatusOr<Bundle> bundle = Bundle::Parse(FromHex(kExampleHex));
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ(bundle->name(), "greeter");
  const bundle::Service* service = bundle->FindService("demo.v1.Greeter");
  ASSERT_NE(service, nullptr);
  ASSERT_EQ(service->methods_size(), 1);
  EXPECT_EQ(service->methods(0).name(), "SayHello");
  EXPECT_EQ(service->methods(0).input_type(), "demo.v1.HelloRequest");
  absl::StatusOr<const bundle::Image*> image =
      bundle->FindImage("linux-x86_64");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ((*image)->image_bytes(), 64u);
  EXPECT_EQ(bundle->DeflatedBytes(**image).size(), 12u);
}

TEST_F(BundleTest, RoundTrip) {
  absl::StatusOr<Bundle> parsed = Bundle::Parse(file_);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  // Also after a move.
  const Bundle bundle = *std::move(parsed);
  EXPECT_EQ(bundle.name(), "greeter");
  ASSERT_NE(bundle.FindService("demo.v1.Greeter"), nullptr);
  EXPECT_EQ(bundle.FindService("demo.v1.Other"), nullptr);
  absl::StatusOr<const bundle::Image*> image =
      bundle.FindImage("linux-aarch64");
  ASSERT_TRUE(image.ok());
  EXPECT_EQ((*image)->image_bytes(), 7000u);
  EXPECT_EQ(core::Sha256Digest(bundle.DeflatedBytes(**image)),
            (*image)->sha256());
  EXPECT_EQ(bundle.digest().size(), core::kSha256Bytes);
}

TEST_F(BundleTest, SameInputGivesTheSameBytes) {
  const std::string first = file_;
  bundle::Manifest manifest = Bundle::Parse(file_)->manifest();
  bundle::BundleWriter writer(std::move(manifest));
  ASSERT_TRUE(writer.AddImage("linux-x86_64", std::string(5000, 'x')).ok());
  ASSERT_TRUE(writer.AddImage("linux-aarch64", std::string(7000, 'a')).ok());
  EXPECT_EQ(writer.Finish(), first);
}

TEST_F(BundleTest, MissingPlatformIsAPreconditionThatNamesTheOthers) {
  const Bundle bundle = *Bundle::Parse(file_);
  const absl::Status status = bundle.FindImage("linux-riscv64").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(),
            "module greeter has no image for linux-riscv64; it has "
            "linux-x86_64, linux-aarch64");
}

TEST_F(BundleTest, AnImageForAnyPlatformServesThoseWithoutOneOfTheirOwn) {
  bundle::Manifest manifest;
  manifest.set_name("greeter");
  bundle::BundleWriter writer(std::move(manifest));
  EXPECT_EQ(writer.AddImage("any", "an ELF").code(),
            absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(writer.AddImage("any", "#!/bin/sh").ok());
  ASSERT_TRUE(writer.AddImage("linux-x86_64", std::string(5000, 'x')).ok());
  const Bundle bundle = *Bundle::Parse(writer.Finish());
  ASSERT_TRUE(bundle.FindImage("linux-riscv64").ok());
  EXPECT_EQ((*bundle.FindImage("linux-riscv64"))->platform(), "any");
  EXPECT_EQ((*bundle.FindImage("linux-x86_64"))->platform(), "linux-x86_64");
}

TEST_F(BundleTest, EveryTruncationIsDataLoss) {
  const std::string whole = file_;
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    file_ = whole;
    Truncate(bytes);
    ASSERT_EQ(ParseError().code(), absl::StatusCode::kDataLoss) << bytes;
  }
}

TEST_F(BundleTest, EveryChangedByteIsFound) {
  const std::string whole = file_;
  for (size_t offset = 0; offset < whole.size(); ++offset) {
    file_ = whole;
    SetByte(offset, static_cast<char>(whole[offset] ^ 0x41));
    const absl::Status status = ParseError();
    // The version's bytes make it another version.
    ASSERT_EQ(status.code(), offset == 4 || offset == 5
                                 ? absl::StatusCode::kFailedPrecondition
                                 : absl::StatusCode::kDataLoss)
        << offset << ": " << status;
  }
}

TEST_F(BundleTest, TextsHaveTheByteCounts) {
  Truncate(20);
  ExpectDataLoss("its header ends at byte 44, and the file has 20 bytes");
  file_ = "#!/bin/sh\n";
  ExpectDataLoss("not a bundle: the file of 10 bytes");
  file_ = "";
  ExpectDataLoss("not a bundle: the file of 0 bytes");
}

TEST_F(BundleTest, TrailingBytesAreDataLoss) {
  const size_t bytes = file_.size();
  file_ += '\n';
  ExpectDataLoss("the bundle ends at byte " + std::to_string(bytes) +
                 ", and the file has " + std::to_string(bytes + 1) + " bytes");
}

TEST_F(BundleTest, OtherVersionIsAPrecondition) {
  SetByte(5, 2);
  EXPECT_EQ(ParseError(), absl::FailedPreconditionError(
                              "a bundle of version 2; this program reads "
                              "version 1"));
}

TEST_F(BundleTest, ImagesMustStandOneAfterAnother) {
  bundle::Manifest manifest = Bundle::Parse(file_)->manifest();
  manifest.mutable_images(1)->set_offset(0);
  ReplaceManifest(manifest);
  ExpectDataLoss("is said to begin at 0");
}

TEST_F(BundleTest, PlatformsMustDiffer) {
  bundle::Manifest manifest = Bundle::Parse(file_)->manifest();
  manifest.mutable_images(1)->set_platform("linux-x86_64");
  ReplaceManifest(manifest);
  ExpectDataLoss("two images for linux-x86_64");
}

TEST_F(BundleTest, SizesThatWouldOverflowAreDataLoss) {
  bundle::Manifest manifest = Bundle::Parse(file_)->manifest();
  manifest.mutable_images(0)->set_deflated_bytes(0xFFFFFFFF);
  manifest.mutable_images(1)->set_offset(0xFFFFFFFF);
  ReplaceManifest(manifest);
  ExpectDataLoss("the bundle is cut off");
}

TEST_F(BundleTest, ManifestWithoutANameIsDataLoss) {
  bundle::Manifest manifest = Bundle::Parse(file_)->manifest();
  manifest.clear_name();
  ReplaceManifest(manifest);
  ExpectDataLoss("has no name");
}

}  // namespace
}  // namespace ramet::importer
