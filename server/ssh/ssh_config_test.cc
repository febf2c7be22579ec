#include "server/ssh/ssh_config.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <string>

#include "core/wire/control.h"
#include "server/ssh/ssh_config_query.h"

namespace ramet::server {
namespace {

using core::SshOptions;

LocalUser Me() {
  LocalUser user;
  user.name = "me";
  user.home = "/home/me";
  user.agent_socket = "/run/agent";
  return user;
}

parent::OpenRequest Request() {
  parent::OpenRequest request;
  request.hop.host = "web";
  return request;
}

SshConfig Apply(const std::string& output,
                const parent::OpenRequest& request = Request()) {
  SshConfig config = DefaultSshConfig(request, Me());
  EXPECT_TRUE(ApplySshG(output, request, Me(), &config).ok());
  return config;
}

TEST(DefaultSshConfigTest, IsWhatOpensshHasWithoutFiles) {
  const SshConfig config = DefaultSshConfig(Request(), Me());
  EXPECT_EQ(config.hostname, "web");
  EXPECT_EQ(config.port, 22);
  EXPECT_EQ(config.user, "me");
  EXPECT_EQ(config.identity_agent, "/run/agent");
  EXPECT_EQ(config.identity_files[0], "/home/me/.ssh/id_ed25519");
  EXPECT_EQ(config.user_known_hosts[0], "/home/me/.ssh/known_hosts");
}

TEST(DefaultSshConfigTest, TakesTheCommandLine) {
  parent::OpenRequest request = Request();
  request.hop.user = "deploy";
  request.hop.port = 2222;
  request.ssh.identity_files = {"key"};
  request.ssh.known_hosts = "known";
  request.ssh.host_key_check = SshOptions::kOff;
  const SshConfig config = DefaultSshConfig(request, Me());
  EXPECT_EQ(config.user, "deploy");
  EXPECT_EQ(config.port, 2222);
  EXPECT_EQ(config.identity_files, std::vector<std::string>{"key"});
  EXPECT_EQ(config.given_identities, 1u);
  EXPECT_EQ(config.user_known_hosts, std::vector<std::string>{"known"});
  EXPECT_EQ(config.host_key_check, SshOptions::kOff);
}

TEST(ApplySshGTest, TakesWhatSshPrints) {
  const SshConfig config = Apply(
      "host web\nuser deploy\nhostname 10.0.0.1\nport 2222\n"
      "addressfamily inet6\nconnecttimeout 7\nidentitiesonly yes\n"
      "hostkeyalias the-web\nhashknownhosts yes\nbatchmode yes\n"
      "numberofpasswordprompts 1\npubkeyauthentication false\n"
      "kbdinteractiveauthentication no\npasswordauthentication no\n"
      "ciphers chacha20-poly1305@openssh.com,aes128-ctr\n"
      "somethingnew yes\n");
  EXPECT_EQ(config.user, "deploy");
  EXPECT_EQ(config.hostname, "10.0.0.1");
  EXPECT_EQ(config.port, 2222);
  EXPECT_EQ(config.address_family, AF_INET6);
  EXPECT_EQ(config.connect_timeout_s, 7);
  EXPECT_TRUE(config.identities_only);
  EXPECT_EQ(config.host_key_alias, "the-web");
  EXPECT_TRUE(config.hash_known_hosts);
  EXPECT_TRUE(config.batch_mode);
  EXPECT_EQ(config.password_prompts, 1);
  EXPECT_FALSE(config.publickey);
  EXPECT_FALSE(config.keyboard_interactive);
  EXPECT_FALSE(config.password);
  EXPECT_EQ(config.ciphers.size(), 2u);
  EXPECT_EQ(config.unserved_keyword, "");
}

TEST(ApplySshGTest, ExpandsTildeAndTokens) {
  const SshConfig config = Apply(
      "hostname 10.0.0.1\nport 2222\nuser deploy\nidentityfile ~/.ssh/%r@%h\n"
      "identityfile %d/%n-%p-%u-%%-%Z\n"
      "userknownhostsfile ~/a /b/%h\nidentityagent ~/agent\n");
  EXPECT_EQ(config.identity_files,
            (std::vector<std::string>{"/home/me/.ssh/deploy@10.0.0.1",
                                      "/home/me/web-2222-me-%-%Z"}));
  EXPECT_EQ(config.user_known_hosts,
            (std::vector<std::string>{"/home/me/a", "/b/10.0.0.1"}));
  EXPECT_EQ(config.identity_agent, "/home/me/agent");
}

TEST(ApplySshGTest, KnowsTheWaysToNameAnAgent) {
  setenv("RAMET_TEST_AGENT", "/from/variable", 1);
  EXPECT_EQ(Apply("identityagent none\n").identity_agent, "");
  EXPECT_EQ(Apply("identityagent SSH_AUTH_SOCK\n").identity_agent,
            "/run/agent");
  EXPECT_EQ(Apply("identityagent $RAMET_TEST_AGENT\n").identity_agent,
            "/from/variable");
  EXPECT_EQ(Apply("identityagent ${RAMET_TEST_AGENT}\n").identity_agent,
            "/from/variable");
}

TEST(ApplySshGTest, ConfigurationDecidesWhereTheCommandLineLeftTheDefault) {
  EXPECT_EQ(Apply("stricthostkeychecking ask\n").host_key_check,
            SshOptions::kStrict);
  EXPECT_EQ(Apply("stricthostkeychecking accept-new\n").host_key_check,
            SshOptions::kAcceptNew);
  EXPECT_EQ(Apply("stricthostkeychecking false\n").host_key_check,
            SshOptions::kOff);
  parent::OpenRequest request = Request();
  request.ssh.host_key_check = SshOptions::kAcceptNew;
  EXPECT_EQ(Apply("stricthostkeychecking false\n", request).host_key_check,
            SshOptions::kAcceptNew);
}

TEST(ApplySshGTest, PutsTheCommandLinesKeysFirst) {
  parent::OpenRequest request = Request();
  request.ssh.identity_files = {"/mine"};
  const SshConfig config = Apply(
      "identityfile /theirs\nidentityfile /mine\nidentityfile none\n", request);
  EXPECT_EQ(config.identity_files,
            (std::vector<std::string>{"/mine", "/theirs"}));
}

TEST(ApplySshGTest, NamesTheFirstKeywordThatLibssh2DoesNotServe) {
  EXPECT_EQ(Apply("proxyjump bastion\n").unserved_keyword, "ProxyJump");
  EXPECT_EQ(Apply("proxycommand nc %h %p\n").unserved_keyword, "ProxyCommand");
  EXPECT_EQ(Apply("certificatefile ~/x\n").unserved_keyword, "CertificateFile");
  EXPECT_EQ(Apply("proxyjump none\nproxycommand none\n").unserved_keyword, "");
}

TEST(ApplySshGTest, RefusesNumbersThatAreNone) {
  for (const char* output :
       {"port x\n", "port 0\n", "port 65536\n", "connecttimeout soon\n"}) {
    SshConfig config = DefaultSshConfig(Request(), Me());
    EXPECT_FALSE(ApplySshG(output, Request(), Me(), &config).ok()) << output;
  }
}

TEST(SshConfigQueryTest, AsksSshWithExactlyTheseArguments) {
  parent::OpenRequest request = Request();
  EXPECT_EQ(SshConfigQuery::Argv("ssh", request),
            (std::vector<std::string>{"ssh", "-G", "-T", "--", "web"}));
  request.hop.user = "deploy";
  request.hop.port = 2222;
  request.ssh.config_file = "config";
  request.ssh.identity_files = {"a", "b"};
  EXPECT_EQ(SshConfigQuery::Argv("ssh", request),
            (std::vector<std::string>{"ssh", "-G", "-T", "-F", "config", "-i",
                                      "a", "-i", "b", "-l", "deploy", "-p",
                                      "2222", "--", "web"}));
}

}  // namespace
}  // namespace ramet::server
