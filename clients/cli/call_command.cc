#include <stdio.h>

#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/caller.h"
#include "clients/cli/commands.h"
#include "clients/cli/json_method.h"
#include "core/wire/method_name.h"
#include "parent/hop.h"
#include "stub/status_bridge.h"

namespace ramet::cli {
namespace {

absl::StatusOr<std::string> ReadStdin() {
  std::string text;
  char buffer[64 * 1024];
  size_t count;
  while ((count = fread(buffer, 1, sizeof buffer, stdin)) > 0) {
    text.append(buffer, count);
  }
  if (ferror(stdin)) {
    return absl::InvalidArgumentError("cannot read standard input");
  }
  return text;
}

// What can be known to be wrong before anything is started.
absl::Status CheckTargetAndMethod(const Flags& flags) {
  // With a master of somebody else's, a target may be any context's name.
  std::vector<parent::Hop> hops;
  const absl::Status target =
      stub::ToAbslStatus(parent::ParseTarget(flags.arguments[0], &hops));
  if (!target.ok()) return target;
  core::MethodName name;
  if (!core::ParseMethodName("/" + flags.arguments[1], &name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("bad method \"", flags.arguments[1],
                     "\": expected SERVICE/METHOD, for example "
                     "demo.v1.Greeter/SayHello"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunCall(const Flags& flags) {
  const absl::Status checked = CheckTargetAndMethod(flags);
  if (!checked.ok()) return checked;
  const std::string& method = flags.arguments[1];
  auto caller = MakeCaller(flags);
  if (!caller.ok()) return caller.status();
  const auto descriptors =
      (*caller)->Describe(method.substr(0, method.find('/')));
  if (!descriptors.ok()) return descriptors.status();
  auto json = JsonMethod::Create(*descriptors, method);
  if (!json.ok()) return json.status();

  std::string text =
      flags.arguments.size() > 2 ? flags.arguments[2] : std::string("{}");
  if (text == "-") {
    auto read = ReadStdin();
    if (!read.ok()) return read.status();
    text = *std::move(read);
  }
  const auto request = (*json)->ParseRequest(text);
  if (!request.ok()) return request.status();

  const auto reply = (*caller)->Call(flags.arguments[0], method, *request);
  if (flags.stats) (*caller)->PrintStats();
  if (!reply.ok()) return reply.status();
  const auto printed = (*json)->PrintReply(*reply);
  if (!printed.ok()) return printed.status();
  if (printf("%s\n", printed->c_str()) < 0 || fflush(stdout) != 0) {
    return absl::UnavailableError("cannot write the reply to standard output");
  }
  return absl::OkStatus();
}

}  // namespace ramet::cli
