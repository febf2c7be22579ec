#ifndef AGENT_LIBC_VDSO_H_
#define AGENT_LIBC_VDSO_H_

#include <elf.h>
#include <time.h>

namespace ramet::agent {

// clock_gettime(2) as the kernel maps it into each process (vdso(7)), which
// saves a system call: an agent looks at the clock in each turn of its loop.
// Null before FindVdsoClock, and where there is none.
using VdsoClock = int (*)(clockid_t, timespec*);
extern VdsoClock vdso_clock;

// `image`: where the kernel has mapped it (AT_SYSINFO_EHDR); null: it hasn't.
void FindVdsoClock(const Elf64_Ehdr* image);

}  // namespace ramet::agent

#endif  // AGENT_LIBC_VDSO_H_
