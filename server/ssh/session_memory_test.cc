#include "server/ssh/session_memory.h"

#include <gtest/gtest.h>
#include <stdint.h>
#include <string.h>

namespace ramet::server {
namespace {

// What is not freed here shows as a leak under the address sanitizer.
TEST(SessionMemoryTest, GivesBackWhatWasNotFreed) {
  SessionMemory memory;
  void* first = memory.Allocate(10);
  void* second = memory.Allocate(20);
  memory.Allocate(30);
  memory.Free(second);
  memory.Free(first);
  memory.Free(nullptr);
}

TEST(SessionMemoryTest, KeepsBytesWhenABlockGrows) {
  SessionMemory memory;
  memory.Allocate(1);
  void* block = memory.Reallocate(nullptr, 8);
  memory.Allocate(1);
  memcpy(block, "content", 8);
  block = memory.Reallocate(block, 1 << 20);
  EXPECT_STREQ(static_cast<char*>(block), "content");
}

TEST(SessionMemoryTest, AlignsForAnyType) {
  SessionMemory memory;
  for (size_t size = 0; size < 40; ++size) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.Allocate(size)) %
                  alignof(max_align_t),
              0u);
  }
}

}  // namespace
}  // namespace ramet::server
