// What libstdc++'s headers want to know of the system, in place of its file for
// Linux, which asks for glibc's version.
#ifndef RAMET_MUSL_CXX_OS_DEFINES_H_
#define RAMET_MUSL_CXX_OS_DEFINES_H_

#define _GLIBCXX_OS_DEFINES 1

#include <features.h>

#define __locale_t locale_t

#undef _GLIBCXX_HAVE_GETS
#define _GLIBCXX_NO_OBSOLETE_ISINF_ISNAN_DYNAMIC 1
// Threads are always there: weak references would be null in a static program.
#define _GLIBCXX_GTHREAD_USE_WEAK 0
#define _GLIBCXX_NATIVE_THREAD_ID pthread_self()

#endif  // RAMET_MUSL_CXX_OS_DEFINES_H_
