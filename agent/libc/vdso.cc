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

void FindVdsoClock(const Elf64_auxv_t* auxiliary) {
  while (auxiliary->a_type != AT_SYSINFO_EHDR) {
    if (auxiliary++->a_type == AT_NULL) return;
  }
  // The image's addresses are offsets from where it begins.
  const uintptr_t begin = auxiliary->a_un.a_val;
  const auto* const header = reinterpret_cast<const Elf64_Ehdr*>(begin);
  const auto* segment =
      reinterpret_cast<const Elf64_Phdr*>(begin + header->e_phoff);
  while (segment->p_type != PT_DYNAMIC) ++segment;  // each vDSO has it
  const Elf64_Sym* symbols = nullptr;
  const char* names = nullptr;
  for (auto* entry =
           reinterpret_cast<const Elf64_Dyn*>(begin + segment->p_offset);
       entry->d_tag != DT_NULL; ++entry) {
    const uintptr_t address = begin + entry->d_un.d_ptr;
    if (entry->d_tag == DT_SYMTAB) {
      symbols = reinterpret_cast<const Elf64_Sym*>(address);
    } else if (entry->d_tag == DT_STRTAB) {
      names = reinterpret_cast<const char*>(address);
    }
  }
  // How many there are only the hash tables say; linkers lay names behind them.
  for (; reinterpret_cast<const char*>(symbols + 1) <= names; ++symbols) {
    if (strcmp(names + symbols->st_name, kName) == 0) {
      vdso_clock = reinterpret_cast<VdsoClock>(begin + symbols->st_value);
    }
  }
}

}  // namespace ramet::agent
