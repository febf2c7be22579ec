#include "agent/libc/vdso.h"

#include <gtest/gtest.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <time.h>

#include <vector>

namespace ramet::agent {
namespace {

const Elf64_Ehdr* KernelsImage() {
  return reinterpret_cast<const Elf64_Ehdr*>(getauxval(AT_SYSINFO_EHDR));
}

TEST(VdsoTest, ThereIsNoClockWithoutAnImage) {
  vdso_clock = nullptr;
  FindVdsoClock(nullptr);
  EXPECT_EQ(vdso_clock, nullptr);
}

// The kernel's, in memory that is ours to change.
class VdsoImage {
 public:
  VdsoImage() {
    const char* const begin = reinterpret_cast<const char*>(KernelsImage());
    const auto* const header = KernelsImage();
    const auto* const first =
        reinterpret_cast<const Elf64_Phdr*>(begin + header->e_phoff);
    for (int i = 0; i < header->e_phnum; ++i) {
      if (first[i].p_type != PT_LOAD) continue;
      bytes_.assign(begin, begin + first[i].p_filesz);
    }
  }
  const Elf64_Ehdr* header() { return At<Elf64_Ehdr>(0); }
  // Its addresses, not where it is.
  void Move(uint64_t by) {
    for (int i = 0; i < header()->e_phnum; ++i) {
      segment(i)->p_vaddr += by;
      if (segment(i)->p_type != PT_DYNAMIC) continue;
      uint64_t symbols = 0;
      uint64_t names = 0;
      for (auto* entry = At<Elf64_Dyn>(segment(i)->p_offset);
           entry->d_tag != DT_NULL; ++entry) {
        uint64_t* const address = &entry->d_un.d_ptr;
        if (entry->d_tag == DT_SYMTAB) symbols = *address;
        if (entry->d_tag == DT_STRTAB) names = *address;
        if (entry->d_tag == DT_SYMTAB || entry->d_tag == DT_STRTAB) {
          *address += by;
        }
      }
      for (; symbols + sizeof(Elf64_Sym) <= names;
           symbols += sizeof(Elf64_Sym)) {
        At<Elf64_Sym>(symbols)->st_value += by;
      }
    }
  }
  void Forget(uint32_t type) {
    for (int i = 0; i < header()->e_phnum; ++i) {
      if (segment(i)->p_type == type) segment(i)->p_type = PT_NULL;
    }
  }

 private:
  template <typename T>
  T* At(uint64_t offset) {
    return reinterpret_cast<T*>(bytes_.data() + offset);
  }
  Elf64_Phdr* segment(int i) { return At<Elf64_Phdr>(header()->e_phoff) + i; }

  std::vector<char> bytes_;
};

uintptr_t ClockWithin(const Elf64_Ehdr* image) {
  vdso_clock = nullptr;
  FindVdsoClock(image);
  if (vdso_clock == nullptr) return 0;
  return reinterpret_cast<uintptr_t>(vdso_clock) -
         reinterpret_cast<uintptr_t>(image);
}

TEST(VdsoTest, WhereverTheImageWasMadeFor) {
  if (KernelsImage() == nullptr) GTEST_SKIP() << "this kernel maps none";
  const uintptr_t expected = ClockWithin(KernelsImage());
  ASSERT_NE(expected, 0u);
  // The latter as Linux 2.6 to 3.15 had it on x86_64.
  for (const uint64_t address :
       {uint64_t{0}, uint64_t{1} << 20, 0xffff'ffff'ff70'0000}) {
    VdsoImage image;
    image.Move(address);
    EXPECT_EQ(ClockWithin(image.header()), expected) << std::hex << address;
  }
}

TEST(VdsoTest, AnImageWithoutNamesHasNoClock) {
  if (KernelsImage() == nullptr) GTEST_SKIP() << "this kernel maps none";
  VdsoImage image;
  image.Forget(PT_DYNAMIC);
  EXPECT_EQ(ClockWithin(image.header()), 0u);
}

TEST(VdsoTest, TheKernelsClockGoesAsTheSystemCall) {
  if (KernelsImage() == nullptr) GTEST_SKIP() << "this kernel maps none";
  FindVdsoClock(KernelsImage());
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
