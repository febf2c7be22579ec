#include "clients/cli/flags.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <utility>
#include <vector>

namespace ramet::cli {
namespace {

using Arguments = std::vector<std::string>;

class FlagsTest : public testing::Test {
 protected:
  FlagsTest() { unsetenv("RAMET_MASTER"); }

  static std::string ParseError(const Arguments& arguments) {
    const auto flags = ParseFlags(arguments);
    if (flags.ok()) return "parsed";
    EXPECT_EQ(flags.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(flags.status().message());
  }
};

TEST_F(FlagsTest, ParsesACallWithEverything) {
  const auto flags = ParseFlags({"call",
                                 "--module",
                                 "a.rmod",
                                 "ssh:web1",
                                 "--module=b.rmod",
                                 "a.A/B",
                                 "--deadline",
                                 "500ms",
                                 "{\"x\": 1}",
                                 "--stats",
                                 "-q",
                                 "-i",
                                 "key1",
                                 "--identity=key2",
                                 "-F",
                                 "config",
                                 "--known-hosts",
                                 "known",
                                 "--host-key-check",
                                 "accept-new",
                                 "--ssh-transport",
                                 "openssh"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->command, "call");
  EXPECT_EQ(flags->arguments, (Arguments{"ssh:web1", "a.A/B", "{\"x\": 1}"}));
  EXPECT_EQ(flags->modules, (Arguments{"a.rmod", "b.rmod"}));
  EXPECT_EQ(flags->deadline, absl::Milliseconds(500));
  EXPECT_TRUE(flags->stats);
  EXPECT_TRUE(flags->quiet);
  EXPECT_EQ(flags->ssh.identity_files, (Arguments{"key1", "key2"}));
  EXPECT_EQ(flags->ssh.config_file, "config");
  EXPECT_EQ(flags->ssh.known_hosts, "known");
  EXPECT_EQ(flags->ssh.host_key_check,
            static_cast<uint32_t>(core::SshOptions::kAcceptNew));
  EXPECT_EQ(flags->ssh.transport,
            static_cast<uint32_t>(core::SshOptions::kOpenssh));
}

TEST_F(FlagsTest, HasDefaults) {
  const auto flags = ParseFlags({"call", "local:", "a.A/B"});
  ASSERT_TRUE(flags.ok());
  EXPECT_EQ(flags->deadline, absl::InfiniteDuration());
  EXPECT_EQ(flags->ssh.host_key_check,
            static_cast<uint32_t>(core::SshOptions::kStrict));
  EXPECT_EQ(flags->ssh.transport,
            static_cast<uint32_t>(core::SshOptions::kAuto));
  EXPECT_EQ(flags->master, "");
  EXPECT_FALSE(flags->stats);
  EXPECT_EQ(flags->heartbeat, absl::Seconds(15));
  EXPECT_EQ(flags->log_level, 0u);
  EXPECT_FALSE(flags->unidirectional);
}

TEST_F(FlagsTest, CallsMayWaitForReady) {
  auto flags = ParseFlags({"call", "--wait-for-ready", "local:", "a.B/C"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_TRUE(flags->wait_for_ready);
  EXPECT_EQ(flags->arguments.size(), 2u);
  flags = ParseFlags({"call", "local:", "a.B/C"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_FALSE(flags->wait_for_ready);
}

TEST_F(FlagsTest, ACallMaySayWhatItsTargetIs) {
  const auto flags =
      ParseFlags({"call", "--platform", "linux-aarch64", "ssh:a", "a.B/C"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->platform, "linux-aarch64");
  EXPECT_EQ(ParseError({"call", "--platform=arm", "ssh:a", "a.B/C"}),
            "--platform takes linux-x86_64 or linux-aarch64, not \"arm\"");
  const std::string elsewhere =
      "--platform is for call without --master: a master that runs on "
      "remembers what a host is";
  EXPECT_EQ(ParseError({"call", "--platform=linux-aarch64", "ssh:a", "a.B/C",
                        "--master", "unix:/x"}),
            elsewhere);
  EXPECT_EQ(
      ParseError({"serve", "--listen", "unix:/x", "--platform=linux-aarch64"}),
      elsewhere);
}

TEST_F(FlagsTest, TreesHaveRules) {
  const auto flags =
      ParseFlags({"serve", "--listen", "unix:/x", "--heartbeat=0s",
                  "--unidirectional", "--log-level", "warning"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->heartbeat, absl::ZeroDuration());
  EXPECT_EQ(flags->log_level, 2u);
  EXPECT_TRUE(flags->unidirectional);
}

TEST_F(FlagsTest, ADashIsAnArgumentAndTwoEndTheFlags) {
  auto flags = ParseFlags({"call", "local:", "a.A/B", "-"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->arguments[2], "-");
  flags = ParseFlags({"call", "--", "local:", "a.A/B", "--stats"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->arguments[2], "--stats");
  EXPECT_FALSE(flags->stats);
}

TEST_F(FlagsTest, AValueMayBeginWithADash) {
  const auto flags = ParseFlags({"call", "local:", "a.A/B", "-i", "-key"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->ssh.identity_files, Arguments{"-key"});
}

TEST_F(FlagsTest, SaysWhatIsWrong) {
  const std::vector<std::pair<Arguments, std::string>> bad = {
      {{}, "no command"},
      {{"cal", "x"}, "unknown command \"cal\""},
      {{"call"}, "call takes TARGET, SERVICE/METHOD and perhaps JSON"},
      {{"call", "local:"},
       "call takes TARGET, SERVICE/METHOD and perhaps JSON"},
      {{"call", "a", "b", "c", "d"},
       "call takes TARGET, SERVICE/METHOD and perhaps JSON"},
      {{"call", "local:", "a.A/B", "--modul", "x"}, "unknown flag --modul"},
      {{"call", "local:", "a.A/B", "-x"}, "unknown flag -x"},
      {{"call", "local:", "a.A/B", "--module"}, "--module needs a value"},
      {{"call", "local:", "a.A/B", "--module="}, "--module needs a value"},
      {{"call", "local:", "a.A/B", "--deadline", "5"},
       "--deadline takes a time like 5s or 500ms, not \"5\""},
      {{"call", "local:", "a.A/B", "--deadline", "0s"},
       "--deadline takes a time like 5s or 500ms, not \"0s\""},
      {{"call", "local:", "a.A/B", "--deadline=-1s"},
       "--deadline takes a time like 5s or 500ms, not \"-1s\""},
      {{"serve", "--heartbeat", "15"},
       "--heartbeat takes a time from 10ms to 24h, or 0s, not \"15\""},
      {{"serve", "--heartbeat", "1ms"},
       "--heartbeat takes a time from 10ms to 24h, or 0s, not \"1ms\""},
      {{"serve", "--log-level", "loud"},
       "--log-level takes one of: debug, info, warning, error"},
      {{"call", "local:", "a.A/B", "--host-key-check", "no"},
       "--host-key-check takes one of: strict, accept-new, off"},
      {{"call", "local:", "a.A/B", "--ssh-transport", "dropbear"},
       "--ssh-transport takes one of: auto, libssh2, openssh"},
      {{"call", "local:", "a.A/B", "--master", "localhost:1"},
       "--master: bad address \"localhost:1\": expected unix:PATH or "
       "tcp:HOST:PORT"},
      {{"serve"}, "serve needs --listen unix:PATH"},
      {{"serve", "x", "--listen", "unix:/x"}, "serve takes no arguments"},
      {{"serve", "--listen", "/x"},
       "--listen: bad address \"/x\": expected unix:PATH or tcp:HOST:PORT"},
      {{"serve", "--listen", "unix:/x", "--listen", "tcp:h"},
       "--listen: bad address \"tcp:h\": expected tcp:HOST:PORT"},
      {{"serve", "--keepalive", "10ms"},
       "--keepalive takes a time from 1s to 24h, or 0s, not \"10ms\""},
      {{"serve", "--grace", "5"},
       "--grace takes a time from 0s to 24h, not \"5\""},
      {{"contexts", "get", "--master", "unix:/x"},
       "contexts takes list, get NAME, watch [NAME], logs [NAME], "
       "links [NAME], connect TARGET, disconnect NAME, shutdown NAME or "
       "detach NAME"},
      {{"contexts", "--master", "unix:/x"},
       "contexts takes list, get NAME, watch [NAME], logs [NAME], "
       "links [NAME], connect TARGET, disconnect NAME, shutdown NAME or "
       "detach NAME"},
      {{"contexts", "list", "x", "--master", "unix:/x"},
       "contexts takes list, get NAME, watch [NAME], logs [NAME], "
       "links [NAME], connect TARGET, disconnect NAME, shutdown NAME or "
       "detach NAME"},
      {{"contexts", "connect", "--master", "unix:/x"},
       "contexts takes list, get NAME, watch [NAME], logs [NAME], "
       "links [NAME], connect TARGET, disconnect NAME, shutdown NAME or "
       "detach NAME"},
      {{"contexts", "list"},
       "contexts needs --master unix:PATH or $RAMET_MASTER"},
  };
  for (const auto& [arguments, why] : bad) {
    EXPECT_EQ(ParseError(arguments), why);
  }
}

TEST_F(FlagsTest, TakesTheMasterFromTheEnvironmentUnlessAFlagSaysElse) {
  setenv("RAMET_MASTER", "unix:/from-environment", 1);
  auto flags = ParseFlags({"contexts", "list"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->master, "unix:/from-environment");
  flags = ParseFlags({"contexts", "list", "--master", "unix:/from-flag"});
  ASSERT_TRUE(flags.ok());
  EXPECT_EQ(flags->master, "unix:/from-flag");
  unsetenv("RAMET_MASTER");
}

TEST_F(FlagsTest, ReadsWhatAFrontDoorNeeds) {
  const auto flags = ParseFlags(
      {"serve", "--listen", "unix:/x", "--listen=tcp:[::1]:0", "--clients", "c",
       "--tls-cert", "d", "--tls-key", "e", "--tls-client-ca", "f", "--metrics",
       "127.0.0.1:0", "--keepalive", "0s", "--grace", "1m"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->listen,
            (std::vector<std::string>{"unix:/x", "tcp:[::1]:0"}));
  EXPECT_EQ(flags->clients, "c");
  EXPECT_EQ(flags->tls_cert, "d");
  EXPECT_EQ(flags->tls_key, "e");
  EXPECT_EQ(flags->tls_client_ca, "f");
  EXPECT_EQ(flags->metrics, "127.0.0.1:0");
  EXPECT_EQ(flags->keepalive, absl::InfiniteDuration());
  EXPECT_EQ(flags->grace, absl::Minutes(1));
}

TEST_F(FlagsTest, ReadsWhatModulesNeed) {
  auto flags = ParseFlags({"module", "load", "a.rmod", "--master", "unix:/x",
                           "--target", "ssh:web*", "--signature", "s"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->arguments, (Arguments{"load", "a.rmod"}));
  EXPECT_EQ(flags->targets, "ssh:web*");
  EXPECT_EQ(flags->signature, "s");
  flags = ParseFlags({"module", "inspect", "a.rmod", "--json",
                      "--require-signature", "k1", "--require-signature=k2"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_TRUE(flags->json);
  EXPECT_EQ(flags->signers, (std::vector<std::string>{"k1", "k2"}));
  flags = ParseFlags({"serve", "--listen", "unix:/x", "--module-policy", "p",
                      "--allow-module", "a", "--allow-module", "b",
                      "--deny-module", "c", "--lock-modules", "--max-image-mib",
                      "8", "--module-idle", "10m", "--cache-mib", "17"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->module_policy, "p");
  EXPECT_EQ(flags->allow_modules, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(flags->deny_modules, (std::vector<std::string>{"c"}));
  EXPECT_TRUE(flags->lock_modules);
  EXPECT_EQ(flags->max_image_mib, 8u);
  EXPECT_EQ(flags->cache_mib, 17u);
  flags = ParseFlags({"serve", "--listen", "unix:/x", "--lock-signature", "a",
                      "--lock-signature=b", "--module-idle", "10m"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->lock_signers, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(flags->module_idle, absl::Minutes(10));
}

TEST_F(FlagsTest, RefusesWrongUsageOfModule) {
  for (const Arguments& arguments :
       {Arguments{"module"}, Arguments{"module", "inspect"},
        Arguments{"module", "list", "x", "--master", "unix:/x"},
        Arguments{"module", "nothing", "--master", "unix:/x"}}) {
    EXPECT_EQ(ParseError(arguments),
              "module takes inspect FILE.rmod, statement FILE.rmod, list, "
              "watch, load FILE.rmod or unload NAME-OR-DIGEST");
  }
  EXPECT_EQ(ParseError({"module", "unload", "x"}),
            "module unload needs --master unix:PATH or $RAMET_MASTER");
  for (const char* value : {"0", "1048577", "-1", "x"}) {
    EXPECT_EQ(
        ParseError({"serve", "--listen", "unix:/x",
                    std::string("--cache-mib=") + value}),
        std::string("--cache-mib takes 1 to 1048576, not \"") + value + "\"");
  }
  for (const char* value : {"0", "257", "-1", "x"}) {
    EXPECT_EQ(
        ParseError({"serve", "--listen", "unix:/x",
                    std::string("--max-image-mib=") + value}),
        std::string("--max-image-mib takes 1 to 256, not \"") + value + "\"");
  }
}

TEST_F(FlagsTest, HelpComesBeforeEverything) {
  for (const Arguments& arguments :
       {Arguments{"help"}, Arguments{"-h"}, Arguments{"call", "--help"}}) {
    const auto flags = ParseFlags(arguments);
    ASSERT_TRUE(flags.ok()) << flags.status();
    EXPECT_EQ(flags->command, "help");
  }
  const auto flags = ParseFlags({"version"});
  ASSERT_TRUE(flags.ok());
  EXPECT_EQ(flags->command, "version");
}

TEST_F(FlagsTest, TheUsageNamesEveryFlag) {
  const std::string usage = kUsage;
  for (const char* flag : {"--module",
                           "--cache",
                           "--platform",
                           "--cache-mib",
                           "--deadline",
                           "--stats",
                           "-q, --quiet",
                           "--master",
                           "--listen",
                           "--clients",
                           "--tls-cert",
                           "--tls-key",
                           "--tls-client-ca",
                           "--tls-ca",
                           "--keepalive",
                           "--grace",
                           "--metrics",
                           "-i, --identity",
                           "--known-hosts",
                           "--host-key-check",
                           "--ssh-transport",
                           "-F, --ssh-config",
                           "--require-signature",
                           "--module-policy",
                           "--allow-module",
                           "--deny-module",
                           "--lock-modules",
                           "--lock-signature",
                           "--max-image-mib",
                           "--module-idle",
                           "--target",
                           "--signature",
                           "--json"}) {
    EXPECT_NE(usage.find(flag), std::string::npos) << flag;
  }
}

}  // namespace
}  // namespace ramet::cli
