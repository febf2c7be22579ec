#include "clients/cli/flags.h"

#include <stdlib.h>

#include <functional>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "parent/platform.h"
#include "server/bundle_checks.h"
#include "server/listen_address.h"

namespace ramet::cli {

const char kUsage[] =
    R"(usage: ramet call TARGET SERVICE/METHOD [JSON] [flags]
       ramet serve --listen unix:PATH [flags]
       ramet contexts list|get NAME|watch [NAME]|logs [NAME]|links [NAME]
                      --master unix:PATH
       ramet contexts connect TARGET|disconnect NAME|shutdown NAME|
                      detach NAME
                      --master unix:PATH
       ramet module inspect FILE.rmod [--json]
       ramet module statement FILE.rmod
       ramet module list|watch|load FILE.rmod|unload NAME-OR-DIGEST
                      --master unix:PATH
       ramet help | version

Calls a typed method in a context on another machine that has only sshd and
/bin/sh. JSON is the request ({} when left out; - reads it from standard input);
the reply is printed as JSON.

TARGET   local:[label] or ssh:[user@]host[:port]; hops are chained with /, for
         example ssh:bastion/ssh:web1; with --master also master, for what the
         master itself serves

  --module FILE.rmod         a bundle with the service's module (repeatable)
  --platform PLATFORM        what TARGET's machine is, linux-x86_64 or
                             linux-aarch64; without it what its parent is, and
                             where that is wrong a call takes a round trip more
  --cache DIR                targets keep modules in DIR, for the next connect;
                             relative to the login directory there
  --cache-mib 256            of images in DIR, the least recently used make room
  --require-signature KEY.pub
                             bundles must be signed by one of these keys of
                             minisign (repeatable)
  --module-policy FILE       which contexts may get which modules
                             (docs/module_lifecycle.md), and beside it, for all,
  --allow-module PATTERN     only these (repeatable), by name or sha256:DIGEST
  --deny-module PATTERN      not these (repeatable)
  --lock-modules             a context gets, for its life, no modules but those
                             that were loaded when it was started
  --lock-signature KEY.pub   nor any whose statement none of these keys of
                             minisign has signed (repeatable)
  --max-image-mib 256        of an image, inflated
  --target PATTERN           module load: only for these contexts, and below them
  --signature FILE           module load: instead of FILE.rmod.minisig
  --json                     module inspect: as JSON
  --deadline 5s              of everything together; ns, us, ms, s, m, h
  --wait-for-ready           while TARGET can't be reached, try again until the
                             deadline
  --stats                    on stderr: phases, bytes and round trips of the connect
  -q, --quiet                don't print what modules print
  --log-level LEVEL          of what is printed: debug (default), info, warning,
                             error; filtered where it comes from
  --heartbeat 15s            a context that is silent for three times as long is
                             lost; 0s: never
  --module-idle 0s           modules end after so long without a call, unless
                             their bundle says otherwise; 0s: never
  --unidirectional           contexts can't reach their siblings
  --master ADDRESS           be a client of `ramet serve` (default $RAMET_MASTER):
                             unix:PATH, or tcp:HOST:PORT with --tls-cert,
                             --tls-key and --tls-ca
  --grace 5s                 for calls at work, when `serve` or a context that is
                             shut down ends

  --listen ADDRESS           where to serve (repeatable): unix:PATH, or
                             tcp:HOST:PORT with mutual TLS and --clients
  --clients FILE             which client may do what (docs/front_door.md)
  --tls-cert FILE            PEM: this side's certificate, and
  --tls-key FILE             its key
  --tls-client-ca FILE       serve: PEM of who signs clients' certificates
  --tls-ca FILE              with --master: PEM of who signs the master's
  --keepalive 60s            silent connections are checked so often; 0s: never
  --metrics 127.0.0.1:PORT   serve Prometheus's metrics; a loopback address

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

Setter List(std::vector<std::string> Flags::*member) {
  return [member](absl::string_view value, Flags* flags) {
    (flags->*member).emplace_back(value);
    return absl::OkStatus();
  };
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

absl::Status SetKeepalive(absl::string_view value, Flags* flags) {
  if (!absl::ParseDuration(value, &flags->keepalive) ||
      (flags->keepalive != absl::ZeroDuration() &&
       (flags->keepalive < absl::Seconds(1) ||
        flags->keepalive > absl::Hours(24)))) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--keepalive takes a time from 1s to 24h, or 0s, not \"", value, "\""));
  }
  if (flags->keepalive == absl::ZeroDuration()) {
    flags->keepalive = absl::InfiniteDuration();
  }
  return absl::OkStatus();
}

Setter UpToADay(absl::string_view flag, absl::Duration Flags::*member) {
  return [flag, member](absl::string_view value, Flags* flags) {
    absl::Duration duration;
    if (!absl::ParseDuration(value, &duration) ||
        duration < absl::ZeroDuration() || duration > absl::Hours(24)) {
      return absl::InvalidArgumentError(absl::StrCat(
          flag, " takes a time from 0s to 24h, not \"", value, "\""));
    }
    flags->*member = duration;
    return absl::OkStatus();
  };
}

