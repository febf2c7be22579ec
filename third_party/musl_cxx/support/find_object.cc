// Where libgcc's unwinder finds unwind tables: glibc 2.35's _dl_find_object,
// for a static program, which is one object.

#include <elf.h>
#include <link.h>
#include <stdint.h>

// The linker's: the beginning of the program, at its headers.
extern "C" __attribute__((visibility("hidden"))) const ElfW(Ehdr) __ehdr_start;

// As in glibc's <dlfcn.h> for x86_64 and AArch64.
struct dl_find_object {
  unsigned long long flags;
  void* map_start;
  void* map_end;
  struct link_map* link_map;
  void* eh_frame;
  unsigned long long reserved[7];
};

extern "C" int _dl_find_object(void* address, dl_find_object* result) {
  const uintptr_t start = reinterpret_cast<uintptr_t>(&__ehdr_start);
  const auto* const headers =
      reinterpret_cast<const ElfW(Phdr)*>(start + __ehdr_start.e_phoff);
  uintptr_t bias = 0;
  uintptr_t end = 0;
  uintptr_t table = 0;
  // __ehdr_start is the beginning of the first segment.
  bool first = true;
  for (int i = 0; i < __ehdr_start.e_phnum; ++i) {
    const ElfW(Phdr)& header = headers[i];
    if (header.p_type == PT_LOAD) {
      if (first) bias = start - header.p_vaddr;
      first = false;
      const uintptr_t segment_end = bias + header.p_vaddr + header.p_memsz;
      if (segment_end > end) end = segment_end;
    } else if (header.p_type == PT_GNU_EH_FRAME) {
      table = header.p_vaddr;
    }
  }
  const uintptr_t wanted = reinterpret_cast<uintptr_t>(address);
  if (table == 0 || wanted < start || wanted >= end) return -1;
  *result = dl_find_object{};
  result->map_start = reinterpret_cast<void*>(start);
  result->map_end = reinterpret_cast<void*>(end);
  result->eh_frame = reinterpret_cast<void*>(bias + table);
  return 0;
}
