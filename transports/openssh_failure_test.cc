#include "transports/openssh_failure.h"

#include <gtest/gtest.h>

#include <string>

namespace ramet::transports {
namespace {

constexpr int Exit(int status) { return status << 8; }

struct Case {
  const char* words;
  core::Code code;
  const char* phase;
  const char* text;
};

// What OpenSSH 7.4 to 9.2 say at LogLevel=ERROR.
const Case kCases[] = {
    {"ssh: connect to host web1 port 22: Connection refused",
     core::Code::kUnavailable, "connect", "cannot connect: "},
    {"ssh: connect to host web1 port 22: Connection timed out",
     core::Code::kUnavailable, "connect", "cannot connect: "},
    {"ssh: connect to host web1 port 22: No route to host",
     core::Code::kUnavailable, "connect", "cannot connect: "},
    {"ssh: Could not resolve hostname web1: Name or service not known",
     core::Code::kUnavailable, "resolve", "cannot resolve"},
    {"No ED25519 host key is known for web1 and you have requested strict "
     "checking. | Host key verification failed.",
     core::Code::kFailedPrecondition, "host key", "the host key is unknown"},
    {"@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @ | Offending "
     "ED25519 key in /root/.ssh/known_hosts:1 | Host key verification failed.",
     core::Code::kFailedPrecondition, "host key", "the host key has changed"},
    {"guest@web1: Permission denied (publickey,password).",
     core::Code::kUnauthenticated, "authentication", "authentication failed"},
    {"Received disconnect from 10.0.0.1 port 22:2: Too many authentication "
     "failures",
     core::Code::kUnauthenticated, "authentication", "authentication failed"},
    {"Unable to negotiate with 10.0.0.1 port 22: no matching cipher found. "
     "Their offer: aes128-cbc",
     core::Code::kFailedPrecondition, "key exchange", "no algorithm"},
    {"kex_exchange_identification: Connection closed by remote host",
     core::Code::kUnavailable, "key exchange", "no answer that is SSH"},
    {"Connection timed out during banner exchange", core::Code::kUnavailable,
     "key exchange", "no answer that is SSH"},
    {"/home/me/config: line 1: Bad configuration option: nosuch",
     core::Code::kFailedPrecondition, "connect", "ssh refuses"},
    {"", core::Code::kUnavailable, "key exchange", "connection lost"},
};

TEST(ExplainOpensshTest, KnowsSshsWords) {
  for (const Case& c : kCases) {
    const OpensshFailure failure = ExplainOpenssh(Exit(255), c.words, false);
    EXPECT_EQ(failure.status.code(), c.code) << c.words;
    EXPECT_STREQ(failure.phase, c.phase) << c.words;
    EXPECT_EQ(failure.status.message().find(c.text), 0u)
        << failure.status.message();
    EXPECT_NE(failure.status.message().find(c.words), std::string::npos);
  }
}

TEST(ExplainOpensshTest, KeepsTheWordsOfARemoteCommand) {
  const OpensshFailure failure =
      ExplainOpenssh(Exit(127), "sh: 1: nosuch: not found", false);
  EXPECT_EQ(failure.status.message(),
            "remote command exited with status 127: sh: 1: nosuch: not found");
  EXPECT_EQ(failure.status.code(), core::Code::kFailedPrecondition);
  EXPECT_STREQ(failure.phase, "first stage");
}

TEST(ExplainOpensshTest, DoesNotReadARemoteCommandsWordsAsSshs) {
  const OpensshFailure failure =
      ExplainOpenssh(Exit(1), "curl: Connection refused", /*received=*/false);
  EXPECT_EQ(failure.status.message(),
            "remote command exited with status 1: curl: Connection refused");
  EXPECT_STREQ(failure.phase, "first stage");
}

TEST(ExplainOpensshTest, ALostConnectionIsNoFailureToConnect) {
  const OpensshFailure failure =
      ExplainOpenssh(Exit(255), "Connection reset by 10.0.0.1 port 22", true);
  EXPECT_EQ(failure.status.code(), core::Code::kUnavailable);
  EXPECT_STREQ(failure.phase, "call");
}

TEST(ExplainOpensshTest, NamesTheSignalThatEndedSsh) {
  EXPECT_EQ(ExplainOpenssh(9, "", false).status.message(),
            "ssh was killed by signal 9 (SIGKILL)");
}

}  // namespace
}  // namespace ramet::transports
