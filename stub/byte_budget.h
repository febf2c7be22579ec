#ifndef STUB_BYTE_BUDGET_H_
#define STUB_BYTE_BUDGET_H_

#include <stddef.h>

#include <atomic>

namespace ramet::stub {

// Memory that callers make a module keep, counted against a limit. Callers that
// are not above the module's context have a smaller part of it, so that none of
// them can keep the others out.
//
// Threads: any.
class ByteBudget {
 public:
  ByteBudget(size_t limit_bytes, size_t foreign_limit_bytes)
      : limit_bytes_(limit_bytes), foreign_limit_bytes_(foreign_limit_bytes) {}

  // False, and nothing is taken: there is no room.
  bool Take(size_t bytes, bool foreign) {
    const size_t all = all_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    if (!foreign) {
      if (all <= limit_bytes_) return true;
    } else {
      const size_t theirs =
          foreign_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
      if (all <= limit_bytes_ && theirs <= foreign_limit_bytes_) return true;
      foreign_.fetch_sub(bytes, std::memory_order_relaxed);
    }
    all_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  void GiveBack(size_t bytes, bool foreign) {
    all_.fetch_sub(bytes, std::memory_order_relaxed);
    if (foreign) foreign_.fetch_sub(bytes, std::memory_order_relaxed);
  }

  size_t taken_bytes() const { return all_.load(std::memory_order_relaxed); }

 private:
  const size_t limit_bytes_;
  const size_t foreign_limit_bytes_;
  std::atomic<size_t> all_{0};
  std::atomic<size_t> foreign_{0};
};

}  // namespace ramet::stub

#endif  // STUB_BYTE_BUDGET_H_
