// musl's types, as large as glibc's where an object of Debian's C++ libraries
// has one within (std::filebuf, protobuf's mutexes). musl is content with more
// room than it uses. No guard: whoever includes this says which types it wants.

#if defined(__aarch64__) && defined(__NEED_pthread_mutex_t) && \
    !defined(__DEFINED_pthread_mutex_t)
typedef struct {
  union {
    int __i[12];
    volatile int __vi[12];
    volatile void* volatile __p[6];
  } __u;
} pthread_mutex_t;
#define __DEFINED_pthread_mutex_t
#endif

#include_next <bits/alltypes.h>
