#include "server/descriptor_worlds.h"

#include <algorithm>
#include <set>
#include <utility>

namespace ramet::server {

DescriptorWorlds::DescriptorWorlds(const ModuleRepository* modules,
                                   const HostedDirectory* hosted,
                                   std::vector<std::string> own_services)
    : modules_(modules),
      hosted_(hosted),
      own_services_(std::move(own_services)) {}

std::shared_ptr<const DescriptorWorlds::Snapshot> DescriptorWorlds::Now() {
  absl::MutexLock lock(&mutex_);
  // Read first: what is loaded in between is seen the next time.
  const uint64_t generation = modules_->generation();
  const uint64_t hosted_generation = hosted_->generation();
  if (snapshot_ != nullptr && generation == generation_ &&
      hosted_generation == hosted_generation_) {
    return snapshot_;
  }
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->services = own_services_;
  for (std::string& service : hosted_->services()) {
    snapshot->services.push_back(std::move(service));
  }
  snapshot->worlds.push_back(DescriptorWorld::OfGenerated(snapshot->services));
  std::set<const importer::Bundle*> seen;
  for (const auto& [service, bundle] : modules_->services()) {
    snapshot->services.push_back(service);
    if (!seen.insert(bundle.get()).second) continue;
    google::protobuf::FileDescriptorSet files;
    if (files.ParseFromString(bundle->manifest().file_descriptor_set())) {
      snapshot->worlds.push_back(std::make_shared<DescriptorWorld>(files));
    }
  }
  std::vector<std::string>& services = snapshot->services;
  std::sort(services.begin(), services.end());
  // A bundle may have one that the master serves, too.
  services.erase(std::unique(services.begin(), services.end()), services.end());
  hosted_generation_ = hosted_generation;
  generation_ = generation;
  snapshot_ = std::move(snapshot);
  return snapshot_;
}

}  // namespace ramet::server
