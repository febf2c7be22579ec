#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "bench/ramet_commands.h"
#include "bench/samples.h"
#include "bench/session.h"

namespace ramet::bench {
namespace {

// Connects a context and makes sure that it is a new one.
void ConnectFresh(Session* session, Samples* samples, uint32_t* last_pid) {
  samples->Time([&] { return session->Connect(); });
  const uint32_t pid = session->master()->List().front().hello.pid;
  CheckOk(pid != *last_pid ? absl::OkStatus()
                           : absl::InternalError("it is the one from before"),
          "no new context");
  *last_pid = pid;
}

// Until the context is forgotten, a connect would find it.
void Disconnect(Session* session) {
  constexpr useconds_t kPollUs = 200;
  CheckOk(session->master()->Disconnect(session->target()),
          "cannot disconnect");
  while (!session->master()->List().empty()) usleep(kPollUs);
}

std::string PhasesJson(const parent::ConnectStats& stats, int64_t end_us) {
  std::string json = "[";
  for (size_t i = 0; i < stats.phases.size(); ++i) {
    const int64_t end =
        i + 1 < stats.phases.size() ? stats.phases[i + 1].start_us : end_us;
    char text[128];
    snprintf(text, sizeof text, "%s{\"name\": \"%s\", \"ms\": %.3f}",
             i > 0 ? ", " : "", stats.phases[i].name,
             (end - stats.phases[i].start_us) / 1000.0);
    json += text;
  }
  return json + "]";
}

}  // namespace

void MeasureConnect(const Arguments& arguments) {
  Session session(arguments);
  const int count = arguments.Number("count");
  uint32_t pid = 0;
  // The first one pages in what all others share.
  Samples ignored(1);
  ConnectFresh(&session, &ignored, &pid);
  Disconnect(&session);
  Samples samples(count);
  for (int i = 0; i < count; ++i) {
    ConnectFresh(&session, &samples, &pid);
    Disconnect(&session);
  }
  printf("%s\n", samples.ToJson().c_str());
}

void MeasureFirstResult(const Arguments& arguments) {
  Session session(arguments);
  server::ConnectOptions connect = session.connect_options();
  const auto stats = std::make_shared<parent::ConnectStats>();
  connect.stats = stats;
  demo::v1::HelloRequest request;
  request.set_name("first");
  Samples samples(1);
  const auto reply = samples.Time([&] {
    auto context = session.master()->Open(session.target(), connect);
    CheckOk(context.status(), "cannot open");
    return demo::v1::GreeterStub(*context).SayHello(request);
  });
  const int64_t end_us =
      std::chrono::duration_cast<std::chrono::microseconds>(
          std::chrono::steady_clock::now().time_since_epoch())
          .count();
  CheckOk(reply.status(), "the first call failed");
  // Waits for the loop's thread, which writes the figures.
  session.master()->List();
  printf(
      "{\"first_result\": %s, \"phases\": %s, \"bootstrap\": {\"sent\": %llu, "
      "\"received\": %llu, \"round_trips\": %u}}\n",
      samples.ToJson().c_str(), PhasesJson(*stats, end_us).c_str(),
      static_cast<unsigned long long>(stats->bootstrap_bytes_sent),
      static_cast<unsigned long long>(stats->bootstrap_bytes_received),
      stats->bootstrap_round_trips);
}

}  // namespace ramet::bench
