#include "server/descriptor_worlds.h"

#include <algorithm>
#include <set>
#include <utility>

namespace ramet::server {

DescriptorWorlds::DescriptorWorlds(const ModuleRepository* modules,
                                   std::vector<std::string> own_services)
    : modules_(modules),
      own_services_(std::move(own_services)),
      own_(DescriptorWorld::OfGenerated(own_services_)) {}

std::shared_ptr<const DescriptorWorlds::Snapshot> DescriptorWorlds::Now() {
  absl::MutexLock lock(&mutex_);
  // Read first: what is loaded in between is seen the next time.
  const uint64_t generation = modules_->generation();
  if (snapshot_ != nullptr && generation == generation_) return snapshot_;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->services = own_services_;
  snapshot->worlds.push_back(own_);
  std::set<const importer::Bundle*> seen;
  for (const auto& [service, bundle] : modules_->services()) {
    snapshot->services.push_back(service);
    if (!seen.insert(bundle.get()).second) continue;
    google::protobuf::FileDescriptorSet files;
    if (files.ParseFromString(bundle->manifest().file_descriptor_set())) {
      snapshot->worlds.push_back(std::make_shared<DescriptorWorld>(files));
    }
  }
  std::sort(snapshot->services.begin(), snapshot->services.end());
  generation_ = generation;
  snapshot_ = std::move(snapshot);
  return snapshot_;
}

}  // namespace ramet::server
