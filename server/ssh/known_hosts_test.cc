#include "server/ssh/known_hosts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "absl/strings/escaping.h"
#include "server/ssh/ssh_wire.h"
#include "server/ssh/testing/temp_dir.h"

namespace ramet::server {
namespace {

using Result = KnownHosts::Result;
using testing::ReadFile;
using testing::TempDir;

std::string Key(const std::string& type, const std::string& body) {
  std::string key;
  AppendSshString(type, &key);
  AppendSshString(body, &key);
  return key;
}

std::string Line(const std::string& hosts, const std::string& key) {
  return hosts + " " + KeyType(key) + " " + absl::Base64Escape(key) +
         " comment\n";
}

const std::string& Ed() {
  static const std::string key = Key("ssh-ed25519", "ours");
  return key;
}
const std::string& OtherEd() {
  static const std::string key = Key("ssh-ed25519", "other");
  return key;
}
const std::string& Rsa() {
  static const std::string key = Key("ssh-rsa", "rsa");
  return key;
}

Result Check(const std::string& text, const std::string& name,
             const std::string& key) {
  KnownHosts hosts;
  hosts.AddText("file", text);
  return hosts.Check(name, key).result;
}

TEST(KnownHostsTest, TellsKnownUnknownAndChangedKeysApart) {
  const std::string text = Line("web1", Ed());
  EXPECT_EQ(Check(text, "web1", Ed()), Result::kMatch);
  EXPECT_EQ(Check(text, "web1", OtherEd()), Result::kChanged);
  EXPECT_EQ(Check(text, "web1", Rsa()), Result::kChanged);
  EXPECT_EQ(Check(text, "web2", Ed()), Result::kUnknown);
  EXPECT_EQ(Check("", "web1", Ed()), Result::kUnknown);
}

TEST(KnownHostsTest, AcceptsAnyOfSeveralKeys) {
  const std::string text =
      Line("web1", OtherEd()) + Line("web*", Rsa()) + Line("web1", Ed());
  EXPECT_EQ(Check(text, "web1", Ed()), Result::kMatch);
}

TEST(KnownHostsTest, ARevokedKeyIsRefusedWhereverTheLineStands) {
  const std::string good = Line("web1", Ed());
  const std::string revoked = "@revoked " + Line("*", Ed());
  EXPECT_EQ(Check(good + revoked, "web1", Ed()), Result::kRevoked);
  EXPECT_EQ(Check(revoked + good, "web1", Ed()), Result::kRevoked);
  EXPECT_EQ(Check(revoked + Line("web1", OtherEd()), "web1", OtherEd()),
            Result::kMatch);
}

TEST(KnownHostsTest, AnAuthoritysKeyIsNoHostKey) {
  const std::string text = "@cert-authority " + Line("*.example.org", Ed());
  EXPECT_EQ(Check(text, "a.example.org", Ed()), Result::kUnknown);
  KnownHosts hosts;
  hosts.AddText("file", text);
  EXPECT_TRUE(hosts.HasAuthority("a.example.org"));
  EXPECT_FALSE(hosts.HasAuthority("example.org"));
}

TEST(KnownHostsTest, NamesPortsAsOpensshDoes) {
  EXPECT_EQ(KnownHosts::HostName("Web1", 22), "web1");
  EXPECT_EQ(KnownHosts::HostName("::1", 2222), "[::1]:2222");
  EXPECT_EQ(Check(Line("[web1]:2222", Ed()), "[web1]:2222", Ed()),
            Result::kMatch);
  EXPECT_EQ(Check(Line("[web1]:2222", Ed()), "web1", Ed()), Result::kUnknown);
}

TEST(KnownHostsTest, AKeyKnownWithoutThePortIsGood) {
  const std::string text = Line("web1", Ed());
  EXPECT_EQ(Check(text, "[web1]:2222", Ed()), Result::kMatch);
  EXPECT_EQ(Check(text, "[web1]:2222", OtherEd()), Result::kUnknown);
}

TEST(KnownHostsTest, SkipsWhatIsNoLine) {
  for (const char* text :
       {"# web1", "web1", "web1 ssh-ed25519", "web1 ssh-ed25519 !!!!",
        "@unknown web1 ssh-ed25519 AAAA", "web1 ssh-rsa AAAAC3NzaC1lZDI1NTE5",
        "\n\n \t\r\n", "@revoked"}) {
    EXPECT_EQ(Check(text, "web1", Ed()), Result::kUnknown) << text;
  }
  // A key whose type is not the one that the line says.
  EXPECT_EQ(Check("web1 ssh-rsa " + absl::Base64Escape(Ed()), "web1", Ed()),
            Result::kUnknown);
}

TEST(KnownHostsTest, NamesFileAndLine) {
  KnownHosts hosts;
  hosts.AddText("first", "# comment\n\n" + Line("web1", OtherEd()));
  hosts.AddText("second", Line("web2", Ed()));
  const KnownHosts::Finding finding = hosts.Check("web1", Ed());
  EXPECT_EQ(finding.result, Result::kChanged);
  EXPECT_EQ(finding.file, "first");
  EXPECT_EQ(finding.line, 3);
}

TEST(KnownHostsTest, ListsTheTypesOfAHost) {
  KnownHosts hosts;
  hosts.AddText("file", Line("web1", Rsa()) + Line("web1", Ed()) +
                            Line("web1", OtherEd()) + "@revoked " +
                            Line("web1", Key("ssh-x", "y")));
  EXPECT_EQ(hosts.KeyTypes("web1"),
            (std::vector<std::string>{"ssh-rsa", "ssh-ed25519"}));
  EXPECT_EQ(hosts.KeyTypes("[web1]:2222").size(), 2u);
  EXPECT_TRUE(hosts.KeyTypes("web2").empty());
}

TEST(KnownHostsTest, AppendsALineThatIsFoundAgain) {
  TempDir dir;
  for (bool hash : {false, true}) {
    const std::string path = dir.File(hash ? "new/hashed" : "new/plain");
    ASSERT_TRUE(KnownHosts::Append(path, "[web1]:2222", Ed(), hash).ok());
    KnownHosts hosts;
    hosts.AddFile(path);
    EXPECT_EQ(hosts.Check("[web1]:2222", Ed()).result, Result::kMatch);
    EXPECT_EQ(ReadFile(path).find("web1") == std::string::npos, hash);
    struct stat info;
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    ASSERT_EQ(stat(dir.File("new").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
  }
}

TEST(KnownHostsTest, AppendsBehindALineWithoutItsNewline) {
  TempDir dir;
  const std::string path = dir.Write("known", "# no newline");
  ASSERT_TRUE(KnownHosts::Append(path, "web1", Ed(), false).ok());
  EXPECT_EQ(ReadFile(path).substr(0, 18), "# no newline\nweb1 ");
}

TEST(KnownHostsTest, SaysWhyItCannotAppend) {
  const core::Status status =
      KnownHosts::Append("/proc/no/known_hosts", "web1", Ed(), false);
  EXPECT_EQ(status.code(), core::Code::kUnavailable);
  EXPECT_NE(status.message().find("/proc/no/known_hosts: No such file"),
            std::string::npos)
      << status.message();
}

TEST(KeyFingerprintTest, IsWhatSshKeygenPrints) {
  std::string key;
  ASSERT_TRUE(absl::Base64Unescape(
      "AAAAC3NzaC1lZDI1NTE5AAAAIDFi7nPsrSJWSCGx8x0NrmgRBei7k8BVLsEbXIcZl35+",
      &key));
  EXPECT_EQ(KeyFingerprint(key),
            "SHA256:pDnXk6bOkQjFsW2yZILPe8RIko1rfEk0P86ubPG0X+k");
  EXPECT_EQ(KeyType(key), "ssh-ed25519");
  EXPECT_EQ(KeyType("\xff\xff\xff\xffx"), "");
  EXPECT_EQ(KeyType(""), "");
}

}  // namespace
}  // namespace ramet::server
