#include "server/ssh/identity_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "server/ssh/key_candidates.h"
#include "server/ssh/known_hosts.h"
#include "server/ssh/testing/temp_dir.h"

namespace ramet::server {
namespace {

using testing::ReadFile;
using testing::RunProgram;
using testing::TempDir;

class IdentityFileTest : public ::testing::Test {
 protected:
  std::string Make(const std::string& name, const std::string& type,
                   const std::string& passphrase = "",
                   const std::string& format = "RFC4716") {
    std::vector<std::string> argv = {
        "ssh-keygen", "-q", "-t", type,   "-N", passphrase,
        "-C",         name, "-m", format, "-f", dir_.File(name)};
    // Nobody is kept out by these; large ones take seconds to find.
    if (type == "rsa") argv.insert(argv.end(), {"-b", "1024"});
    RunProgram(argv);
    return dir_.File(name);
  }

  SshConfig Config(const std::vector<std::string>& files, size_t given) {
    SshConfig config;
    config.identity_files = files;
    config.given_identities = given;
    return config;
  }

  TempDir dir_;
};

TEST_F(IdentityFileTest, ReadsKeysOfEachFormat) {
  for (const char* type : {"ed25519", "ecdsa", "rsa"}) {
    for (const char* format : {"RFC4716", "PEM"}) {
      for (const char* passphrase : {"", "secret"}) {
        const std::string name =
            std::string(type) + format + (*passphrase ? "locked" : "");
        const std::string path = Make(name, type, passphrase, format);
        IdentityFile file;
        const core::Status status = ReadIdentityFile(path, &file);
        ASSERT_TRUE(status.ok()) << status.message();
        std::string expected;
        ASSERT_TRUE(ParsePublicKey(ReadFile(path + ".pub"), &expected));
        EXPECT_EQ(file.public_key, expected) << name;
        EXPECT_EQ(file.type, KeyType(expected)) << name;
        EXPECT_EQ(file.encrypted, *passphrase != '\0') << name;
        EXPECT_NE(file.private_text, "") << name;
        EXPECT_FALSE(file.has_certificate) << name;
      }
    }
  }
}

TEST_F(IdentityFileTest, NeedsNoPublicFileForOpensshsFormat) {
  const std::string path = Make("key", "ed25519", "secret");
  ASSERT_EQ(unlink((path + ".pub").c_str()), 0);
  IdentityFile file;
  ASSERT_TRUE(ReadIdentityFile(path, &file).ok());
  EXPECT_EQ(file.type, "ssh-ed25519");
}

TEST_F(IdentityFileTest, ReadsAPublicKeyWhoseOtherHalfAnAgentMayHave) {
  IdentityFile file;
  ASSERT_TRUE(ReadIdentityFile(Make("key", "ed25519") + ".pub", &file).ok());
  EXPECT_EQ(file.private_text, "");
  EXPECT_EQ(file.type, "ssh-ed25519");
}

TEST_F(IdentityFileTest, SaysWhatIsWrongWithAFile) {
  IdentityFile file;
  EXPECT_EQ(ReadIdentityFile(dir_.File("none"), &file).code(),
            core::Code::kNotFound);
  EXPECT_EQ(ReadIdentityFile(dir_.path(), &file).code(),
            core::Code::kFailedPrecondition);
  EXPECT_EQ(ReadIdentityFile(dir_.Write("text", "hello"), &file).code(),
            core::Code::kFailedPrecondition);
  const std::string open = Make("open", "ed25519");
  chmod(open.c_str(), 0640);
  EXPECT_NE(ReadIdentityFile(open, &file).message().find("others may read"),
            std::string::npos);
}

TEST(ParseIdentityTest, RefusesWhatIsCutOff) {
  TempDir dir;
  RunProgram(
      {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", dir.File("key")});
  const std::string text = ReadFile(dir.File("key"));
  for (size_t size = 0; size + 2 < text.size(); ++size) {
    IdentityFile file;
    EXPECT_FALSE(ParseIdentity(text.substr(0, size), &file)) << size;
  }
}

TEST_F(IdentityFileTest, CandidatesComeInTheOrderOfTrying) {
  const std::string given = Make("given", "ed25519");
  const std::string other = Make("other", "ecdsa");
  std::string in_agent;
  ASSERT_TRUE(
      ParsePublicKey(ReadFile(Make("agent", "ed25519") + ".pub"), &in_agent));
  const KeyCandidates candidates = CollectKeys(
      Config({given, other}, 1), {{in_agent, "of agent"}}, "OpenSSH_9.2");
  ASSERT_EQ(candidates.keys.size(), 3u);
  EXPECT_EQ(candidates.keys[0].file.path, given);
  EXPECT_TRUE(candidates.keys[1].in_agent);
  EXPECT_EQ(candidates.keys[2].file.path, other);
  EXPECT_EQ(candidates.unserved, "");
}

TEST_F(IdentityFileTest, IdentitiesOnlyLeavesOutOtherKeysOfTheAgent) {
  const std::string path = Make("named", "ed25519", "secret");
  std::string named;
  std::string stranger;
  ASSERT_TRUE(ParsePublicKey(ReadFile(path + ".pub"), &named));
  ASSERT_TRUE(ParsePublicKey(ReadFile(Make("stranger", "ed25519") + ".pub"),
                             &stranger));
  SshConfig config = Config({path}, 0);
  config.identities_only = true;
  const KeyCandidates candidates =
      CollectKeys(config, {{stranger, "s"}, {named, "n"}}, "");
  ASSERT_EQ(candidates.keys.size(), 1u);
  EXPECT_TRUE(candidates.keys[0].in_agent) << "its file is encrypted";
  EXPECT_EQ(candidates.keys[0].file.public_key, named);
}

TEST_F(IdentityFileTest, LeavesRsaKeysToServersThatTakeSha1) {
  const SshConfig config = Config({Make("rsa", "rsa")}, 1);
  EXPECT_EQ(CollectKeys(config, {}, "SSH-2.0-OpenSSH_9.2p1").keys.size(), 0u);
  EXPECT_EQ(CollectKeys(config, {}, "SSH-2.0-OpenSSH_8.7").keys.size(), 1u);
  EXPECT_EQ(CollectKeys(config, {}, "SSH-2.0-dropbear").keys.size(), 1u);
  EXPECT_EQ(CollectKeys(config, {}, "").unserved, "rsa-sha2 signatures");
}

TEST_F(IdentityFileTest, SaysThatCertificatesAreNotServed) {
  const std::string path = Make("key", "ed25519");
  RunProgram({"ssh-keygen", "-q", "-s", Make("ca", "ed25519"), "-I", "x", "-n",
              "me", path + ".pub"});
  const KeyCandidates candidates = CollectKeys(Config({path}, 1), {}, "");
  EXPECT_EQ(candidates.keys.size(), 1u);
  EXPECT_EQ(candidates.unserved, "certificates");
}

}  // namespace
}  // namespace ramet::server
