// The entry point: the stack as the kernel leaves it (argument count, arguments,
// 0, environment, 0), as the argument of Unpack().

  .globl _start
  .text
_start:
#if defined(__x86_64__)
  xor %ebp, %ebp
  mov %rsp, %rdi
  and $-16, %rsp
  call Unpack
#elif defined(__aarch64__)
  mov x29, 0
  mov x30, 0
  mov x0, sp
  bl Unpack
#else
#error "a platform that ramet does not know"
#endif

  .section .note.GNU-stack, "", %progbits
