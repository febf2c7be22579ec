#include "server/client_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ramet::server {
namespace {

using ::testing::HasSubstr;

constexpr char kFile[] = R"(
  client {
    name: "deploy"
    certificate: "uri:spiffe://prod/deploy"
    certificate: "cn:deploy"
    allow { target: "ssh:web*" method: "demo.v1.Greeter/*" }
    allow { target: "ssh:db1" admin: "ramet.v1.Contexts/Get" }
    allow { admin: "grpc.reflection.*/*" }
  }
  client {
    name: "local user"
    uid: 1001
    allow { target: "local:" method: "**" }
  }
)";

ClientPolicy Good(const std::string& text) {
  auto policy = ClientPolicy::Parse(text, "test");
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

Caller Somebody(std::string identity) {
  Caller caller;
  caller.identities.push_back(std::move(identity));
  return caller;
}

TEST(ClientPolicyTest, WithoutAFileOnlyTheOwnerMay) {
  const ClientPolicy policy;
  Caller owner;
  owner.owner = true;
  EXPECT_TRUE(policy.AllowsCall(owner, "a.B/C", "ssh:x"));
  EXPECT_TRUE(policy.AllowsAdmin(owner, "ramet.v1.Contexts/List"));
  EXPECT_FALSE(policy.AllowsCall(Somebody("cn:x"), "a.B/C", "ssh:x"));
  EXPECT_FALSE(policy.AllowsCall(Caller(), "a.B/C", "ssh:x"));
  EXPECT_FALSE(policy.AllowsAdmin(Caller(), "ramet.v1.Contexts/List"));
}

TEST(ClientPolicyTest, ARuleMustMatchMethodAndTarget) {
  const ClientPolicy policy = Good(kFile);
  for (const char* who : {"uri:spiffe://prod/deploy", "cn:deploy"}) {
    const Caller caller = Somebody(who);
    EXPECT_TRUE(policy.AllowsCall(caller, "demo.v1.Greeter/Hi", "ssh:web1"));
    EXPECT_FALSE(policy.AllowsCall(caller, "demo.v1.Other/Hi", "ssh:web1"));
    EXPECT_FALSE(policy.AllowsCall(caller, "demo.v1.Greeter/Hi", "ssh:db1"));
    EXPECT_FALSE(
        policy.AllowsCall(caller, "demo.v1.Greeter/Hi", "ssh:web1/local:"));
  }
  EXPECT_FALSE(policy.AllowsCall(Somebody("dns:deploy"), "demo.v1.Greeter/Hi",
                                 "ssh:web1"));
}

TEST(ClientPolicyTest, AMethodIsNoAdminMethodAndTheOtherWayRound) {
  const ClientPolicy policy = Good(kFile);
  const Caller deploy = Somebody("cn:deploy");
  EXPECT_TRUE(policy.AllowsAdmin(deploy, "ramet.v1.Contexts/Get", "ssh:db1"));
  EXPECT_FALSE(policy.AllowsAdmin(deploy, "ramet.v1.Contexts/Get", "ssh:web1"));
  EXPECT_FALSE(policy.AllowsCall(deploy, "ramet.v1.Contexts/Get", "ssh:db1"));
  EXPECT_TRUE(policy.AllowsAdmin(deploy, "ramet.v1.Contexts/Get"))
      << "of some context";
  EXPECT_TRUE(policy.AllowsAdmin(
      deploy, "grpc.reflection.v1.ServerReflection/ServerReflectionInfo"));
  const Caller user = Somebody("uid:1001");
  EXPECT_TRUE(policy.AllowsCall(user, "any.Thing/AtAll", "local:"));
  EXPECT_FALSE(policy.AllowsAdmin(user, "ramet.v1.Contexts/List"))
      << "method: \"**\" is about bundles";
  EXPECT_EQ(policy.uids(), std::vector<uint32_t>{1001});
}

struct Bad {
  const char* text;
  const char* why;
};

TEST(ClientPolicyTest, SaysWhatIsWrongWithAFile) {
  const Bad bads[] = {
      {"client {\n  nam: \"x\"\n}", "line 2, column 6: "},
      {"client {", "line 1"},
      {"client { uid: 1 }", "without a name"},
      {"client { name: \"x\" }", "neither certificate nor uid"},
      {"client { name: \"x\" certificate: \"deploy\" }",
       "must begin with dns:"},
      {"client { name: \"x\" certificate: \"cn:\" }", "must begin with dns:"},
      {"client { name: \"x\" uid: 1 allow { target: \"a\" } }",
       "neither method nor admin"},
      {"client { name: \"x\" uid: 1 allow { method: \"a/b\" } }", "no target"},
      {"client { name: \"x\" uid: 1 allow { target: \"a\" method: \"*\" } }",
       "SERVICE/METHOD"},
      {"client { name: \"x\" uid: 1 allow { target: \"a\" method: \"/a/b\" } }",
       "slash"},
      {"client { name: \"x\" uid: 1 }\nclient { name: \"y\" uid: 1 }",
       "\"y\": uid:1 stands in more than one place"},
  };
  for (const Bad& bad : bads) {
    const auto policy = ClientPolicy::Parse(bad.text, "FILE");
    ASSERT_FALSE(policy.ok()) << bad.text;
    EXPECT_EQ(policy.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(policy.status().message()), HasSubstr(bad.why));
    EXPECT_THAT(std::string(policy.status().message()),
                HasSubstr("clients file FILE: "));
  }
}

TEST(ClientPolicyTest, AFileThatIsNotThereIsNotFound) {
  EXPECT_EQ(ClientPolicy::LoadFile("/nonexistent/clients").status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace ramet::server
