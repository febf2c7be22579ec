#ifndef STUB_LOOPBACK_CHANNEL_H_
#define STUB_LOOPBACK_CHANNEL_H_

#include <memory>
#include <string>
#include <vector>

#include "stub/channel.h"
#include "stub/context.h"
#include "stub/method_table.h"
#include "stub/service.h"

namespace ramet::stub {

// Calls services of this process, for tests: the bytes go from stub to service
// without a tree between them. StartUnary() runs the method on the caller's
// thread; StartCall() runs it on a thread of its own, which may outlive the
// channel: the services live until the last method has returned. Policies are
// not checked. A deadline ends a call when its method reads, writes or
// returns; StartUnary() looks at it before the call begins, only.
//
//   GreeterStub greeter(LoopbackChannel::ContextFor(
//       std::make_unique<GreeterImpl>()));
class LoopbackChannel : public Channel {
 public:
  explicit LoopbackChannel(std::vector<std::unique_ptr<Service>> services);

  static Context ContextFor(std::unique_ptr<Service> service);

  void StartUnary(std::string method, std::string request,
                  const CallOptions& options, DoneCallback done) override;
  std::shared_ptr<RawCall> StartCall(
      std::string method, const CallOptions& options,
      std::shared_ptr<RawCallListener> listener) override;
  bool keeps_order() const override { return true; }

 private:
  struct Served {
    std::vector<std::unique_ptr<Service>> services;
    MethodTable methods;
  };
  const std::shared_ptr<Served> served_;
};

}  // namespace ramet::stub

#endif  // STUB_LOOPBACK_CHANNEL_H_
