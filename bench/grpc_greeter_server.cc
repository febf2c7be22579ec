// grpc_greeter_server unix:PATH: the greeter as a plain gRPC server, beside
// which the front door is measured. Ends with standard input.
#include <grpcpp/grpcpp.h>
#include <stdio.h>
#include <unistd.h>

#include "examples/greeter/greeter.grpc.pb.h"

namespace {

class Greeter final : public demo::v1::Greeter::Service {
  grpc::Status SayHello(grpc::ServerContext* context,
                        const demo::v1::HelloRequest* request,
                        demo::v1::HelloReply* reply) override {
    char hostname[256] = "";
    gethostname(hostname, sizeof hostname - 1);
    reply->set_message("Hello, " + request->name() + "!");
    reply->set_hostname(hostname);
    reply->set_pid(getpid());
    reply->set_uid(getuid());
    return grpc::Status::OK;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fputs("usage: grpc_greeter_server unix:PATH\n", stderr);
    return 2;
  }
  Greeter service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(argv[1], grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (server == nullptr) {
    fprintf(stderr, "grpc_greeter_server: cannot listen on %s\n", argv[1]);
    return 1;
  }
  printf("ready\n");
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  server->Shutdown();
  return 0;
}
