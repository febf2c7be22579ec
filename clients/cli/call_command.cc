#include <string>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "clients/cli/caller.h"
#include "clients/cli/commands.h"
#include "clients/cli/json_call.h"
#include "clients/cli/json_method.h"
#include "core/wire/method_name.h"
#include "parent/hop.h"
#include "server/master_name.h"
#include "stub/status_bridge.h"

namespace ramet::cli {
namespace {

// What can be known to be wrong before anything is started.
absl::Status CheckTargetAndMethod(const Flags& flags) {
  const std::string& target = flags.arguments[0];
  if (flags.master.empty() || target != server::kMasterName) {
    std::vector<parent::Hop> hops;
    const absl::Status parsed =
        stub::ToAbslStatus(parent::ParseTarget(target, &hops));
    if (!parsed.ok()) return parsed;
  }
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
  absl::optional<std::string> text;
  if (flags.arguments.size() > 2) text = flags.arguments[2];
  const auto context = (*caller)->Open(flags.arguments[0]);
  if (!context.ok()) return context.status();
  stub::CallOptions options;
  options.timeout = flags.deadline;
  options.wait_for_ready = flags.wait_for_ready;
  const absl::Status status =
      RunJsonCall(*context, "/" + method, *std::move(json), text, options);
  if (flags.stats) (*caller)->PrintStats();
  return (*caller)->Explain(status);
}

}  // namespace ramet::cli
