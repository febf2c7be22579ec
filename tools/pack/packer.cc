#include "tools/pack/packer.h"

#include <elf.h>
#include <lzma.h>
#include <string.h>

#include <algorithm>

#include "agent/unpacker/branch_filter.h"
#include "agent/unpacker/lzma_decoder.h"

namespace ramet::tools {
namespace {

std::vector<uint8_t> PackOnce(unpacker::LzmaParameters parameters,
                              const std::vector<uint8_t>& image,
                              lzma_match_finder finder, uint32_t nice_length) {
  constexpr uint32_t kDepth = 1000;  // as deep as it ever pays
  lzma_options_lzma options;
  lzma_lzma_preset(&options, 9 | LZMA_PRESET_EXTREME);
  options.dict_size = std::max<uint32_t>(image.size(), LZMA_DICT_SIZE_MIN);
  options.lc = parameters.literal_context_bits;
  options.lp = parameters.literal_position_bits;
  options.pb = parameters.position_bits;
  options.mf = finder;
  options.nice_len = nice_length;
  options.depth = kDepth;
  // Whoever unpacks it knows the size: no end marker.
  options.ext_flags = 0;
  options.ext_size_low = static_cast<uint32_t>(image.size());
  options.ext_size_high = 0;
  const lzma_filter filters[] = {{LZMA_FILTER_LZMA1EXT, &options},
                                 {LZMA_VLI_UNKNOWN, nullptr}};
  std::vector<uint8_t> packed(lzma_stream_buffer_bound(image.size()));
  size_t size = 0;
  if (lzma_raw_buffer_encode(filters, nullptr, image.data(), image.size(),
                             packed.data(), &size, packed.size()) != LZMA_OK) {
    size = 0;
  }
  packed.resize(size);
  return packed;
}

}  // namespace

std::vector<uint8_t> PackLzma(unpacker::LzmaParameters parameters,
                              const std::vector<uint8_t>& image) {
  std::vector<uint8_t> best;
  for (const lzma_match_finder finder :
       {LZMA_MF_BT2, LZMA_MF_BT3, LZMA_MF_BT4}) {
    for (const uint32_t nice_length :
         {16u, 24u, 28u, 32u, 36u, 40u, 44u, 48u, 52u, 64u, 96u, 128u, 273u}) {
      std::vector<uint8_t> packed =
          PackOnce(parameters, image, finder, nice_length);
      if (packed.empty()) return packed;
      if (best.empty() || packed.size() < best.size()) best.swap(packed);
    }
  }
  return best;
}

int ElfMachine(const std::vector<uint8_t>& image) {
  Elf64_Ehdr header;
  if (image.size() < sizeof header) return 0;
  memcpy(&header, image.data(), sizeof header);
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_EXEC) {
    return 0;
  }
  return header.e_machine;
}

unpacker::LzmaParameters LzmaFor(int machine) {
  return machine == EM_AARCH64 ? unpacker::kArm64Lzma : unpacker::kX86Lzma;
}

bool EncodeBranches(int machine, std::vector<uint8_t>* image) {
  if (machine == EM_X86_64) {
    unpacker::FilterX86Branches(image->data(), image->size(), true);
    return true;
  }
  if (machine == EM_AARCH64) {
    unpacker::FilterArm64Branches(image->data(), image->size(), true);
    return true;
  }
  return false;
}

}  // namespace ramet::tools
