// The entry point: the stack as the kernel leaves it (argument count, arguments,
// 0, environment, 0) goes to PrepareProgram(), then main() is called.

  .globl _start
  .text
_start:
#if defined(__x86_64__)
  xor %ebp, %ebp
  mov %rsp, %rbx
  mov %rsp, %rdi
  and $-16, %rsp
  call PrepareProgram
  mov (%rbx), %edi
  lea 8(%rbx), %rsi
  call main
  mov %eax, %edi
  call _exit
#elif defined(__aarch64__)
  mov x29, 0
  mov x30, 0
  mov x19, sp
  mov x0, sp
  bl PrepareProgram
  ldr w0, [x19]
  add x1, x19, 8
  bl main
  bl _exit
#else
#error "a platform that ramet does not know"
#endif

  .section .note.GNU-stack, "", %progbits
