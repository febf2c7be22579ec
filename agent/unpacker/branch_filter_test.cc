#include "agent/unpacker/branch_filter.h"

#include <gtest/gtest.h>
#include <stdint.h>

#include <random>
#include <vector>

namespace ramet::unpacker {
namespace {

using Bytes = std::vector<uint8_t>;
using Filter = void (*)(uint8_t*, size_t, bool);

Bytes Encoded(Filter filter, Bytes bytes) {
  filter(bytes.data(), bytes.size(), true);
  return bytes;
}

Bytes Decoded(Filter filter, Bytes bytes) {
  filter(bytes.data(), bytes.size(), false);
  return bytes;
}

// Bytes among which what the filters look for is frequent.
Bytes Code(std::mt19937* random) {
  constexpr uint8_t kFrequent[] = {0xE8, 0xE9, 0x0F, 0x80, 0x8F, 0x00, 0xFF,
                                   0x7F, 0x94, 0x97, 0x10, 0x70, 0x90};
  Bytes bytes((*random)() % 200);
  for (uint8_t& byte : bytes) {
    byte = (*random)() % 4 == 0 ? (*random)() & 0xFF
                                : kFrequent[(*random)() % sizeof kFrequent];
  }
  return bytes;
}

TEST(X86BranchFilterTest, CallsOfOneFunctionBecomeAlike) {
  // nop; call 0x100; call 0x100
  const Bytes code = {0x90, 0xE8, 0xFA, 0, 0, 0, 0xE8, 0xF5, 0x00, 0x00, 0x00};
  // The operands begin at 2 and at 7.
  const Bytes encoded = {0x90, 0xE8, 0xFC, 0,    0,   0,
                         0xE8, 0xFC, 0x00, 0x00, 0x00};
  EXPECT_EQ(Encoded(FilterX86Branches, code), encoded);
  EXPECT_EQ(Decoded(FilterX86Branches, encoded), code);
}

TEST(X86BranchFilterTest, JumpsBackAndConditionalJumpsToo) {
  // jmp -16; jne -32; a jump of two bytes stays.
  const Bytes code = {0x90, 0xE9, 0xF0, 0xFF, 0xFF, 0xFF, 0x0F,
                      0x85, 0xE0, 0xFF, 0xFF, 0xFF, 0x75, 0x10};
  const Bytes encoded = {0x90, 0xE9, 0xF2, 0xFF, 0xFF, 0xFF, 0x0F,
                         0x85, 0xE8, 0xFF, 0xFF, 0xFF, 0x75, 0x10};
  EXPECT_EQ(Encoded(FilterX86Branches, code), encoded);
  EXPECT_EQ(Decoded(FilterX86Branches, encoded), code);
}

TEST(X86BranchFilterTest, LeavesWhatIsNoNearBranch) {
  for (const Bytes& code :
       {Bytes{0x90, 0xE8, 0x00, 0x00, 0x80, 0x00},
        Bytes{0x90, 0xE8, 0x01, 0x02, 0x03, 0x04},
        Bytes{0x90, 0x8F, 0x01, 0x00, 0x00, 0x00},
        Bytes{0x90, 0xE8, 0x01, 0x00, 0x00}, Bytes{0xE8}, Bytes{}}) {
    EXPECT_EQ(Encoded(FilterX86Branches, code), code);
    EXPECT_EQ(Decoded(FilterX86Branches, code), code);
  }
}

TEST(Arm64BranchFilterTest, CallsOfOneFunctionBecomeAlike) {
  // bl 0x100 at 4 and at 8; nop.
  const Bytes code = {0x1F, 0x20, 0x03, 0xD5, 0x3F, 0, 0, 0x94,
                      0x3E, 0,    0,    0x94, 0x1F, 0, 0};
  const Bytes encoded = {0x1F, 0x20, 0x03, 0xD5, 0x40, 0, 0, 0x94,
                         0x40, 0,    0,    0x94, 0x1F, 0, 0};
  EXPECT_EQ(Encoded(FilterArm64Branches, code), encoded);
  EXPECT_EQ(Decoded(FilterArm64Branches, encoded), code);
}

TEST(Arm64BranchFilterTest, AddressesOfOneObjectBecomeAlike) {
  // adr x0, 0x1000 at 4 and at 8; their lowest two bits are zero.
  const Bytes code = {0x1F, 0x20, 0x03, 0xD5, 0xE0, 0x7F,
                      0x00, 0x10, 0xC0, 0x7F, 0x00, 0x10};
  const Bytes encoded = {0x1F, 0x20, 0x03, 0xD5, 0x00, 0x80,
                         0x00, 0x10, 0x00, 0x80, 0x00, 0x10};
  EXPECT_EQ(Encoded(FilterArm64Branches, code), encoded);
  EXPECT_EQ(Decoded(FilterArm64Branches, encoded), code);
  // adrp stays.
  const Bytes page = {0xE0, 0x7F, 0x00, 0x90, 0xE0, 0x7F, 0x00, 0x90};
  EXPECT_EQ(Encoded(FilterArm64Branches, page), page);
}

TEST(BranchFilterTest, EachDirectionUndoesTheOtherOnAnyBytes) {
  std::mt19937 random(1);
  int changed = 0;
  for (const Filter filter : {&FilterX86Branches, &FilterArm64Branches}) {
    for (int round = 0; round < 20'000; ++round) {
      const Bytes code = Code(&random);
      const Bytes encoded = Encoded(filter, code);
      ASSERT_EQ(Decoded(filter, encoded), code);
      ASSERT_EQ(Encoded(filter, Decoded(filter, code)), code);
      changed += encoded != code ? 1 : 0;
    }
  }
  EXPECT_GT(changed, 5000);
}

}  // namespace
}  // namespace ramet::unpacker
