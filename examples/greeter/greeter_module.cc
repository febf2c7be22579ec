// The service that runs on the target: an ordinary C++ class.
#include <unistd.h>

#include <string>

#include "absl/status/status.h"
#include "examples/greeter/greeter.ramet.h"
#include "stub/module_main.h"

namespace {

class Greeter : public demo::v1::GreeterService {
 public:
  absl::Status SayHello(const ramet::stub::CallContext& context,
                        const demo::v1::HelloRequest& request,
                        demo::v1::HelloReply* reply) override {
    char hostname[256] = "";
    gethostname(hostname, sizeof hostname - 1);
    reply->set_message(
        request.name().empty() ? "Hello!" : "Hello, " + request.name() + "!");
    reply->set_hostname(hostname);
    reply->set_pid(getpid());
    reply->set_uid(getuid());
    return absl::OkStatus();
  }
};

}  // namespace

RAMET_MODULE(Greeter)
