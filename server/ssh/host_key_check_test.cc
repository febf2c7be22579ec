#include "server/ssh/host_key_check.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "core/wire/control.h"
#include "server/ssh/ssh_wire.h"
#include "server/ssh/testing/temp_dir.h"

namespace ramet::server {
namespace {

using core::SshOptions;
using testing::ReadFile;
using testing::TempDir;

std::string Key(const std::string& type, const std::string& body = "key") {
  std::string key;
  AppendSshString(type, &key);
  AppendSshString(body, &key);
  return key;
}

class HostKeyCheckTest : public ::testing::Test {
 protected:
  SshConfig Config(const std::string& known) {
    SshConfig config;
    config.hostname = "Web1";
    config.port = 2222;
    config.user_known_hosts = {dir_.Write("known", known)};
    return config;
  }
  static std::string Line(const std::string& key,
                          const std::string& hosts = "[web1]:2222") {
    return hosts + " " + KeyType(key) + " " + absl::Base64Escape(key) + "\n";
  }

  TempDir dir_;
};

TEST_F(HostKeyCheckTest, AsksForTheKnownTypesFirst) {
  const HostKeyCheck check(Config(Line(Key("ssh-rsa")) +
                                  Line(Key("ecdsa-sha2-nistp521")) +
                                  Line(Key("ecdsa-sha2-nistp384"))));
  const std::vector<std::string> types = check.PreferredTypes();
  ASSERT_GE(types.size(), 3u);
  EXPECT_EQ(types[0], "ecdsa-sha2-nistp521");
  EXPECT_EQ(types[1], "ecdsa-sha2-nistp384");
  EXPECT_EQ(types[2], "ssh-ed25519");
  EXPECT_EQ(check.Unserved(), "");
}

TEST_F(HostKeyCheckTest, KeepsTheConfigurationsOrderForAnUnknownHost) {
  SshConfig config = Config("");
  config.host_key_algorithms = {"rsa-sha2-512", "ecdsa-sha2-nistp256",
                                "ssh-ed25519"};
  EXPECT_EQ(HostKeyCheck(config).PreferredTypes(),
            (std::vector<std::string>{"ecdsa-sha2-nistp256", "ssh-ed25519"}));
}

TEST_F(HostKeyCheckTest, LeavesHostsKnownByOtherTypesToTheSshBinary) {
  EXPECT_NE(HostKeyCheck(Config(Line(Key("ssh-rsa")))).Unserved(), "");
  EXPECT_NE(
      HostKeyCheck(Config("@cert-authority " + Line(Key("ssh-ed25519"), "*")))
          .Unserved(),
      "");
  EXPECT_EQ(
      HostKeyCheck(Config("@cert-authority " + Line(Key("ssh-ed25519"), "*") +
                          Line(Key("ssh-ed25519"))))
          .Unserved(),
      "");
}

TEST_F(HostKeyCheckTest, ChecksTheAliasInsteadOfTheName) {
  const std::string key = Key("ssh-ed25519");
  SshConfig config = Config(Line(key, "the-web"));
  EXPECT_FALSE(HostKeyCheck(config).Check(key).ok());
  config.host_key_alias = "the-web";
  EXPECT_TRUE(HostKeyCheck(config).Check(key).ok());
}

TEST_F(HostKeyCheckTest, TellsAChangedKeyFromAnUnknownOne) {
  const HostKeyCheck check(Config(Line(Key("ssh-ed25519"))));
  const core::Status changed = check.Check(Key("ssh-ed25519", "other"));
  EXPECT_EQ(changed.code(), core::Code::kFailedPrecondition);
  EXPECT_NE(changed.message().find("has changed"), std::string::npos);
  EXPECT_NE(changed.message().find("/known:1"), std::string::npos);
  const core::Status unknown =
      HostKeyCheck(Config("")).Check(Key("ssh-ed25519"));
  EXPECT_EQ(unknown.code(), core::Code::kFailedPrecondition);
  EXPECT_NE(unknown.message().find("is unknown"), std::string::npos);
  EXPECT_NE(unknown.message().find("SHA256:"), std::string::npos);
}

TEST_F(HostKeyCheckTest, RefusesARevokedKeyInEveryModeButOff) {
  const std::string key = Key("ssh-ed25519");
  SshConfig config = Config(Line(key) + "@revoked " + Line(key, "*"));
  for (uint32_t mode : {SshOptions::kStrict, SshOptions::kAcceptNew}) {
    config.host_key_check = mode;
    EXPECT_NE(HostKeyCheck(config).Check(key).message().find("is revoked"),
              std::string::npos);
  }
  config.host_key_check = SshOptions::kOff;
  EXPECT_TRUE(HostKeyCheck(config).Check(key).ok());
}

TEST_F(HostKeyCheckTest, AcceptNewAddsAnUnknownKeyOnly) {
  const std::string key = Key("ssh-ed25519");
  SshConfig config = Config("");
  config.host_key_check = SshOptions::kAcceptNew;
  EXPECT_TRUE(HostKeyCheck(config).Check(key).ok());
  EXPECT_EQ(ReadFile(config.user_known_hosts[0]), Line(key));
  EXPECT_TRUE(HostKeyCheck(config).Check(key).ok());
  // A key of another type is no new host either.
  EXPECT_FALSE(HostKeyCheck(config).Check(Key("ecdsa-sha2-nistp256")).ok());
  EXPECT_EQ(ReadFile(config.user_known_hosts[0]), Line(key));
}

TEST_F(HostKeyCheckTest, LooksIntoGlobalFilesToo) {
  const std::string key = Key("ssh-ed25519");
  SshConfig config = Config("");
  config.global_known_hosts = {dir_.Write("global", Line(key))};
  EXPECT_TRUE(HostKeyCheck(config).Check(key).ok());
}

}  // namespace
}  // namespace ramet::server
