#include "stub/server_interceptor.h"

#include <string>
#include <utility>

namespace ramet::stub {
namespace {

class InterceptedService final : public Service {
 public:
  InterceptedService(std::unique_ptr<Service> service,
                     ServerInterceptors interceptors)
      : service_(std::move(service)), interceptors_(std::move(interceptors)) {}

  const ServiceInfo& RametInfo() const override {
    return service_->RametInfo();
  }

  absl::Status RametCall(size_t method, const CallContext& context,
                         const std::string& request,
                         std::string* reply) override {
    return Serve(context, [&] {
      return service_->RametCall(method, context, request, reply);
    });
  }

  absl::Status RametStream(size_t method, const CallContext& context,
                           ServerStream* stream) override {
    return Serve(context, [&] {
      return service_->RametStream(method, context, stream);
    });
  }

 private:
  absl::Status Serve(const CallContext& context,
                     const ServerInterceptor::Next& method) {
    bool served = false;
    absl::Status status = ServeFrom(0, context, [&] {
      served = true;
      return method();
    });
    if (served || !status.ok()) return status;
    return absl::InternalError(
        context.method() +
        ": an interceptor has neither served nor refused the call");
  }

  absl::Status ServeFrom(size_t index, const CallContext& context,
                         const ServerInterceptor::Next& method) {
    if (index == interceptors_.size()) return method();
    return interceptors_[index]->Serve(
        context, [&] { return ServeFrom(index + 1, context, method); });
  }

  const std::unique_ptr<Service> service_;
  const ServerInterceptors interceptors_;
};

}  // namespace

std::unique_ptr<Service> Intercepted(std::unique_ptr<Service> service,
                                     ServerInterceptors interceptors) {
  if (interceptors.empty()) return service;
  return std::make_unique<InterceptedService>(std::move(service),
                                              std::move(interceptors));
}

}  // namespace ramet::stub
