#include "agent/libc/vdso.h"

#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <time.h>

namespace ramet::agent {
namespace {

TEST(VdsoTest, ThereIsNoClockWithoutAnImage) {
  const Elf64_auxv_t auxiliary[] = {{AT_PAGESZ, {4096}}, {AT_NULL, {0}}};
  vdso_clock = nullptr;
  FindVdsoClock(auxiliary);
  EXPECT_EQ(vdso_clock, nullptr);
}

TEST(VdsoTest, TheKernelsClockGoesAsTheSystemCall) {
  const unsigned long image = getauxval(AT_SYSINFO_EHDR);
  if (image == 0) GTEST_SKIP() << "this kernel maps none";
  const Elf64_auxv_t auxiliary[] = {
      {AT_PAGESZ, {4096}}, {AT_SYSINFO_EHDR, {image}}, {AT_NULL, {0}}};
  FindVdsoClock(auxiliary);
  ASSERT_NE(vdso_clock, nullptr);
  const auto to_ns = [](const timespec& time) {
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
  };
  timespec before;
  timespec now;
  timespec after;
  ASSERT_EQ(clock_gettime(CLOCK_MONOTONIC, &before), 0);
  ASSERT_EQ(vdso_clock(CLOCK_MONOTONIC, &now), 0);
  ASSERT_EQ(clock_gettime(CLOCK_MONOTONIC, &after), 0);
  EXPECT_LE(to_ns(before), to_ns(now));
  EXPECT_LE(to_ns(now), to_ns(after));
}

}  // namespace
}  // namespace ramet::agent
