// grpc_greeter_client call --address unix:PATH --count N [--target TARGET]:
// blocking calls from a stock gRPC client, to a plain server or, with a target,
// to ramet's front door. Prints samples as JSON.
#include <grpcpp/grpcpp.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/arguments.h"
#include "bench/samples.h"
#include "examples/greeter/greeter.grpc.pb.h"

namespace {

constexpr int kWarmUp = 500;

void Call(demo::v1::Greeter::Stub* greeter,
          const ramet::bench::Arguments& arguments) {
  grpc::ClientContext context;
  if (arguments.Has("target")) {
    context.AddMetadata("ramet-target", arguments.Text("target"));
  }
  context.set_wait_for_ready(true);
  demo::v1::HelloRequest request;
  request.set_name("xxxxxxxx");
  demo::v1::HelloReply reply;
  const grpc::Status status = greeter->SayHello(&context, request, &reply);
  if (!status.ok()) {
    fprintf(stderr, "grpc_greeter_client: a call failed: %s\n",
            status.error_message().c_str());
    exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const ramet::bench::Arguments arguments(argc, argv);
  const auto greeter = demo::v1::Greeter::NewStub(grpc::CreateChannel(
      arguments.Text("address"), grpc::InsecureChannelCredentials()));
  for (int i = 0; i < kWarmUp; ++i) Call(greeter.get(), arguments);
  const int count = arguments.Number("count");
  ramet::bench::Samples samples(count);
  for (int i = 0; i < count; ++i) {
    samples.Time([&] {
      Call(greeter.get(), arguments);
      return true;
    });
  }
  printf("%s\n", samples.ToJson().c_str());
  return 0;
}
