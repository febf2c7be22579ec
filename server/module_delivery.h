#ifndef SERVER_MODULE_DELIVERY_H_
#define SERVER_MODULE_DELIVERY_H_

#include <stdint.h>

#include <string>

#include "absl/status/status.h"
#include "core/context/context.h"
#include "importer/bundle.h"
#include "server/context_directory.h"

namespace ramet::server {

// Sends modules to contexts: before the first call that needs one, once.
// Threads: the loop's.
class ModuleDelivery {
 public:
  explicit ModuleDelivery(core::Context* context) : context_(context) {}

  // Queues the bundle's image for `entry` unless it was sent there before.
  // Calls that are queued behind it arrive when the module is complete.
  // FAILED_PRECONDITION: there is none for the context's platform.
  absl::Status Ensure(const importer::Bundle& bundle,
                      ContextDirectory::Entry* entry);

 private:
  void Send(core::ContextId target, const std::string& payload);

  core::Context* const context_;
  uint32_t next_transfer_ = 1;
};

}  // namespace ramet::server

#endif  // SERVER_MODULE_DELIVERY_H_
