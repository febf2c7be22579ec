#ifndef AGENT_UNPACKER_SYSCALL_H_
#define AGENT_UNPACKER_SYSCALL_H_

namespace ramet::unpacker {

// System calls without a libc: syscall(2), "Architecture calling conventions".
// Below 0: the number of an error, negated. Numbers are in <sys/syscall.h>.
// Arguments are numbers and pointers, passed as wide as they are: where the
// kernel takes an int it does not look at the register's other half.
//
// nullptr has no bits to put into a register: it has to be cast.
template <typename... Arguments>
inline constexpr bool kPassable =
    !(__is_same(Arguments, decltype(nullptr)) || ...);

#if defined(__x86_64__)

#define RAMET_SYSCALL(...)                \
  long result;                            \
  asm volatile("syscall"                  \
               : "=a"(result)             \
               : __VA_ARGS__              \
               : "rcx", "r11", "memory"); \
  return result

inline long Syscall(long number) { RAMET_SYSCALL("a"(number)); }

template <typename A>
long Syscall(long number, A a) {
  static_assert(kPassable<A>);
  RAMET_SYSCALL("a"(number), "D"(a));
}

template <typename A, typename B>
long Syscall(long number, A a, B b) {
  static_assert(kPassable<A, B>);
  RAMET_SYSCALL("a"(number), "D"(a), "S"(b));
}

template <typename A, typename B, typename C>
long Syscall(long number, A a, B b, C c) {
  static_assert(kPassable<A, B, C>);
  RAMET_SYSCALL("a"(number), "D"(a), "S"(b), "d"(c));
}

template <typename A, typename B, typename C, typename D>
long Syscall(long number, A a, B b, C c, D d) {
  static_assert(kPassable<A, B, C, D>);
  register D r10 asm("r10") = d;
  RAMET_SYSCALL("a"(number), "D"(a), "S"(b), "d"(c), "r"(r10));
}

template <typename A, typename B, typename C, typename D, typename E>
long Syscall(long number, A a, B b, C c, D d, E e) {
  static_assert(kPassable<A, B, C, D, E>);
  register D r10 asm("r10") = d;
  register E r8 asm("r8") = e;
  RAMET_SYSCALL("a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8));
}

template <typename A, typename B, typename C, typename D, typename E,
          typename F>
long Syscall(long number, A a, B b, C c, D d, E e, F f) {
  static_assert(kPassable<A, B, C, D, E, F>);
  register D r10 asm("r10") = d;
  register E r8 asm("r8") = e;
  register F r9 asm("r9") = f;
  RAMET_SYSCALL("a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
                "r"(r9));
}

#elif defined(__aarch64__)

#define RAMET_SYSCALL(...)                                       \
  register long x8 asm("x8") = number;                           \
  register long result asm("x0");                                \
  asm volatile("svc 0" : "=r"(result) : __VA_ARGS__ : "memory"); \
  return result

inline long Syscall(long number) { RAMET_SYSCALL("r"(x8)); }

template <typename A>
long Syscall(long number, A a) {
  static_assert(kPassable<A>);
  register A x0 asm("x0") = a;
  RAMET_SYSCALL("r"(x8), "r"(x0));
}

template <typename A, typename B>
long Syscall(long number, A a, B b) {
  static_assert(kPassable<A, B>);
  register A x0 asm("x0") = a;
  register B x1 asm("x1") = b;
  RAMET_SYSCALL("r"(x8), "r"(x0), "r"(x1));
}

template <typename A, typename B, typename C>
long Syscall(long number, A a, B b, C c) {
  static_assert(kPassable<A, B, C>);
  register A x0 asm("x0") = a;
  register B x1 asm("x1") = b;
  register C x2 asm("x2") = c;
  RAMET_SYSCALL("r"(x8), "r"(x0), "r"(x1), "r"(x2));
}

template <typename A, typename B, typename C, typename D>
long Syscall(long number, A a, B b, C c, D d) {
  static_assert(kPassable<A, B, C, D>);
  register A x0 asm("x0") = a;
  register B x1 asm("x1") = b;
  register C x2 asm("x2") = c;
  register D x3 asm("x3") = d;
  RAMET_SYSCALL("r"(x8), "r"(x0), "r"(x1), "r"(x2), "r"(x3));
}

template <typename A, typename B, typename C, typename D, typename E>
long Syscall(long number, A a, B b, C c, D d, E e) {
  static_assert(kPassable<A, B, C, D, E>);
  register A x0 asm("x0") = a;
  register B x1 asm("x1") = b;
  register C x2 asm("x2") = c;
  register D x3 asm("x3") = d;
  register E x4 asm("x4") = e;
  RAMET_SYSCALL("r"(x8), "r"(x0), "r"(x1), "r"(x2), "r"(x3), "r"(x4));
}

template <typename A, typename B, typename C, typename D, typename E,
          typename F>
long Syscall(long number, A a, B b, C c, D d, E e, F f) {
  static_assert(kPassable<A, B, C, D, E, F>);
  register A x0 asm("x0") = a;
  register B x1 asm("x1") = b;
  register C x2 asm("x2") = c;
  register D x3 asm("x3") = d;
  register E x4 asm("x4") = e;
  register F x5 asm("x5") = f;
  RAMET_SYSCALL("r"(x8), "r"(x0), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5));
}

#else
#error "a platform that ramet does not know"
#endif

#undef RAMET_SYSCALL

}  // namespace ramet::unpacker

#endif  // AGENT_UNPACKER_SYSCALL_H_
