#ifndef SERVER_DESCRIPTOR_WORLDS_H_
#define SERVER_DESCRIPTOR_WORLDS_H_

#include <stdint.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/descriptor_world.h"
#include "server/hosted_directory.h"
#include "server/module_repository.h"

namespace ramet::server {

// All that server reflection knows: the front door's own services, those that
// the master serves, and those of the bundles that are loaded now. Threads:
// any.
class DescriptorWorlds {
 public:
  // What there is at one moment; kept by who works with it.
  struct Snapshot {
    std::vector<std::string> services;  // sorted
    // The program's own first, then one for each bundle, in the order of the
    // names of their services.
    std::vector<std::shared_ptr<const DescriptorWorld>> worlds;
  };

  // `own_services` are the door's. The repository and `hosted` outlive it. Of
  // these two's services this program must have the descriptors, or only their
  // names are known.
  DescriptorWorlds(const ModuleRepository* modules,
                   const HostedDirectory* hosted,
                   std::vector<std::string> own_services);

  std::shared_ptr<const Snapshot> Now();

 private:
  const ModuleRepository* const modules_;
  const HostedDirectory* const hosted_;
  const std::vector<std::string> own_services_;
  absl::Mutex mutex_;
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t hosted_generation_ ABSL_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const Snapshot> snapshot_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ramet::server

#endif  // SERVER_DESCRIPTOR_WORLDS_H_
