#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <chrono>

#include "absl/status/status.h"
#include "bench/ramet_commands.h"
#include "bench/samples.h"
#include "bench/session.h"
#include "tests/probe/probe.ramet.h"

namespace ramet::bench {

void MeasureKill(const Arguments& arguments) {
  Session session(arguments);
  const int count = arguments.Number("count");
  Samples samples(count);
  for (int i = 0; i < count; ++i) {
    ::probe::v1::ProbeStub probe(session.Connect());
    ::probe::v1::EchoRequest request;
    request.set_wait_ms(60'000);
    const auto before = probe.Info({});
    CheckOk(before.status(), "the first call failed");
    auto waiting = probe.StartEcho(request);
    // Until it is at work; each question is a call itself.
    for (int64_t asked = 1;; ++asked) {
      const auto now = probe.Info({});
      CheckOk(now.status(), "a call failed");
      if (now->calls() > before->calls() + asked) break;
    }
    const auto begin = std::chrono::steady_clock::now();
    kill(static_cast<pid_t>(before->ppid()), SIGKILL);
    const absl::Status status = waiting.Wait().status();
    samples.Add(std::chrono::steady_clock::now() - begin);
    if (!absl::IsUnavailable(status)) {
      fprintf(stderr, "ramet_bench: not the error that was wanted: %s\n",
              status.ToString().c_str());
      exit(1);
    }
  }
  printf("%s\n", samples.ToJson().c_str());
}

}  // namespace ramet::bench
