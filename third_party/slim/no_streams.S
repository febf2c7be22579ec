// In place of what streams.txt names: nothing comes here. Each label wants a name
// of its own, because objcopy gives no name twice.

  .text
  .p2align 4
  .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22
  .globl ramet_no_stream_\n
ramet_no_stream_\n:
  .endr
#if defined(__x86_64__)
  jmp ramet_no_streams
#elif defined(__aarch64__)
  b ramet_no_streams
#else
#error "a platform that ramet does not know"
#endif
  // What is taken for a table of virtual functions is read before it is used.
  .zero 256

  .section .note.GNU-stack, "", %progbits
