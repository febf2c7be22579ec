#include "server/hosted_directory.h"

#include "core/wire/method_name.h"

namespace ramet::server {

void HostedDirectory::Add(const stub::ServiceInfo& info) {
  absl::MutexLock lock(&mutex_);
  services_.emplace(info.name, &info);
}

std::vector<std::string> HostedDirectory::services() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> names;
  for (const auto& [name, info] : services_) names.push_back(name);
  return names;
}

bool HostedDirectory::Has(std::string_view service) const {
  absl::MutexLock lock(&mutex_);
  return services_.find(service) != services_.end();
}

std::optional<stub::MethodKind> HostedDirectory::KindOf(
    std::string_view method) const {
  core::MethodName name;
  if (!core::ParseMethodName(method, &name)) return std::nullopt;
  absl::MutexLock lock(&mutex_);
  const auto found = services_.find(name.service);
  if (found == services_.end()) return std::nullopt;
  const stub::ServiceInfo& info = *found->second;
  for (size_t i = 0; i < info.method_count; ++i) {
    if (name.method == info.methods[i].name) return info.methods[i].kind;
  }
  return std::nullopt;
}

uint64_t HostedDirectory::generation() const {
  absl::MutexLock lock(&mutex_);
  return services_.size();
}

}  // namespace ramet::server
