#include "core/wire/method_name.h"

#include <gtest/gtest.h>

#include <string>

#include "core/wire/control.h"

namespace ramet::core {
namespace {

TEST(MethodNameTest, SplitsServiceAndMethod) {
  MethodName name;
  ASSERT_TRUE(ParseMethodName("/demo.v1.Greeter/SayHello", &name));
  EXPECT_EQ(name.service, "demo.v1.Greeter");
  EXPECT_EQ(name.method, "SayHello");
}

TEST(MethodNameTest, RefusesEverythingElse) {
  MethodName name;
  for (const char* path :
       {"", "/", "//", "///", "a/b", "/a", "/a/", "//b", "/a/b/", "/a/b/c",
        "/a//b", "demo.v1.Greeter/SayHello"}) {
    EXPECT_FALSE(ParseMethodName(path, &name)) << path;
  }
}

TEST(PeekMethodTest, FindsTheMethodInHeaders) {
  CallHeaders headers;
  headers.method = "/demo.v1.Greeter/SayHello";
  headers.timeout_us = 5;
  headers.metadata.push_back({"key", "value"});
  const std::string bytes = SerializeControl(headers);
  MethodName name;
  ASSERT_TRUE(PeekMethod(bytes, &name));
  EXPECT_EQ(name.service, "demo.v1.Greeter");
  EXPECT_EQ(name.method, "SayHello");
}

TEST(PeekMethodTest, NeedsNoMoreThanTheMethod) {
  CallHeaders headers;
  headers.method = "/a/" + std::string(300, 'm');
  const std::string method_only = SerializeControl(headers);
  headers.timeout_us = 1000;
  const std::string bytes = SerializeControl(headers);
  MethodName name;
  for (size_t size = 0; size <= bytes.size(); ++size) {
    EXPECT_EQ(PeekMethod(std::string_view(bytes).substr(0, size), &name),
              size >= method_only.size())
        << size;
  }
}

TEST(PeekMethodTest, RefusesHeadersThatBeginOtherwise) {
  MethodName name;
  EXPECT_FALSE(PeekMethod("", &name));
  EXPECT_FALSE(PeekMethod("\x10\x05", &name));
  EXPECT_FALSE(PeekMethod("\x0a\x04nope", &name));
  EXPECT_FALSE(PeekMethod(std::string("\x0a\0", 2), &name));
  // A length that no header has.
  EXPECT_FALSE(PeekMethod("\x0a\xff\xff\xff\xff\x0f/a/b", &name));
  EXPECT_FALSE(PeekMethod("\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80", &name));
}

}  // namespace
}  // namespace ramet::core
