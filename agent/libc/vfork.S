// vfork(2): the child returns first, on the same stack, so its return address
// must not lie there.

  .globl vfork
  .text
vfork:
#if defined(__x86_64__)
  pop %rdx
  mov $58, %eax  // SYS_vfork
  syscall
  push %rdx
  mov %rax, %rdi
  jmp Answer
#elif defined(__aarch64__)
  mov x8, 220  // SYS_clone
  mov x0, 0x4111  // CLONE_VM | CLONE_VFORK | SIGCHLD
  mov x1, 0
  svc 0
  b Answer
#else
#error "a platform that ramet does not know"
#endif

  .section .note.GNU-stack, "", %progbits
