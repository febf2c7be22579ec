#include "stub/method_table.h"

#include <gtest/gtest.h>

#include <string>

namespace ramet::stub {
namespace {

class FakeService : public Service {
 public:
  const ServiceInfo& RametInfo() const override {
    static constexpr MethodInfo kMethods[] = {{"First", Policy::kParents},
                                              {"Second", Policy::kAny}};
    static constexpr ServiceInfo kInfo = {"fake.v1.Fake", kMethods, 2};
    return kInfo;
  }
  absl::Status RametCall(size_t, const CallContext&, const std::string&,
                         std::string*) override {
    return absl::OkStatus();
  }
};

TEST(MethodTableTest, FindsMethodsByPath) {
  FakeService service;
  MethodTable table;
  ASSERT_TRUE(table.Add(&service).ok());
  const MethodTable::Method* method = table.Find("/fake.v1.Fake/Second");
  ASSERT_NE(method, nullptr);
  EXPECT_EQ(method->service, &service);
  EXPECT_EQ(method->index, 1u);
}

TEST(MethodTableTest, RefusesASecondServiceOfTheSameName) {
  FakeService first;
  FakeService second;
  MethodTable table;
  EXPECT_TRUE(table.Add(&first).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(table.Add(&second)));
}

class LimitedService : public FakeService {
 public:
  const ServiceInfo& RametInfo() const override {
    static constexpr MethodInfo kMethods[] = {
        {"Free", Policy::kParents},
        {"Serial", Policy::kAny, MethodKind::kUnary, Concurrency::kSerial}};
    static constexpr ServiceInfo kInfo = {
        "fake.v1.Limited", kMethods, 2, {0, 5, 1000}};
    return kInfo;
  }
};

TEST(MethodTableTest, MethodsHaveTheLimitsOfTheirProto) {
  LimitedService service;
  MethodTable table;
  ASSERT_TRUE(table.Add(&service).ok());
  const MethodTable::Method* free = table.Find("/fake.v1.Limited/Free");
  const MethodTable::Method* serial = table.Find("/fake.v1.Limited/Serial");
  EXPECT_FALSE(free->limited);
  EXPECT_TRUE(serial->limited);
  EXPECT_TRUE(serial->serial);
  EXPECT_EQ(free->limits, serial->limits);
  EXPECT_EQ(free->limits->max_queued_calls, 5u);
  EXPECT_EQ(free->limits->max_message_bytes, 1000u);
}

TEST(MethodTableTest, OptionsComeInPlaceOfTheProtos) {
  LimitedService service;
  MethodTable table;
  ServiceOptions options;
  options.max_concurrent_calls = 3;
  options.max_message_bytes = 2000;
  options.methods["Serial"] = Concurrency::kConcurrent;
  ASSERT_TRUE(table.Add(&service, options).ok());
  const MethodTable::Method* serial = table.Find("/fake.v1.Limited/Serial");
  EXPECT_FALSE(serial->serial);
  EXPECT_TRUE(serial->limited);
  EXPECT_EQ(serial->limits->max_concurrent_calls, 3u);
  EXPECT_EQ(serial->limits->max_queued_calls, 5u);
  EXPECT_EQ(serial->limits->max_message_bytes, 2000u);
}

TEST(MethodTableTest, RefusesOptionsOfAMethodThatIsNotThere) {
  LimitedService service;
  MethodTable table;
  ServiceOptions options;
  options.methods["Seriall"] = Concurrency::kSerial;
  EXPECT_TRUE(absl::IsInvalidArgument(table.Add(&service, options)));
  EXPECT_EQ(table.Find("/fake.v1.Limited/Serial"), nullptr);
}

TEST(MethodTableTest, UnknownPathsSayWhatThereIs) {
  FakeService service;
  MethodTable table;
  ASSERT_TRUE(table.Add(&service).ok());
  for (const char* path :
       {"", "/", "fake.v1.Fake/First", "/fake.v1.Fake", "/fake.v1.Fake/",
        "/fake.v1.Fake/First/", "/other.Service/First"}) {
    EXPECT_EQ(table.Find(path), nullptr) << path;
    EXPECT_EQ(table.Unknown(path).code(), absl::StatusCode::kUnimplemented);
  }
  EXPECT_EQ(table.Unknown("/fake.v1.Fake/Third").message(),
            "service fake.v1.Fake has no method \"Third\"");
  EXPECT_EQ(table.Unknown("/other.Service/First").message(),
            "the module does not serve \"/other.Service/First\"; it serves "
            "fake.v1.Fake");
}

}  // namespace
}  // namespace ramet::stub
