#include "server/modules_service.h"

namespace ramet::server {

grpc::Status ModulesService::Describe(grpc::ServerContext* context,
                                      const v1::DescribeRequest* request,
                                      v1::DescribeReply* reply) {
  const auto admission =
      gatekeeper_->Admit(*context, "ramet.v1.Modules/Describe");
  if (!admission.ok()) return ToGrpc(admission.status());
  const auto bundle = modules_->FindService(request->service());
  if (bundle == nullptr) {
    return grpc::Status(
        grpc::StatusCode::NOT_FOUND,
        "unknown service " + request->service() + ": no loaded bundle has it");
  }
  reply->set_file_descriptor_set(bundle->manifest().file_descriptor_set());
  return grpc::Status::OK;
}

}  // namespace ramet::server