Setter Mib(absl::string_view flag, uint32_t most, uint32_t Flags::*member) {
  return [flag, most, member](absl::string_view value, Flags* flags) {
    uint32_t mib;
    if (!absl::SimpleAtoi(value, &mib) || mib == 0 || mib > most) {
      return absl::InvalidArgumentError(
          absl::StrCat(flag, " takes 1 to ", most, ", not \"", value, "\""));
    }
    flags->*member = mib;
    return absl::OkStatus();
  };
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
    (*map)["--module"] = List(&Flags::modules);
    (*map)["--require-signature"] = List(&Flags::signers);
    (*map)["--module-policy"] = Text(&Flags::module_policy);
    (*map)["--allow-module"] = List(&Flags::allow_modules);
    (*map)["--deny-module"] = List(&Flags::deny_modules);
    (*map)["--lock-signature"] = List(&Flags::lock_signers);
    (*map)["--target"] = Text(&Flags::targets);
    (*map)["--signature"] = Text(&Flags::signature);
    (*map)["--max-image-mib"] = Mib(
        "--max-image-mib", server::BundleChecks::kMaxImageBytes / (1024 * 1024),
        &Flags::max_image_mib);
    (*map)["--platform"] = [](absl::string_view value, Flags* flags) {
      flags->platform = std::string(value);
      if (parent::HasAgent(flags->platform)) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat(
          "--platform takes ", absl::StrJoin(parent::kAgentPlatforms, " or "),
          ", not \"", value, "\""));
    };
    (*map)["--cache"] = Text(&Flags::cache);
    (*map)["--cache-mib"] =
        Mib("--cache-mib", uint32_t{1} << 20, &Flags::cache_mib);
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
    (*map)["--listen"] = List(&Flags::listen);
    (*map)["--clients"] = Text(&Flags::clients);
    (*map)["--tls-cert"] = Text(&Flags::tls_cert);
    (*map)["--tls-key"] = Text(&Flags::tls_key);
    (*map)["--tls-client-ca"] = Text(&Flags::tls_client_ca);
    (*map)["--tls-ca"] = Text(&Flags::tls_ca);
    (*map)["--metrics"] = Text(&Flags::metrics);
    (*map)["--keepalive"] = &SetKeepalive;
    (*map)["--grace"] = UpToADay("--grace", &Flags::grace);
    (*map)["--module-idle"] = UpToADay("--module-idle", &Flags::module_idle);
    return map;
  }();
  return *flags;
}

bool SetSwitch(absl::string_view name, Flags* flags) {
  if (name == "--wait-for-ready") {
    flags->wait_for_ready = true;
  } else if (name == "--stats") {
    flags->stats = true;
  } else if (name == "--json") {
    flags->json = true;
  } else if (name == "-q" || name == "--quiet") {
    flags->quiet = true;
  } else if (name == "--lock-modules") {
    flags->lock_modules = true;
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
  if (value.empty()) return absl::OkStatus();
  const absl::Status status = server::ParseListenAddress(value).status();
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", status.message()));
}

// What stands behind `contexts` or `module`, and how many arguments behind it.
struct Form {
  const char* command;
  size_t least, most;
};
constexpr Form kContextsForms[] = {
    {"list", 0, 0},       {"get", 1, 1},      {"watch", 0, 1},
    {"logs", 0, 1},       {"links", 0, 1},    {"connect", 1, 1},
    {"disconnect", 1, 1}, {"shutdown", 1, 1}, {"detach", 1, 1},
};
constexpr Form kModuleForms[] = {{"inspect", 1, 1}, {"statement", 1, 1},
                                 {"list", 0, 0},    {"watch", 0, 0},
                                 {"load", 1, 1},    {"unload", 1, 1}};

template <size_t n>
bool IsOneOf(const Form (&forms)[n],
             const std::vector<std::string>& arguments) {
  if (arguments.empty()) return false;
  const size_t count = arguments.size() - 1;
  for (const Form& form : forms) {
    if (arguments[0] == form.command) {
      return form.least <= count && count <= form.most;
    }
  }
  return false;
}

absl::Status CheckCommand(const Flags& flags) {
  const size_t count = flags.arguments.size();
  if (!flags.platform.empty() &&
      (flags.command != "call" || !flags.master.empty())) {
    return absl::InvalidArgumentError(
        "--platform is for call without --master: a master that runs on "
        "remembers what a host is");
  }
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
    for (const std::string& address : flags.listen) {
      const absl::Status status = CheckAddress("--listen", address);
      if (!status.ok()) return status;
    }
  } else if (flags.command == "contexts") {
    if (!IsOneOf(kContextsForms, flags.arguments)) {
      return absl::InvalidArgumentError(
          "contexts takes list, get NAME, watch [NAME], logs [NAME], "
          "links [NAME], connect TARGET, disconnect NAME, shutdown NAME or "
          "detach NAME");
    }
    if (flags.master.empty()) {
      return absl::InvalidArgumentError(
          "contexts needs --master unix:PATH or $RAMET_MASTER");
    }
  } else if (flags.command == "module") {
    if (!IsOneOf(kModuleForms, flags.arguments)) {
      return absl::InvalidArgumentError(
          "module takes inspect FILE.rmod, statement FILE.rmod, list, watch, "
          "load FILE.rmod or unload NAME-OR-DIGEST");
    }
    if (flags.master.empty() && flags.arguments[0] != "inspect" &&
        flags.arguments[0] != "statement") {
      return absl::InvalidArgumentError(
          absl::StrCat("module ", flags.arguments[0],
                       " needs --master unix:PATH or $RAMET_MASTER"));
    }
  } else if (flags.command != "help" && flags.command != "version") {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown command \"", flags.command, "\""));
  }
  return CheckAddress("--master", flags.master);
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
