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

// Calls services of this process, on the caller's thread, for tests: the bytes
// go from stub to service without a tree between them. Policies are not
// checked, and a deadline that has not passed when the call begins is not
// kept.
//
//   GreeterStub greeter(LoopbackChannel::ContextFor(
//       std::make_unique<GreeterImpl>()));
class LoopbackChannel : public Channel {
 public:
  explicit LoopbackChannel(std::vector<std::unique_ptr<Service>> services);

  static Context ContextFor(std::unique_ptr<Service> service);

  void StartUnary(std::string method, std::string request,
                  const CallOptions& options, DoneCallback done) override;

 private:
  const std::vector<std::unique_ptr<Service>> services_;
  MethodTable methods_;
};

}  // namespace ramet::stub

#endif  // STUB_LOOPBACK_CHANNEL_H_
