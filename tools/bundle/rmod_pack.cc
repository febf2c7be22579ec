// rmod_pack: makes a module bundle; ramet_module runs it.
#include <stdio.h>

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "importer/bundle.h"
#include "ramet/bundle.pb.h"
#include "tools/bundle/bundle_writer.h"
#include "tools/bundle/files.h"
#include "tools/bundle/manifest_services.h"

namespace {

constexpr char kUsage[] =
    "usage: rmod_pack --output=FILE.rmod --name=MODULE\n"
    "    --descriptors=FILE          a FileDescriptorSet, imports included\n"
    "    --service_file=PROTO ...    whose services the module implements\n"
    "    [--service=NAME ...]        only these of them\n"
    "    --image=PLATFORM=FILE ...   executables\n"
    "    [--related=MODULE ...]      needed by whoever needs this one\n"
    "    [--env=NAME=VALUE ...]      a variable of its process\n"
    "    [--env=NAME ...]            one that it has as its context has it\n"
    "    [--idle_timeout=10m]        its process ends after so long idle\n"
    "    [--memory_mib=N]            what its process may allocate\n";

// A month; fits its field.
constexpr absl::Duration kMaxIdle = absl::Hours(24 * 31);

struct Arguments {
  std::string output;
  std::string name;
  std::string descriptors;
  std::set<std::string> service_files;
  std::set<std::string> services;
  std::vector<std::string> related;
  ramet::bundle::Process process;
  std::vector<std::pair<std::string, std::string>> images;
};

bool ParseArgument(const std::string& argument, Arguments* arguments) {
  const size_t equals = argument.find('=');
  if (equals == std::string::npos) return false;
  const std::string flag = argument.substr(0, equals);
  const std::string value = argument.substr(equals + 1);
  if (flag == "--output") {
    arguments->output = value;
  } else if (flag == "--name") {
    arguments->name = value;
  } else if (flag == "--descriptors") {
    arguments->descriptors = value;
  } else if (flag == "--service_file") {
    arguments->service_files.insert(value);
  } else if (flag == "--service") {
    arguments->services.insert(value);
  } else if (flag == "--related") {
    arguments->related.push_back(value);
  } else if (flag == "--env") {
    arguments->process.add_environment(value);
  } else if (flag == "--idle_timeout") {
    absl::Duration idle;
    if (!absl::ParseDuration(value, &idle) || idle < absl::Milliseconds(1) ||
        idle > kMaxIdle) {
      return false;
    }
    arguments->process.set_idle_ms(
        static_cast<uint32_t>(absl::ToInt64Milliseconds(idle)));
  } else if (flag == "--memory_mib") {
    uint32_t mib = 0;
    if (!absl::SimpleAtoi(value, &mib) || mib == 0) return false;
    arguments->process.set_memory_bytes(uint64_t{mib} << 20);
  } else if (flag == "--image") {
    const size_t second = value.find('=');
    if (second == std::string::npos) return false;
    arguments->images.emplace_back(value.substr(0, second),
                                   value.substr(second + 1));
  } else {
    return false;
  }
  return true;
}

absl::Status Pack(const Arguments& arguments) {
  absl::StatusOr<std::string> descriptors =
      ramet::bundle::ReadFile(arguments.descriptors);
  if (!descriptors.ok()) return descriptors.status();
  ramet::bundle::Manifest manifest;
  manifest.set_name(arguments.name);
  manifest.set_file_descriptor_set(*std::move(descriptors));
  if (arguments.process.ByteSizeLong() > 0) {
    *manifest.mutable_process() = arguments.process;
  }
  for (const std::string& related : arguments.related) {
    manifest.add_related_modules(related);
  }
  absl::Status status = ramet::bundle::AddServices(
      arguments.service_files, arguments.services, &manifest);
  if (!status.ok()) return status;

  ramet::bundle::BundleWriter writer(std::move(manifest));
  for (const auto& [platform, path] : arguments.images) {
    absl::StatusOr<std::string> image = ramet::bundle::ReadFile(path);
    if (!image.ok()) return image.status();
    status = writer.AddImage(platform, *image);
    if (!status.ok()) return status;
  }
  std::string file = writer.Finish();
  // What is written is what can be read.
  absl::StatusOr<ramet::importer::Bundle> parsed =
      ramet::importer::Bundle::Parse(file);
  if (!parsed.ok()) return parsed.status();
  return ramet::bundle::WriteFile(arguments.output, file);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  bool usable = true;
  for (int i = 1; i < argc; ++i) {
    usable = ParseArgument(argv[i], &arguments) && usable;
  }
  if (!usable || arguments.output.empty() || arguments.name.empty() ||
      arguments.descriptors.empty() || arguments.images.empty()) {
    fputs(kUsage, stderr);
    return 2;
  }
  const absl::Status status = Pack(arguments);
  if (status.ok()) return 0;
  fprintf(stderr, "rmod_pack: %s: %s\n", arguments.name.c_str(),
          std::string(status.message()).c_str());
  return 1;
}
