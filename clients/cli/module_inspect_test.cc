#include "clients/cli/module_inspect.h"

#include <gtest/gtest.h>

#include <string>

#include "ramet/bundle.pb.h"
#include "tools/bundle/bundle_writer.h"

namespace ramet::cli {
namespace {

v1::ModuleDescription Describe(const bundle::Manifest& manifest) {
  bundle::BundleWriter writer(manifest);
  EXPECT_TRUE(writer.AddImage("linux-x86_64", "image").ok());
  const std::string file = writer.Finish();
  const auto bundle = importer::Bundle::Parse(file);
  EXPECT_TRUE(bundle.ok()) << bundle.status();
  return DescribeBundle(*bundle, file.size());
}

bundle::Manifest Greeter() {
  bundle::Manifest manifest;
  manifest.set_name("greeter");
  bundle::Service* const service = manifest.add_services();
  service->set_name("demo.v1.Greeter");
  bundle::Method* const method = service->add_methods();
  method->set_name("Watch");
  method->set_policy(1);
  method->set_input_type("demo.v1.In");
  method->set_output_type("demo.v1.Out");
  method->set_server_streaming(true);
  return manifest;
}

TEST(ModuleInspectTest, SaysWhatIsInABundle) {
  bundle::Manifest manifest = Greeter();
  manifest.add_related_modules("other");
  manifest.mutable_process()->add_environment("TZ=UTC");
  manifest.mutable_process()->set_idle_ms(1000);
  manifest.mutable_process()->set_memory_bytes(4096);
  v1::ModuleDescription description = Describe(manifest);
  description.set_digest("d1");
  description.set_file_bytes(7);
  description.set_signer("ABCD");
  description.mutable_images(0)->set_deflated_bytes(6);
  description.mutable_images(0)->set_sha256("d2");
  EXPECT_EQ(DescriptionText(description),
            "module greeter, 7 bytes\n"
            "digest sha256:d1\n"
            "signed by key ABCD\n"
            "service demo.v1.Greeter\n"
            "  Watch(demo.v1.In) returns (stream demo.v1.Out) ANY\n"
            "image linux-x86_64: 5 bytes, 6 deflated, sha256:d2\n"
            "related other\n"
            "variable TZ=UTC\n"
            "ends when idle for 1000 ms\n"
            "memory 4096 bytes\n");
}

TEST(ModuleInspectTest, LeavesOutWhatABundleDoesNotSay) {
  const std::string text = DescriptionText(Describe(Greeter()));
  for (const char* word : {"related", "variable", "idle", "memory", "signed"}) {
    EXPECT_EQ(text.find(word), std::string::npos) << text;
  }
}

TEST(ModuleInspectTest, WhatATerminalWouldObeyIsNotPassedOn) {
  bundle::Manifest manifest = Greeter();
  manifest.set_name("gr\x1b[31meeter\nservice forged");
  const std::string text = DescriptionText(Describe(manifest));
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\nservice forged"), std::string::npos) << text;
}

TEST(ModuleInspectTest, APolicyThatHasNoNameIsANumber) {
  bundle::Manifest manifest = Greeter();
  manifest.mutable_services(0)->mutable_methods(0)->set_policy(77);
  EXPECT_NE(DescriptionText(Describe(manifest)).find(" policy 77\n"),
            std::string::npos);
}

}  // namespace
}  // namespace ramet::cli
