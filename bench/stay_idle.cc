#include <stdio.h>

#include "bench/ramet_commands.h"
#include "bench/session.h"

namespace ramet::bench {

void StayIdle(const Arguments& arguments) {
  Session session(arguments);
  const stub::Context context = session.Connect();
  for (const server::ContextInfo& info : session.master()->List()) {
    if (info.name == context.name()) {
      printf("{\"context_pid\": %u}\n", info.hello.pid);
    }
  }
  fflush(stdout);
  char line[16];
  while (fgets(line, sizeof line, stdin) != nullptr) {
    demo::v1::HelloRequest request;
    request.set_name("idle");
    const auto reply = demo::v1::GreeterStub(context).SayHello(request);
    CheckOk(reply.status(), "the call failed");
    printf("{\"module_pid\": %lld}\n", static_cast<long long>(reply->pid()));
    fflush(stdout);
  }
}

}  // namespace ramet::bench
