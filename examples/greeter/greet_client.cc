// greet_client TARGET BUNDLE NAME [-i KEY] [--known-hosts FILE]: says hello
// from TARGET, as a program of a user would.
//
//   greet_client ssh:deploy@web1 greeter.rmod Ada -i ~/.ssh/id_ed25519
#include <stdio.h>
#include <string.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "examples/greeter/greeter.ramet.h"
#include "server/master.h"

namespace {

struct Arguments {
  std::vector<std::string> positional;  // TARGET BUNDLE NAME
  ramet::server::ConnectOptions connect;
};

bool ParseArguments(int argc, char** argv, Arguments* arguments) {
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] != '-') {
      arguments->positional.push_back(argv[i]);
    } else if (i + 1 == argc) {
      return false;
    } else if (strcmp(argv[i], "-i") == 0) {
      arguments->connect.ssh.identity_files.push_back(argv[++i]);
    } else if (strcmp(argv[i], "--known-hosts") == 0) {
      arguments->connect.ssh.known_hosts = argv[++i];
    } else {
      return false;
    }
  }
  return arguments->positional.size() == 3;
}

absl::StatusOr<demo::v1::HelloReply> Greet(const Arguments& arguments) {
  ramet::server::MasterOptions options;
  auto master = ramet::server::Master::Create(options);
  if (!master.ok()) return master.status();
  absl::Status status = (*master)->LoadModuleFile(arguments.positional[1]);
  if (!status.ok()) return status;
  auto context = (*master)->Connect(arguments.positional[0], arguments.connect);
  if (!context.ok()) return context.status();

  demo::v1::GreeterStub greeter(*context);
  demo::v1::HelloRequest request;
  request.set_name(arguments.positional[2]);
  ramet::stub::CallOptions call;
  call.timeout = absl::Seconds(10);
  return greeter.SayHello(request, call);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  arguments.connect.timeout = absl::Seconds(30);
  if (!ParseArguments(argc, argv, &arguments)) {
    fprintf(stderr,
            "usage: greet_client TARGET BUNDLE NAME [-i KEY] "
            "[--known-hosts FILE]\n");
    return 2;
  }
  absl::StatusOr<demo::v1::HelloReply> reply = Greet(arguments);
  if (!reply.ok()) {
    fprintf(stderr, "greet_client: %s\n", reply.status().ToString().c_str());
    return 1;
  }
  printf("%s (from %s, pid %lld, uid %lld)\n", reply->message().c_str(),
         reply->hostname().c_str(), static_cast<long long>(reply->pid()),
         static_cast<long long>(reply->uid()));
  return 0;
}
