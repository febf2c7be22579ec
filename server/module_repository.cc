#include "server/module_repository.h"

#include <errno.h>
#include <fcntl.h>
#include <google/protobuf/descriptor.pb.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/unique_fd.h"
#include "core/wire/method_name.h"
#include "parent/platform.h"

namespace ramet::server {
namespace {

// Larger than any image may be (importer/image_receiver.h).
constexpr off_t kMaxBundleBytes = 1024 * 1024 * 1024;

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  const core::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    const int error = errno;
    const std::string text =
        absl::StrCat("cannot open bundle ", path, ": ", strerror(error));
    if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(text);
    if (error == EACCES) return absl::PermissionDeniedError(text);
    return absl::UnavailableError(text);
  }
  struct stat info;
  if (fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::DataLossError(
        absl::StrCat("bundle ", path, " is not a regular file"));
  }
  if (info.st_size > kMaxBundleBytes) {
    return absl::DataLossError(absl::StrCat(
        "bundle ", path, " has ", info.st_size, " bytes, more than any may"));
  }
  std::string bytes(info.st_size, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        read(file.get(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot read bundle ", path, ": ", strerror(errno)));
    }
    if (count == 0) break;
    done += count;
  }
  bytes.resize(done);
  return bytes;
}

absl::StatusOr<ModuleRepository::BundlePtr> ParseBundle(
    std::string bytes, const std::string& origin) {
  absl::StatusOr<importer::Bundle> bundle =
      importer::Bundle::Parse(std::move(bytes));
  if (!bundle.ok()) {
    return absl::Status(
        bundle.status().code(),
        absl::StrCat("bundle ", origin, ": ", bundle.status().message()));
  }
  return std::make_shared<const importer::Bundle>(*std::move(bundle));
}

void AddServices(const ModuleRepository::BundlePtr& bundle,
                 ModuleRepository::Services* services) {
  for (const auto& service : bundle->manifest().services()) {
    (*services)[service.name()] = bundle;
  }
}

// Descriptors that can't be read say nothing: whoever needs them tells.
void AddMethods(const importer::Bundle& bundle,
                ModuleRepository::MethodStreams* streams) {
  google::protobuf::FileDescriptorSet files;
  if (!files.ParseFromString(bundle.manifest().file_descriptor_set())) return;
  for (const auto& file : files.file()) {
    for (const auto& service : file.service()) {
      const std::string prefix =
          absl::StrCat("/", file.package(), file.package().empty() ? "" : ".",
                       service.name(), "/");
      for (const auto& method : service.method()) {
        (*streams)[prefix + method.name()] = {method.client_streaming(),
                                              method.server_streaming()};
      }
    }
  }
}

}  // namespace

absl::Status ModuleRepository::LoadFile(const std::string& path) {
  absl::StatusOr<std::string> bytes = ReadWholeFile(path);
  if (!bytes.ok()) return bytes.status();
  return Load(*std::move(bytes), path);
}

absl::Status ModuleRepository::Load(std::string bytes,
                                    const std::string& origin) {
  const auto bundle = ParseBundle(std::move(bytes), origin);
  if (!bundle.ok()) return bundle.status();
  {
    absl::MutexLock lock(&mutex_);
    AddServices(*bundle, &services_);
    AddMethods(**bundle, &streams_);
    ++generation_;
  }
  if (on_change_) on_change_();
  return absl::OkStatus();
}

absl::Status ModuleRepository::ReplaceWith(
    const std::vector<std::string>& paths) {
  Services services;
  MethodStreams streams;
  for (const std::string& path : paths) {
    absl::StatusOr<std::string> bytes = ReadWholeFile(path);
    if (!bytes.ok()) return bytes.status();
    const auto bundle = ParseBundle(*std::move(bytes), path);
    if (!bundle.ok()) return bundle.status();
    AddServices(*bundle, &services);
    AddMethods(**bundle, &streams);
  }
  {
    absl::MutexLock lock(&mutex_);
    services_.swap(services);
    streams_.swap(streams);
    ++generation_;
  }
  if (on_change_) on_change_();
  return absl::OkStatus();
}

ModuleRepository::Services ModuleRepository::services() const {
  absl::MutexLock lock(&mutex_);
  return services_;
}

uint64_t ModuleRepository::generation() const {
  absl::MutexLock lock(&mutex_);
  return generation_;
}

ModuleRepository::Streams ModuleRepository::StreamsOf(
    std::string_view method) const {
  absl::MutexLock lock(&mutex_);
  const auto it = streams_.find(method);
  return it == streams_.end() ? Streams() : it->second;
}

ModuleRepository::BundlePtr ModuleRepository::FindService(
    std::string_view service) const {
  absl::MutexLock lock(&mutex_);
  auto it = services_.find(service);
  return it == services_.end() ? nullptr : it->second;
}

absl::StatusOr<ModuleRepository::BundlePtr> ModuleRepository::FindMethod(
    std::string_view method) const {
  core::MethodName name;
  if (!core::ParseMethodName(method, &name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "bad method \"", absl::string_view(method.data(), method.size()),
        "\": expected /SERVICE/METHOD"));
  }
  BundlePtr bundle = FindService(name.service);
  if (bundle == nullptr) {
    return absl::UnimplementedError(absl::StrCat("unknown service ",
                                                 std::string(name.service),
                                                 ": no loaded bundle has it"));
  }
  bool known = false;
  for (const auto& each :
       bundle->FindService(std::string(name.service))->methods()) {
    known = known || each.name() == name.method;
  }
  if (!known) {
    return absl::UnimplementedError(
        absl::StrCat("unknown method ", std::string(name.service), "/",
                     std::string(name.method), ": bundle ", bundle->name(),
                     " does not have it"));
  }
  for (const char* platform : parent::kAgentPlatforms) {
    if (bundle->FindImage(platform).ok()) return bundle;
  }
  return bundle->FindImage(parent::ThisPlatform().name).status();
}

}  // namespace ramet::server
