#ifndef TOOLS_PACK_PACKER_H_
#define TOOLS_PACK_PACKER_H_

#include <stdint.h>

#include <vector>

#include "agent/unpacker/lzma_decoder.h"

namespace ramet::tools {

// The shortest stream for unpacker::DecodeLzma that liblzma makes of `image`:
// its search is tuned by trying. Empty: liblzma has no memory.
std::vector<uint8_t> PackLzma(unpacker::LzmaParameters parameters,
                              const std::vector<uint8_t>& image);

// The machine of an executable's code, as elf(5) numbers it; 0 for anything
// else than a 64-bit little-endian executable.
int ElfMachine(const std::vector<uint8_t>& image);

// The parameters that are best for that machine's code.
unpacker::LzmaParameters LzmaFor(int machine);

// Encodes its branches for that machine. False: there is no filter for it.
bool EncodeBranches(int machine, std::vector<uint8_t>* image);

}  // namespace ramet::tools

#endif  // TOOLS_PACK_PACKER_H_
