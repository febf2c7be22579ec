#include "clients/cli/flags.h"

#include <stdlib.h>

#include <functional>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace ramet::cli {

const char kUsage[] =
    R"(usage: ramet call TARGET SERVICE/METHOD [JSON] [flags]
       ramet serve --listen unix:PATH [flags]
       ramet contexts list|connect TARGET|disconnect NAME|detach NAME|
                      links [NAME] --master unix:PATH
       ramet help | version

Calls a typed method in a context on another machine that has only sshd and
/bin/sh. JSON is the request ({} when left out; - reads it from standard input);
the reply is printed as JSON.

TARGET   local:[label] or ssh:[user@]host[:port]; hops are chained with /, for
         example ssh:bastion/ssh:web1

  --module FILE.rmod         a bundle with the service's module (repeatable)
  --deadline 5s              of everything together; ns, us, ms, s, m, h
  --stats                    on stderr: phases, bytes and round trips of the connect
  -q, --quiet                don't print what modules print
  --log-level LEVEL          of what is printed: debug (default), info, warning,
                             error; filtered where it comes from
  --heartbeat 15s            a context that is silent for three times as long is
                             lost; 0s: never
  --unidirectional           contexts can't reach their siblings
  --master unix:PATH         be a client of `ramet serve` (default $RAMET_MASTER)
  --listen unix:PATH         where to serve; the socket gets mode 0600

  -i, --identity FILE        private key to try first (repeatable)
  --known-hosts FILE         instead of ssh's
  --host-key-check MODE      strict (default), accept-new, off
  --ssh-transport KIND       auto (default), libssh2, openssh
  -F, --ssh-config FILE      instead of ssh's

Exit status: 0; 2 wrong usage; 64 + the gRPC status code when the call or the
connection failed.
)";

namespace {

using Setter =
    std::function<absl::Status(absl::string_view value, Flags* flags)>;

absl::Status Choose(
    absl::string_view flag, absl::string_view value,
    const std::vector<std::pair<absl::string_view, uint32_t>>& choices,
    uint32_t* out) {
  std::string known;
  for (const auto& [name, number] : choices) {
    if (name == value) {
      *out = number;
      return absl::OkStatus();
    }
    absl::StrAppend(&known, known.empty() ? "" : ", ", name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " takes one of: ", known));
}

Setter Text(std::string Flags::*member) {
  return [member](absl::string_view value, Flags* flags) {
    flags->*member = std::string(value);
    return absl::OkStatus();
  };
}

absl::Status SetDeadline(absl::string_view value, Flags* flags) {
  if (!absl::ParseDuration(value, &flags->deadline) ||
      flags->deadline <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--deadline takes a time like 5s or 500ms, not \"", value, "\""));
  }
  return absl::OkStatus();
}

absl::Status SetHeartbeat(absl::string_view value, Flags* flags) {
  if (!absl::ParseDuration(value, &flags->heartbeat) ||
      (flags->heartbeat != absl::ZeroDuration() &&
       (flags->heartbeat < absl::Milliseconds(10) ||
        flags->heartbeat > absl::Hours(24)))) {
    return absl::InvalidArgumentError(
        absl::StrCat("--heartbeat takes a time from 10ms to 24h, or 0s, not \"",
                     value, "\""));
  }
  return absl::OkStatus();
}

const std::map<std::string, Setter, std::less<>>& ValueFlags() {
  static const auto* const flags = [] {
    auto* const map = new std::map<std::string, Setter, std::less<>>();
    const Setter identity = [](absl::string_view value, Flags* flags) {
      flags->ssh.identity_files.emplace_back(value);
      return absl::OkStatus();
    };
    const Setter config = [](absl::string_view value, Flags* flags) {
      flags->ssh.config_file = std::string(value);
      return absl::OkStatus();
    };
    (*map)["--module"] = [](absl::string_view value, Flags* flags) {
      flags->modules.emplace_back(value);
      return absl::OkStatus();
    };
    (*map)["--deadline"] = &SetDeadline;
    (*map)["--heartbeat"] = &SetHeartbeat;
    (*map)["--log-level"] = [](absl::string_view value, Flags* flags) {
      return Choose("--log-level", value,
                    {{"debug", 0}, {"info", 1}, {"warning", 2}, {"error", 3}},
                    &flags->log_level);
    };
    (*map)["-i"] = identity;
    (*map)["--identity"] = identity;
    (*map)["-F"] = config;
    (*map)["--ssh-config"] = config;
    (*map)["--known-hosts"] = [](absl::string_view value, Flags* flags) {
      flags->ssh.known_hosts = std::string(value);
      return absl::OkStatus();
    };
    (*map)["--host-key-check"] = [](absl::string_view value, Flags* flags) {
      return Choose("--host-key-check", value,
                    {{"strict", core::SshOptions::kStrict},
                     {"accept-new", core::SshOptions::kAcceptNew},
                     {"off", core::SshOptions::kOff}},
                    &flags->ssh.host_key_check);
    };
    (*map)["--ssh-transport"] = [](absl::string_view value, Flags* flags) {
      return Choose("--ssh-transport", value,
                    {{"auto", core::SshOptions::kAuto},
                     {"libssh2", core::SshOptions::kLibssh2},
                     {"openssh", core::SshOptions::kOpenssh}},
                    &flags->ssh.transport);
    };
    (*map)["--master"] = Text(&Flags::master);
    (*map)["--listen"] = Text(&Flags::listen);
    return map;
  }();
  return *flags;
}

