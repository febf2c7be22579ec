#include "server/module_repository.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace ramet::server {
namespace {

constexpr char kGreeter[] = "examples/greeter/greeter.rmod";
constexpr char kProbe[] = "tests/probe/probe.rmod";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

TEST(ModuleRepositoryTest, KnowsTheServicesOfItsBundles) {
  ModuleRepository modules;
  EXPECT_EQ(modules.FindService("demo.v1.Greeter"), nullptr);
  ASSERT_TRUE(modules.LoadFile(kGreeter).ok());
  ASSERT_TRUE(modules.LoadFile(kProbe).ok());
  ASSERT_NE(modules.FindService("demo.v1.Greeter"), nullptr);
  EXPECT_EQ(modules.FindService("demo.v1.Greeter")->name(), "greeter");
  EXPECT_EQ(modules.FindService("probe.v1.Probe")->name(), "probe");
  EXPECT_EQ(modules.FindService("demo.v1"), nullptr);
}

TEST(ModuleRepositoryTest, ChecksMethods) {
  ModuleRepository modules;
  ASSERT_TRUE(modules.LoadFile(kGreeter).ok());
  EXPECT_TRUE(modules.FindMethod("/demo.v1.Greeter/SayHello").ok());
  absl::Status status = modules.FindMethod("/demo.v1.Greeter/SayBye").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(status.message(),
            "unknown method demo.v1.Greeter/SayBye: bundle greeter does not "
            "have it");
  status = modules.FindMethod("/demo.v1.Welcomer/SayHello").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(status.message(),
            "unknown service demo.v1.Welcomer: no loaded bundle has it");
  for (const char* bad : {"", "demo.v1.Greeter/SayHello", "/demo.v1.Greeter",
                          "/demo.v1.Greeter/", "//SayHello"}) {
    EXPECT_EQ(modules.FindMethod(bad).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
  }
}

TEST(ModuleRepositoryTest, ReplacesAllOrNothing) {
  ModuleRepository modules;
  ASSERT_TRUE(modules.LoadFile(kGreeter).ok());
  const auto kept = modules.FindService("demo.v1.Greeter");
  const uint64_t before = modules.generation();
  EXPECT_EQ(modules.ReplaceWith({kProbe, "/nonexistent.rmod"}).code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(modules.generation(), before);
  EXPECT_EQ(modules.FindService("demo.v1.Greeter"), kept);
  EXPECT_EQ(modules.FindService("probe.v1.Probe"), nullptr);
  ASSERT_TRUE(modules.ReplaceWith({kProbe}).ok());
  EXPECT_NE(modules.generation(), before);
  EXPECT_EQ(modules.FindService("demo.v1.Greeter"), nullptr);
  EXPECT_NE(modules.FindService("probe.v1.Probe"), nullptr);
  for (const auto& [name, bundle] : modules.services()) {
    EXPECT_EQ(bundle->name(), "probe") << name;
  }
  EXPECT_EQ(kept->name(), "greeter") << "whoever has it keeps it";
  ASSERT_TRUE(modules.ReplaceWith({}).ok());
  EXPECT_TRUE(modules.services().empty());
}

TEST(ModuleRepositoryTest, ALaterBundleTakesTheServicesOfAnEarlier) {
  ModuleRepository modules;
  ASSERT_TRUE(modules.LoadFile(kGreeter).ok());
  const auto first = modules.FindService("demo.v1.Greeter");
  ASSERT_TRUE(modules.LoadFile(kGreeter).ok());
  EXPECT_NE(modules.FindService("demo.v1.Greeter"), first);
  EXPECT_EQ(first->name(), "greeter") << "who holds one keeps it";
}

TEST(ModuleRepositoryTest, NamesAFileThatIsNotThere) {
  ModuleRepository modules;
  for (const char* path : {"nowhere.rmod", "examples/greeter/greeter.rmod/x"}) {
    const absl::Status status = modules.LoadFile(path);
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(status.message().substr(0, 19), "cannot open bundle ");
    EXPECT_NE(status.message().find(path), std::string::npos);
  }
}

TEST(ModuleRepositoryTest, AFolderIsNoBundle) {
  EXPECT_EQ(ModuleRepository().LoadFile("/").code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(ModuleRepository().LoadFile("/dev/zero").code(),
            absl::StatusCode::kDataLoss);
}

TEST(ModuleRepositoryTest, RefusesADamagedBundleAndNamesIt) {
  const std::string bytes = ReadFile(kGreeter);
  ModuleRepository modules;
  for (size_t at = 0; at < bytes.size(); at += bytes.size() / 97) {
    std::string changed = bytes;
    changed[at] ^= 0x40;
    const absl::Status status = modules.Load(changed, "damaged.rmod");
    EXPECT_TRUE(status.code() == absl::StatusCode::kDataLoss ||
                status.code() == absl::StatusCode::kFailedPrecondition)
        << at << " " << status;
    EXPECT_EQ(status.message().substr(0, 21), "bundle damaged.rmod: ");
  }
  for (size_t size = 0; size < bytes.size(); size += bytes.size() / 97 + 1) {
    EXPECT_EQ(modules.Load(bytes.substr(0, size), "cut").code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
  EXPECT_EQ(modules.FindService("demo.v1.Greeter"), nullptr);
}

}  // namespace
}  // namespace ramet::server
