#ifndef SERVER_REFLECTION_SERVICE_H_
#define SERVER_REFLECTION_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "server/descriptor_worlds.h"
#include "server/gatekeeper.h"
#include "server/open_streams.h"

namespace ramet::server {

// grpc.reflection.v1.ServerReflection: the services of the door and of every
// loaded bundle. gRPC's own serves only what was compiled into the program.
//
// A lookup that fails is answered with an ErrorResponse, NOT_FOUND; a request
// without a question with INVALID_ARGUMENT. The stream goes on after both.
class ReflectionService final
    : public grpc::reflection::v1::ServerReflection::CallbackService {
 public:
  // All outlive it.
  ReflectionService(DescriptorWorlds* worlds, const Gatekeeper* gatekeeper,
                    OpenStreams* streams)
      : worlds_(worlds), gatekeeper_(gatekeeper), streams_(streams) {}

  grpc::ServerBidiReactor<grpc::reflection::v1::ServerReflectionRequest,
                          grpc::reflection::v1::ServerReflectionResponse>*
  ServerReflectionInfo(grpc::CallbackServerContext* context) override;

 private:
  DescriptorWorlds* const worlds_;
  const Gatekeeper* const gatekeeper_;
  OpenStreams* const streams_;
};

// The same as v1alpha, which most clients still ask for. The messages have the
// same fields.
class ReflectionServiceV1Alpha final
    : public grpc::reflection::v1alpha::ServerReflection::CallbackService {
 public:
  ReflectionServiceV1Alpha(DescriptorWorlds* worlds,
                           const Gatekeeper* gatekeeper, OpenStreams* streams)
      : worlds_(worlds), gatekeeper_(gatekeeper), streams_(streams) {}

  grpc::ServerBidiReactor<grpc::reflection::v1alpha::ServerReflectionRequest,
                          grpc::reflection::v1alpha::ServerReflectionResponse>*
  ServerReflectionInfo(grpc::CallbackServerContext* context) override;

 private:
  DescriptorWorlds* const worlds_;
  const Gatekeeper* const gatekeeper_;
  OpenStreams* const streams_;
};

}  // namespace ramet::server

#endif  // SERVER_REFLECTION_SERVICE_H_
