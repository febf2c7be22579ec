// The standard streams, for modules that do use them: this stands before
// libstdc++ when they are linked, and brings its std::ios_base::Init along, which
// is defined beside sync_with_stdio. The streams themselves are the library's,
// to which these names give way.

  .bss
  .irp name, 3cin, 4cout, 4cerr, 4clog, 4wcin, 5wcout, 5wcerr, 5wclog
  .weak _ZSt\name
_ZSt\name:
  .endr
  .zero 8

  .data
  .quad _ZNSt8ios_base15sync_with_stdioEb

  .section .note.GNU-stack, "", %progbits
