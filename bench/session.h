#ifndef BENCH_SESSION_H_
#define BENCH_SESSION_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "bench/arguments.h"
#include "examples/greeter/greeter.ramet.h"
#include "server/master.h"

namespace ramet::bench {

// Ends the process with status 1 and a line on standard error unless `status`
// is OK: a benchmark of something that fails means nothing.
void CheckOk(const absl::Status& status, const char* what);

// A master with the greeter's module, as the command line wants it: --module,
// --target, --cache, and for ssh --identity, --known-hosts, --ssh-config,
// --transport.
class Session {
 public:
  explicit Session(const Arguments& arguments);

  server::Master* master() { return master_.get(); }
  const std::string& target() const { return target_; }
  server::ConnectOptions connect_options() const { return connect_; }

  // A connected context.
  stub::Context Connect();
  // The same, called once, so that its module runs.
  demo::v1::GreeterStub ConnectGreeter();

 private:
  std::unique_ptr<server::Master> master_;
  std::string target_;
  server::ConnectOptions connect_;
};

}  // namespace ramet::bench

#endif  // BENCH_SESSION_H_
