// drop_section_headers INPUT OUTPUT: an executable without what only linkers and
// debuggers read: the section headers and everything behind the last segment
// (elf(5)). 64-bit, little-endian.

#include <elf.h>
#include <stdio.h>
#include <string.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: drop_section_headers INPUT OUTPUT\n");
    return 2;
  }
  std::ifstream input(argv[1], std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(input)),
                    std::istreambuf_iterator<char>());
  Elf64_Ehdr header;
  if (!input || bytes.size() < sizeof header ||
      memcmp(bytes.data(), ELFMAG, SELFMAG) != 0 ||
      bytes[EI_CLASS] != ELFCLASS64 || bytes[EI_DATA] != ELFDATA2LSB) {
    fprintf(stderr, "drop_section_headers: %s is no such executable\n",
            argv[1]);
    return 1;
  }
  memcpy(&header, bytes.data(), sizeof header);
  size_t end = sizeof header;
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    const size_t offset = header.e_phoff + i * sizeof segment;
    if (offset + sizeof segment > bytes.size()) {
      fprintf(stderr, "drop_section_headers: %s is cut off\n", argv[1]);
      return 1;
    }
    memcpy(&segment, bytes.data() + offset, sizeof segment);
    end = std::max({end, offset + sizeof segment,
                    static_cast<size_t>(segment.p_offset + segment.p_filesz)});
  }
  header.e_shoff = 0;
  header.e_shentsize = 0;
  header.e_shnum = 0;
  header.e_shstrndx = 0;
  memcpy(&bytes[0], &header, sizeof header);
  bytes.resize(std::min(bytes.size(), end));
  std::ofstream output(argv[2], std::ios::binary);
  output << bytes;
  output.close();
  if (!output) {
    fprintf(stderr, "drop_section_headers: cannot write %s\n", argv[2]);
    return 1;
  }
  return 0;
}
