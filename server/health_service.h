#ifndef SERVER_HEALTH_SERVICE_H_
#define SERVER_HEALTH_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/gatekeeper.h"
#include "server/hosted_directory.h"
#include "server/module_repository.h"
#include "server/open_streams.h"
#include "server/tree_hub.h"

namespace ramet::server {

// What is healthy, for all servers of a front door. Names (docs/front_door.md):
//
//   ""                      the door
//   "demo.v1.Greeter"       some loaded bundle has this service
//   "ssh:web1"              this context is ready
//   "ssh:web1/pkg.Service"  both
//   "master/pkg.Service"    the master serves it
//
// Threads: any.
class HealthState {
 public:
  using ServingStatus = grpc::health::v1::HealthCheckResponse::ServingStatus;

  HealthState(const ModuleRepository* modules, const HostedDirectory* hosted,
              const TreeHub* tree, OpenStreams* streams)
      : modules_(modules), hosted_(hosted), tree_(tree), streams_(streams) {}

  // SERVICE_UNKNOWN: there is nothing of that name.
  ServingStatus StatusOf(const std::string& name) const;

  // Wakes the watchers of this context; of everything.
  void OnContextChange(const std::string& context);
  void OnChange();
  // From now on nothing is healthy.
  void StartDraining();

  void AddWatcher(const std::string& name, std::weak_ptr<OpenStream> stream);

 private:
  const ModuleRepository* const modules_;
  const HostedDirectory* const hosted_;
  const TreeHub* const tree_;
  OpenStreams* const streams_;
  std::atomic<bool> draining_{false};
  absl::Mutex mutex_;
  // By context, "" for names without one.
  std::multimap<std::string, std::weak_ptr<OpenStream>> watchers_
      ABSL_GUARDED_BY(mutex_);
};

// grpc.health.v1.Health. Everybody who may connect may ask for "" and for
// services; for contexts, whoever may see them.
class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  // All outlive it.
  HealthService(HealthState* state, const Gatekeeper* gatekeeper,
                OpenStreams* streams)
      : state_(state), gatekeeper_(gatekeeper), streams_(streams) {}

  grpc::ServerUnaryReactor* Check(
      grpc::CallbackServerContext* context,
      const grpc::health::v1::HealthCheckRequest* request,
      grpc::health::v1::HealthCheckResponse* reply) override;
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* context,
      const grpc::health::v1::HealthCheckRequest* request) override;

 private:
  HealthState* const state_;
  const Gatekeeper* const gatekeeper_;
  OpenStreams* const streams_;
};

}  // namespace ramet::server

#endif  // SERVER_HEALTH_SERVICE_H_
