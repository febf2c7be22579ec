#ifndef SERVER_MODULES_SERVICE_H_
#define SERVER_MODULES_SERVICE_H_

#include "ramet/v1/contexts.grpc.pb.h"
#include "server/gatekeeper.h"
#include "server/module_repository.h"

namespace ramet::server {

// ramet.v1.Modules over a repository.
class ModulesService final : public v1::Modules::Service {
 public:
  // Both outlive it.
  ModulesService(const ModuleRepository* modules, const Gatekeeper* gatekeeper)
      : modules_(modules), gatekeeper_(gatekeeper) {}

  grpc::Status Describe(grpc::ServerContext* context,
                        const v1::DescribeRequest* request,
                        v1::DescribeReply* reply) override;

 private:
  const ModuleRepository* const modules_;
  const Gatekeeper* const gatekeeper_;
};

}  // namespace ramet::server

#endif  // SERVER_MODULES_SERVICE_H_
