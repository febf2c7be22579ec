#ifndef SERVER_CONTEXTS_SERVICE_H_
#define SERVER_CONTEXTS_SERVICE_H_

#include <memory>
#include <utility>

#include "absl/strings/string_view.h"
#include "ramet/v1/contexts.grpc.pb.h"
#include "server/gatekeeper.h"
#include "server/log_hub.h"
#include "server/master.h"
#include "server/open_streams.h"
#include "server/tree_hub.h"

namespace ramet::server {

// ramet.v1.Contexts over a Master. Unary methods block one of gRPC's threads,
// because they are few and some are long; streams are fed by the hubs.
class ContextsService final
    : public v1::Contexts::WithCallbackMethod_ConnectWithProgress<
          v1::Contexts::WithCallbackMethod_Watch<
              v1::Contexts::WithCallbackMethod_Logs<v1::Contexts::Service>>> {
 public:
  // What it works with; all outlive it.
  struct Parts {
    Master* master;
    TreeHub* tree;
    LogHub* logs;
    std::shared_ptr<OpenStreams> streams;
    const Gatekeeper* gatekeeper;
  };
  ContextsService(const Parts& parts, ConnectOptions connect)
      : parts_(parts), connect_(std::move(connect)) {}

  grpc::Status Connect(grpc::ServerContext* context,
                       const v1::ConnectRequest* request,
                       v1::ContextInfo* reply) override;
  grpc::ServerWriteReactor<v1::ConnectProgress>* ConnectWithProgress(
      grpc::CallbackServerContext* context,
      const v1::ConnectRequest* request) override;
  grpc::Status List(grpc::ServerContext* context,
                    const v1::ListRequest* request,
                    v1::ListReply* reply) override;
  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request,
                   v1::ContextInfo* reply) override;
  grpc::ServerWriteReactor<v1::WatchReply>* Watch(
      grpc::CallbackServerContext* context,
      const v1::WatchRequest* request) override;
  grpc::Status Disconnect(grpc::ServerContext* context,
                          const v1::DisconnectRequest* request,
                          v1::DisconnectReply* reply) override;
  grpc::Status Shutdown(grpc::ServerContext* context,
                        const v1::ShutdownRequest* request,
                        v1::ShutdownReply* reply) override;
  grpc::Status Detach(grpc::ServerContext* context,
                      const v1::DetachRequest* request,
                      v1::ContextInfo* reply) override;
  grpc::Status Links(grpc::ServerContext* context,
                     const v1::LinksRequest* request,
                     v1::LinksReply* reply) override;
  grpc::ServerWriteReactor<v1::LogLine>* Logs(
      grpc::CallbackServerContext* context,
      const v1::LogsRequest* request) override;

 private:
  ConnectOptions OptionsFor(const grpc::ServerContextBase& context,
                            const v1::ConnectRequest& request) const;

  const Parts parts_;
  const ConnectOptions connect_;
};

}  // namespace ramet::server

#endif  // SERVER_CONTEXTS_SERVICE_H_
