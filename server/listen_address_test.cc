#include "server/listen_address.h"

#include <gtest/gtest.h>

namespace ramet::server {
namespace {

TEST(ListenAddressTest, ReadsWhatItWrites) {
  for (const char* text :
       {"unix:/run/ramet.sock", "unix:relative", "tcp:127.0.0.1:8443",
        "tcp:localhost:0", "tcp:[::1]:65535", "tcp:0.0.0.0:1"}) {
    const auto address = ParseListenAddress(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->ToString(), text);
  }
  EXPECT_EQ(ParseListenAddress("tcp:[::1]:7")->host, "::1");
}

TEST(ListenAddressTest, RefusesEverythingElse) {
  for (const char* text :
       {"", "unix:", "/run/x", "tcp:", "tcp:host", "tcp:host:", "tcp::80",
        "tcp:host:65536", "tcp:host:-1", "tcp:host:+1", "tcp:host: 1",
        "tcp:host:8x", "tcp:::1:80", "tcp:[::1:80", "tcp:[]:80", "udp:h:1"}) {
    EXPECT_EQ(ParseListenAddress(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace ramet::server
