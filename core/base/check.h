#ifndef CORE_BASE_CHECK_H_
#define CORE_BASE_CHECK_H_

namespace ramet::core {

// Writes "file:line: check failed: text" to standard error and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* text);

}  // namespace ramet::core

// For our own broken invariants only; a peer's fault closes its link, a
// caller's fault is a Status.
#define RAMET_CHECK(condition)        \
  (__builtin_expect(!!(condition), 1) \
       ? (void)0                      \
       : ::ramet::core::CheckFailed(__FILE__, __LINE__, #condition))

#endif  // CORE_BASE_CHECK_H_
