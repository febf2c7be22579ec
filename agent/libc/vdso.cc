#include "agent/libc/vdso.h"

#include <stdint.h>
#include <string.h>

namespace ramet::agent {
namespace {

#if defined(__x86_64__)
constexpr char kName[] = "__vdso_clock_gettime";
#elif defined(__aarch64__)
constexpr char kName[] = "__kernel_clock_gettime";
#else
#error "a platform that ramet does not know"
#endif

}  // namespace

VdsoClock vdso_clock = nullptr;

void FindVdsoClock(const Elf64_Ehdr* image) {
  if (image == nullptr) return;
  const uintptr_t begin = reinterpret_cast<uintptr_t>(image);
  const auto* segment =
      reinterpret_cast<const Elf64_Phdr*>(begin + image->e_phoff);
  // From the image's addresses to where they are. Old kernels' begin at the end
  // of the address space, others' at 0.
  uintptr_t bias = begin;
  const Elf64_Dyn* entry = nullptr;
  for (int left = image->e_phnum; left > 0; --left, ++segment) {
    if (segment->p_type == PT_LOAD) {
      bias = begin + segment->p_offset - segment->p_vaddr;
    } else if (segment->p_type == PT_DYNAMIC) {
      entry = reinterpret_cast<const Elf64_Dyn*>(begin + segment->p_offset);
    }
  }
  if (entry == nullptr) return;
  const Elf64_Sym* symbols = nullptr;
  const char* names = nullptr;
  for (; entry->d_tag != DT_NULL; ++entry) {
    const uintptr_t address = bias + entry->d_un.d_ptr;
    if (entry->d_tag == DT_SYMTAB) {
      symbols = reinterpret_cast<const Elf64_Sym*>(address);
    } else if (entry->d_tag == DT_STRTAB) {
      names = reinterpret_cast<const char*>(address);
    }
  }
  if (symbols == nullptr) return;
  // How many there are only the hash tables say; linkers lay names behind them.
  for (; reinterpret_cast<const char*>(symbols + 1) <= names; ++symbols) {
    if (strcmp(names + symbols->st_name, kName) == 0) {
      vdso_clock = reinterpret_cast<VdsoClock>(bias + symbols->st_value);
    }
  }
}

}  // namespace ramet::agent
