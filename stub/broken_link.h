#ifndef STUB_BROKEN_LINK_H_
#define STUB_BROKEN_LINK_H_

namespace ramet::stub {

// Ends the process without destroying anything: other threads are at work.
[[noreturn]] void ExitAtOnce(int status);

// Ends it with status 1 and a line on standard error: the link brought what no
// agent sends.
[[noreturn]] __attribute__((format(printf, 1, 2))) void BrokenLink(
    const char* format, ...);

}  // namespace ramet::stub

#endif  // STUB_BROKEN_LINK_H_
