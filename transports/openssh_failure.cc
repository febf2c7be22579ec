#include "transports/openssh_failure.h"

#include <sys/wait.h>

#include "core/base/strings.h"
#include "core/base/subprocess.h"

namespace ramet::transports {
namespace {

// ssh(1): "exits with the exit status of the remote command or with 255 if an
// error occurred".
constexpr int kSshFailed = 255;
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;

struct Known {
  const char* words;
  core::Code code;
  const char* phase;
  const char* text;
};

// In order: the first whose words ssh said. ssh's own texts, with the file
// that they come from.
constexpr Known kKnown[] = {
    // sshconnect.c
    {"HOST IDENTIFICATION HAS CHANGED", core::Code::kFailedPrecondition,
     "host key", "the host key has changed"},
    {"differs from the key for the IP address", core::Code::kFailedPrecondition,
     "host key", "the host key has changed"},
    {"REVOKED HOST KEY", core::Code::kFailedPrecondition, "host key",
     "the host key is revoked"},
    {"marked as revoked", core::Code::kFailedPrecondition, "host key",
     "the host key is revoked"},
    {"Host key verification failed", core::Code::kFailedPrecondition,
     "host key", "the host key is unknown"},
    // readconf.c
    {"Bad configuration option", core::Code::kFailedPrecondition, "connect",
     "ssh refuses its configuration"},
    {"bad configuration options", core::Code::kFailedPrecondition, "connect",
     "ssh refuses its configuration"},
    {"Can't open user config file", core::Code::kFailedPrecondition, "connect",
     "ssh refuses its configuration"},
    {"Bad owner or permissions on", core::Code::kFailedPrecondition, "connect",
     "ssh refuses its configuration"},
    // sshconnect2.c
    {"Permission denied (", core::Code::kUnauthenticated, "authentication",
     "authentication failed"},
    {"Too many authentication failures", core::Code::kUnauthenticated,
     "authentication", "authentication failed"},
    {"No supported authentication methods", core::Code::kUnauthenticated,
     "authentication", "authentication failed"},
    // packet.c, kex.c
    {"Unable to negotiate with", core::Code::kFailedPrecondition,
     "key exchange", "no algorithm in common"},
    {"no matching", core::Code::kFailedPrecondition, "key exchange",
     "no algorithm in common"},
    {"kex_exchange_identification", core::Code::kUnavailable, "key exchange",
     "no answer that is SSH"},
    {"ssh_exchange_identification", core::Code::kUnavailable, "key exchange",
     "no answer that is SSH"},
    {"banner exchange", core::Code::kUnavailable, "key exchange",
     "no answer that is SSH"},
    {"Protocol major versions differ", core::Code::kUnavailable, "key exchange",
     "no answer that is SSH"},
    {"Bad packet length", core::Code::kUnavailable, "key exchange",
     "no answer that is SSH"},
    {"Corrupted MAC", core::Code::kUnavailable, "key exchange",
     "the connection is corrupt"},
    // sshconnect.c, with strerror's and getaddrinfo's texts
    {"Could not resolve hostname", core::Code::kUnavailable, "resolve",
     "cannot resolve the host's name"},
    {"Connection refused", core::Code::kUnavailable, "connect",
     "cannot connect"},
    {"No route to host", core::Code::kUnavailable, "connect", "cannot connect"},
    {"Network is unreachable", core::Code::kUnavailable, "connect",
     "cannot connect"},
    {"timed out", core::Code::kUnavailable, "connect", "cannot connect"},
    {"Connection reset", core::Code::kUnavailable, "key exchange",
     "connection lost"},
    {"Connection closed", core::Code::kUnavailable, "key exchange",
     "connection lost"},
    // channels.c, clientloop.c
    {"open failed", core::Code::kUnavailable, "channel",
     "the server refuses a session"},
    {"exec request failed", core::Code::kUnavailable, "exec",
     "the server refuses to run a command"},
    {"remote shell disabled", core::Code::kUnavailable, "exec",
     "the server refuses to run a command"},
};

core::Status Explain(core::Code code, std::string_view text,
                     const std::string& words) {
  return core::Error(code, {text, words.empty() ? "" : ": ", words});
}

}  // namespace

OpensshFailure ExplainOpenssh(int wait_status, const std::string& words,
                              bool received) {
  const char* const phase = received ? "call" : "first stage";
  if (!WIFEXITED(wait_status)) {
    return {Explain(core::Code::kUnavailable,
                    core::Concat(
                        {"ssh was ", core::DescribeWaitStatus(wait_status)}),
                    words),
            phase};
  }
  const int exit_status = WEXITSTATUS(wait_status);
  if (exit_status != kSshFailed) {
    const bool missing =
        exit_status == kNotExecutable || exit_status == kNotFound;
    return {Explain(missing && !received ? core::Code::kFailedPrecondition
                                         : core::Code::kUnavailable,
                    core::Concat(
                        {"remote command exited with status ", exit_status}),
                    words),
            phase};
  }
  if (!received) {
    for (const Known& known : kKnown) {
      if (words.find(known.words) == std::string::npos) continue;
      return {Explain(known.code, known.text, words), known.phase};
    }
  }
  // ssh has words for all that happens before the connection is up; a peer that
  // closes, falls silent or sends garbage later it mentions to a terminal only
  // (LogLevel INFO, which would mix banners into every text).
  return {
      Explain(core::Code::kUnavailable,
              words.empty() ? "connection lost" : "ssh exited with status 255",
              words),
      received ? "call" : "key exchange"};
}

}  // namespace ramet::transports
