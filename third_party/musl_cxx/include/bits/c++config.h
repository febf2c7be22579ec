#ifndef RAMET_MUSL_CXX_CXXCONFIG_H_
#define RAMET_MUSL_CXX_CXXCONFIG_H_

#include_next <bits/c++config.h>

// Of glibc 2.30, not of musl: waits until a time of the steady clock. Without
// them libstdc++'s headers wait until the same time of the system's clock, and
// musl for as long as that is away: setting the clock changes nothing.
#undef _GLIBCXX_USE_PTHREAD_COND_CLOCKWAIT
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
#undef _GLIBCXX_USE_PTHREAD_RWLOCK_CLOCKLOCK

#endif  // RAMET_MUSL_CXX_CXXCONFIG_H_
