#ifndef SERVER_MODULES_SERVICE_H_
#define SERVER_MODULES_SERVICE_H_

#include <stddef.h>

#include <atomic>
#include <memory>

#include "ramet/v1/modules.grpc.pb.h"
#include "server/gatekeeper.h"
#include "server/master.h"
#include "server/open_streams.h"

namespace ramet::server {

// ramet.v1.Modules over a Master. Unary methods and Load block one of gRPC's
// threads, because they are few.
class ModulesService final
    : public v1::Modules::WithCallbackMethod_Watch<v1::Modules::Service> {
 public:
  // A bundle that is sent. More than any that travels should have; a file of
  // the master's own may have more.
  static constexpr size_t kMaxUploadBytes = 256 * 1024 * 1024;
  // So that what is being sent is bounded, all of it together.
  static constexpr int kMaxUploads = 4;
  // Of a pattern and an origin.
  static constexpr size_t kMaxTextBytes = 1024;

  // All outlive it.
  ModulesService(Master* master, std::shared_ptr<OpenStreams> streams,
                 const Gatekeeper* gatekeeper)
      : master_(master),
        streams_(std::move(streams)),
        gatekeeper_(gatekeeper) {}

  grpc::Status Describe(grpc::ServerContext* context,
                        const v1::DescribeRequest* request,
                        v1::DescribeReply* reply) override;
  grpc::Status List(grpc::ServerContext* context,
                    const v1::ListModulesRequest* request,
                    v1::ModuleSet* reply) override;
  grpc::Status Load(grpc::ServerContext* context,
                    grpc::ServerReader<v1::LoadRequest>* reader,
                    v1::ModuleInfo* reply) override;
  grpc::Status Unload(grpc::ServerContext* context,
                      const v1::UnloadRequest* request,
                      v1::ModuleSet* reply) override;
  grpc::ServerWriteReactor<v1::ModuleSet>* Watch(
      grpc::CallbackServerContext* context,
      const v1::WatchModulesRequest* request) override;

 private:
  Master* const master_;
  const std::shared_ptr<OpenStreams> streams_;
  const Gatekeeper* const gatekeeper_;
  std::atomic<int> uploads_{0};
};

}  // namespace ramet::server

#endif  // SERVER_MODULES_SERVICE_H_
