#include "server/call_target.h"

#include <gtest/gtest.h>

namespace ramet::server {
namespace {

TEST(CallTargetTest, MetadataGoesBeforeAuthority) {
  EXPECT_EQ(*CallTarget("ssh:web1", "ssh:web2", "/a/b"), "ssh:web1");
  EXPECT_EQ(*CallTarget("", "ssh:web2", "/a/b"), "ssh:web2");
}

TEST(CallTargetTest, AnAuthorityMayBePercentEncoded) {
  EXPECT_EQ(*CallTarget("", "ssh%3Aada%40web1%2flocal%3A", "/a/b"),
            "ssh:ada@web1/local:");
}

TEST(CallTargetTest, AnAddressIsNoTarget) {
  for (const char* authority :
       {"localhost", "127.0.0.1:8443", "[::1]:8443", "master.example.org:443",
        "", "%", "%4", "ssh", "ssh:"}) {
    const auto target = CallTarget("", authority, "/a/b");
    ASSERT_FALSE(target.ok()) << authority;
    EXPECT_EQ(target.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(target.status().message().find("ramet-target"),
              absl::string_view::npos);
  }
}

TEST(CallTargetTest, BadMetadataIsAnErrorOfItsOwn) {
  EXPECT_EQ(CallTarget("web1", "ssh:web2", "/a/b").status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ramet::server
