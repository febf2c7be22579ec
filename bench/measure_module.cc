#include <stdio.h>

#include <chrono>

#include "bench/ramet_commands.h"
#include "bench/session.h"

namespace ramet::bench {
namespace {

double TimeCall(demo::v1::GreeterStub* greeter) {
  demo::v1::HelloRequest request;
  request.set_name("x");
  const auto begin = std::chrono::steady_clock::now();
  CheckOk(greeter->SayHello(request).status(), "a call failed");
  return std::chrono::duration<double, std::micro>(
             std::chrono::steady_clock::now() - begin)
      .count();
}

}  // namespace

void MeasureModule(const Arguments& arguments) {
  Session session(arguments);
  demo::v1::GreeterStub greeter(session.Connect());
  const double first = TimeCall(&greeter);
  const double second = TimeCall(&greeter);
  double updated = 0;
  if (arguments.Has("update")) {
    CheckOk(session.master()->LoadModuleFile(arguments.Text("update")),
            "the next version can't be loaded");
    updated = TimeCall(&greeter);
  }
  printf("{\"first_us\": %.1f, \"second_us\": %.1f, \"updated_us\": %.1f}\n",
         first, second, updated);
}

}  // namespace ramet::bench
