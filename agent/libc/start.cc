// What is done before main(), and what libc has for programs that end: an agent
// ends with all of its memory, and runs no destructors then.

#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "agent/libc/vdso.h"

namespace {

// Behind the environment, as the kernel leaves it.
const Elf64_auxv_t* auxiliary;

}  // namespace

extern "C" {

char** environ;
void* __dso_handle = nullptr;

// The linker's: constructors of static objects.
extern void (*const __init_array_start[])();
extern void (*const __init_array_end[])();

// Called by _start. `stack`: argument count, arguments, 0, environment, 0,
// auxiliary vector.
void PrepareProgram(char** stack) {
  environ = stack + reinterpret_cast<uintptr_t>(stack[0]) + 2;
  char** entry = environ;
  while (*entry != nullptr) ++entry;
  auxiliary = reinterpret_cast<Elf64_auxv_t*>(entry + 1);
  ramet::agent::FindVdsoClock(
      reinterpret_cast<Elf64_Ehdr*>(getauxval(AT_SYSINFO_EHDR)));
  for (auto constructor = __init_array_start; constructor != __init_array_end;
       ++constructor) {
    (*constructor)();
  }
}

unsigned long getauxval(unsigned long type) {
  const Elf64_auxv_t* entry = auxiliary;
  while (entry->a_type != type && entry->a_type != AT_NULL) ++entry;
  return entry->a_un.a_val;  // AT_NULL's is 0
}

int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }

char* getenv(const char* name) {
  const size_t length = strlen(name);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') {
      return *entry + length + 1;
    }
  }
  return nullptr;
}

}  // extern "C"
