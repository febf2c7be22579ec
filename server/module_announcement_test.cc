#include "server/module_announcement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "importer/bundle.h"
#include "ramet/bundle.pb.h"
#include "tools/bundle/bundle_writer.h"

namespace ramet::server {
namespace {

using testing::ElementsAre;

importer::Bundle BundleWith(const bundle::Process& process) {
  bundle::Manifest manifest;
  manifest.set_name("m");
  bundle::Service* const service = manifest.add_services();
  service->set_name("a.A");
  bundle::Method* const method = service->add_methods();
  method->set_name("Say");
  method->set_policy(1);
  *manifest.mutable_process() = process;
  bundle::BundleWriter writer(manifest);
  EXPECT_TRUE(writer.AddImage("linux-x86_64", "image").ok());
  auto parsed = importer::Bundle::Parse(writer.Finish());
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return *std::move(parsed);
}

core::LoadModule Announce(const bundle::Process& process,
                          uint32_t idle_ms = 0) {
  const importer::Bundle bundle = BundleWith(process);
  return AnnounceModule(bundle, bundle.manifest().images(0), idle_ms);
}

TEST(ModuleAnnouncementTest, HasTheServicesWithTheirPolicies) {
  const core::LoadModule load = Announce({});
  EXPECT_EQ(load.name, "m");
  EXPECT_EQ(load.platform, "linux-x86_64");
  EXPECT_EQ(load.image_bytes, 5u);
  ASSERT_EQ(load.services.size(), 1u);
  EXPECT_EQ(load.services[0].name, "a.A");
  ASSERT_EQ(load.services[0].methods.size(), 1u);
  EXPECT_EQ(load.services[0].methods[0].policy, 1u);
}

TEST(ModuleAnnouncementTest, PassesTheCommonVariablesOn) {
  EXPECT_THAT(Announce({}).environment, ElementsAre("PATH", "HOME", "LANG"));
}

TEST(ModuleAnnouncementTest, WhatTheBundleDeclaresComesFirstAndOnce) {
  bundle::Process process;
  process.add_environment("HOME=/nowhere");
  process.add_environment("TZ");
  process.add_environment("PATH");
  EXPECT_THAT(Announce(process).environment,
              ElementsAre("HOME=/nowhere", "TZ", "PATH", "LANG"));
}

TEST(ModuleAnnouncementTest, TheMastersIdleTimeIsForWhoSaysNothing) {
  EXPECT_EQ(Announce({}).idle_ms, 0u);
  EXPECT_EQ(Announce({}, 1000).idle_ms, 1000u);
  bundle::Process process;
  process.set_idle_ms(5);
  process.set_memory_bytes(1 << 20);
  EXPECT_EQ(Announce(process, 1000).idle_ms, 5u);
  EXPECT_EQ(Announce(process).memory_bytes, 1u << 20);
}

}  // namespace
}  // namespace ramet::server
