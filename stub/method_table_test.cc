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
  ASSERT_TRUE(table.Add(&service));
  const MethodTable::Method* method = table.Find("/fake.v1.Fake/Second");
  ASSERT_NE(method, nullptr);
  EXPECT_EQ(method->service, &service);
  EXPECT_EQ(method->index, 1u);
}

TEST(MethodTableTest, RefusesASecondServiceOfTheSameName) {
  FakeService first;
  FakeService second;
  MethodTable table;
  EXPECT_TRUE(table.Add(&first));
  EXPECT_FALSE(table.Add(&second));
}

TEST(MethodTableTest, UnknownPathsSayWhatThereIs) {
  FakeService service;
  MethodTable table;
  table.Add(&service);
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
