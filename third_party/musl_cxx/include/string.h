#include_next <string.h>

// By the name strerror_r, Debian's libraries mean GNU's, which returns the text
// (support/strerror.c). Code that is compiled with this means POSIX's.
#ifndef RAMET_MUSL_CXX_STRING_H_
#define RAMET_MUSL_CXX_STRING_H_

#if defined(_POSIX_SOURCE) || defined(_POSIX_C_SOURCE) || \
    defined(_XOPEN_SOURCE) || defined(_GNU_SOURCE) || defined(_BSD_SOURCE)
#ifdef __cplusplus
extern "C" {
#endif
int strerror_r(int, char*, size_t) __asm__("__xpg_strerror_r");
#ifdef __cplusplus
}
#endif
#endif

#endif  // RAMET_MUSL_CXX_STRING_H_