bool SetSwitch(absl::string_view name, Flags* flags) {
  if (name == "--stats") {
    flags->stats = true;
  } else if (name == "-q" || name == "--quiet") {
    flags->quiet = true;
  } else if (name == "--unidirectional") {
    flags->unidirectional = true;
  } else if (name == "-h" || name == "--help") {
    flags->command = "help";
  } else {
    return false;
  }
  return true;
}

absl::Status CheckAddress(absl::string_view flag, absl::string_view value) {
  if (value.empty() || value.substr(0, 5) == "unix:") return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " takes unix:PATH, not \"", value, "\""));
}

absl::Status CheckCommand(const Flags& flags) {
  const size_t count = flags.arguments.size();
  if (flags.command.empty()) return absl::InvalidArgumentError("no command");
  if (flags.command == "call") {
    if (count < 2 || count > 3) {
      return absl::InvalidArgumentError(
          "call takes TARGET, SERVICE/METHOD and perhaps JSON");
    }
  } else if (flags.command == "serve") {
    if (count != 0) {
      return absl::InvalidArgumentError("serve takes no arguments");
    }
    if (flags.listen.empty()) {
      return absl::InvalidArgumentError("serve needs --listen unix:PATH");
    }
  } else if (flags.command == "contexts") {
    const bool list = count == 1 && flags.arguments[0] == "list";
    const bool links =
        count >= 1 && count <= 2 && flags.arguments[0] == "links";
    const bool other = count == 2 && (flags.arguments[0] == "connect" ||
                                      flags.arguments[0] == "disconnect" ||
                                      flags.arguments[0] == "detach");
    if (!list && !links && !other) {
      return absl::InvalidArgumentError(
          "contexts takes list, connect TARGET, disconnect NAME, detach NAME "
          "or links [NAME]");
    }
    if (flags.master.empty()) {
      return absl::InvalidArgumentError(
          "contexts needs --master unix:PATH or $RAMET_MASTER");
    }
  } else if (flags.command != "help" && flags.command != "version") {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown command \"", flags.command, "\""));
  }
  const absl::Status listen = CheckAddress("--listen", flags.listen);
  return listen.ok() ? CheckAddress("--master", flags.master) : listen;
}

}  // namespace

absl::StatusOr<Flags> ParseFlags(const std::vector<std::string>& arguments) {
  Flags flags;
  const char* const master = getenv("RAMET_MASTER");
  if (master != nullptr) flags.master = master;
  bool flags_over = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const absl::string_view argument = arguments[i];
    if (flags_over || argument == "-" || argument.empty() ||
        argument[0] != '-') {
      if (flags.command.empty()) {
        flags.command = std::string(argument);
      } else {
        flags.arguments.emplace_back(argument);
      }
      continue;
    }
    if (argument == "--") {
      flags_over = true;
      continue;
    }
    if (SetSwitch(argument, &flags)) {
      if (flags.command == "help") return flags;
      continue;
    }
    const size_t equals =
        argument.substr(0, 2) == "--" ? argument.find('=') : argument.npos;
    const std::string name(argument.substr(0, equals));
    const auto setter = ValueFlags().find(name);
    if (setter == ValueFlags().end()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown flag ", name));
    }
    absl::string_view value;
    if (equals != argument.npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return absl::InvalidArgumentError(absl::StrCat(name, " needs a value"));
    }
    if (value.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " needs a value"));
    }
    const absl::Status set = setter->second(value, &flags);
    if (!set.ok()) return set;
  }
  const absl::Status command = CheckCommand(flags);
  if (!command.ok()) return command;
  return flags;
}

}  // namespace ramet::cli
