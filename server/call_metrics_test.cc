#include "server/call_metrics.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "core/testing/fake_clock.h"

namespace ramet::server {
namespace {

class CallMetricsTest : public testing::Test {
 protected:
  CallMetrics::Figures Of(const std::string& method) {
    for (const auto& figures : metrics_.Collect()) {
      if (figures.method == method) return figures;
    }
    ADD_FAILURE() << "no figures of " << method;
    return {};
  }

  core::FakeClock clock_;
  CallMetrics metrics_{&clock_};
};

TEST_F(CallMetricsTest, CountsCodesAndTimes) {
  const auto quick = metrics_.OnCallStart("/a.B/C");
  const auto slow = metrics_.OnCallStart("/a.B/C");
  EXPECT_EQ(Of("a.B/C").in_flight, 2u);
  clock_.Advance(100);
  metrics_.OnCallEnd(quick, absl::StatusCode::kOk);
  clock_.Advance(100'000'000);
  metrics_.OnCallEnd(slow, absl::StatusCode::kUnavailable);
  const auto figures = Of("a.B/C");
  EXPECT_EQ(figures.in_flight, 0u);
  EXPECT_EQ(figures.by_code[0], 1u);
  EXPECT_EQ(figures.by_code[14], 1u);
  EXPECT_EQ(figures.by_bucket[1], 1u) << "100 us is in the bucket up to 100";
  EXPECT_EQ(figures.by_bucket.back(), 1u);
  EXPECT_EQ(figures.total_us, 100u + 100'000'100u);
}

TEST_F(CallMetricsTest, MethodsAreBounded) {
  for (size_t i = 0; i < 3 * CallMetrics::kMaxMethods; ++i) {
    metrics_.OnCallEnd(metrics_.OnCallStart("/a.B/" + std::to_string(i)),
                       absl::StatusCode::kUnimplemented);
  }
  metrics_.OnCallEnd(metrics_.OnCallStart(std::string(100'000, 'x')),
                     absl::StatusCode::kUnimplemented);
  EXPECT_LE(metrics_.Collect().size(), CallMetrics::kMaxMethods + 1);
  EXPECT_EQ(Of("other").by_code[12], 2 * CallMetrics::kMaxMethods + 1);
}

TEST_F(CallMetricsTest, ACodeThatGrpcLacksIsUnknown) {
  metrics_.OnCallEnd(metrics_.OnCallStart("/a.B/C"),
                     static_cast<absl::StatusCode>(99));
  EXPECT_EQ(Of("a.B/C").by_code[2], 1u);
}

TEST_F(CallMetricsTest, ThreadsCountTogether) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int j = 0; j < 10'000; ++j) {
        metrics_.OnCallEnd(metrics_.OnCallStart("/a.B/C"),
                           absl::StatusCode::kOk);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Of("a.B/C").by_code[0], 40'000u);
  EXPECT_EQ(Of("a.B/C").in_flight, 0u);
}

}  // namespace
}  // namespace ramet::server
