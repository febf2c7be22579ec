// What libstdc++'s headers expect of a C++ runtime, for a program without
// exceptions and RTTI: allocation that aborts when there is none, and every
// throw an abort. docs/decisions/0001-musl-agent.md.

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <new>
#include <string>

namespace {

// What an agent meets, in musl's words; all others by number.
struct ErrorText {
  int number;
  const char* text;
};
constexpr ErrorText kErrorTexts[] = {
    {E2BIG, "Argument list too long"},
    {EACCES, "Permission denied"},
    {EAGAIN, "Resource temporarily unavailable"},
    {EINVAL, "Invalid argument"},
    {EIO, "I/O error"},
    {EMFILE, "No file descriptors available"},
    {ENFILE, "Too many open files in system"},
    {ENOENT, "No such file or directory"},
    {ENOEXEC, "Exec format error"},
    {ENOMEM, "Out of memory"},
    {ENOSPC, "No space left on device"},
    {ENOSYS, "Function not implemented"},
    {EPERM, "Operation not permitted"},
    {ETXTBSY, "Text file busy"},
};

[[noreturn]] void Die(const char* what) {
  size_t length = 0;
  while (what[length] != '\0') ++length;
  (void)!write(2, "ramet: fatal: ", 14);
  (void)!write(2, what, length);
  (void)!write(2, "\n", 1);
  abort();
}

void* Allocate(size_t bytes) {
  void* const memory = malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) Die("out of memory");
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return Allocate(bytes); }
void* operator new[](size_t bytes) { return Allocate(bytes); }
void operator delete(void* memory) noexcept { free(memory); }
void operator delete[](void* memory) noexcept { free(memory); }
void operator delete(void* memory, size_t) noexcept { free(memory); }
void operator delete[](void* memory, size_t) noexcept { free(memory); }

namespace std {

// Without RTTI, shared_ptr asks this in vain; libstdc++'s own drags the
// exception runtime in.
bool _Sp_make_shared_tag::_S_eq(const type_info&) noexcept { return false; }

void __throw_length_error(const char* what) { Die(what); }
void __throw_logic_error(const char* what) { Die(what); }
void __throw_out_of_range(const char* what) { Die(what); }
void __throw_out_of_range_fmt(const char* what, ...) { Die(what); }
void __throw_invalid_argument(const char* what) { Die(what); }
void __throw_bad_alloc() { Die("out of memory"); }
void __throw_bad_array_new_length() { Die("bad array length"); }
void __throw_bad_function_call() { Die("empty function called"); }
void __throw_system_error(int) { Die("system error"); }

}  // namespace std

// libstdc++'s own is compiled for speed.
template class std::basic_string<char>;

extern "C" {
// libc's has a kilobyte of texts that nobody here ever sees.
char* strerror(int number) {
  for (const ErrorText& error : kErrorTexts) {
    if (error.number == number) return const_cast<char*>(error.text);
  }
  static char text[] = "error 000";
  for (int i = 8; i > 5; --i, number /= 10) {
    text[i] = static_cast<char>('0' + number % 10);
  }
  return text;
}
void* __gxx_personality_v0 = nullptr;
[[noreturn]] void _Unwind_Resume() { Die("unwinding"); }
[[noreturn]] void __cxa_pure_virtual() { Die("pure virtual call"); }
[[noreturn]] void __cxa_begin_catch() { Die("catch"); }
[[noreturn]] void __cxa_end_catch() { Die("catch"); }
[[noreturn]] void __cxa_rethrow() { Die("rethrow"); }
// What typeinfo points to; nobody looks at it without RTTI.
void* _ZTVN10__cxxabiv117__class_type_infoE[3] = {};
void* _ZTVN10__cxxabiv120__si_class_type_infoE[3] = {};
}
