// pack_image INPUT OUTPUT.cc: an executable as what an unpacker carries
// (agent/unpacker/packed_image.h). agent/unpacker/packed_binary.bzl runs it.

#include <stdint.h>
#include <stdio.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "agent/unpacker/lzma_decoder.h"
#include "agent/unpacker/packed_image.h"
#include "tools/pack/packer.h"

namespace {

int Fail(const char* what, const char* path) {
  fprintf(stderr, "pack_image: %s: %s\n", path, what);
  return 1;
}

bool WriteSource(const char* path, const std::vector<uint8_t>& packed,
                 const std::vector<uint8_t>& image) {
  FILE* const output = fopen(path, "w");
  if (output == nullptr) return false;
  fprintf(output,
          "#include \"agent/unpacker/packed_image.h\"\n"
          "namespace ramet::unpacker {\n"
          "static const uint8_t kBytes[] = {");
  for (size_t i = 0; i < packed.size(); ++i) {
    fprintf(output, "%s%u,", i % 24 == 0 ? "\n" : "", packed[i]);
  }
  fprintf(output,
          "\n};\n"
          "const PackedImage kPackedImage = {kBytes, %zu, %zu, %uu};\n"
          "}  // namespace ramet::unpacker\n",
          packed.size(), image.size(),
          ramet::unpacker::Checksum(image.data(), image.size()));
  const bool written = ferror(output) == 0;
  return fclose(output) == 0 && written;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: pack_image INPUT OUTPUT.cc\n");
    return 2;
  }
  std::ifstream input(argv[1], std::ios::binary);
  std::vector<uint8_t> image((std::istreambuf_iterator<char>(input)),
                             std::istreambuf_iterator<char>());
  if (!input) return Fail("cannot read it", argv[1]);
  const int machine = ramet::tools::ElfMachine(image);
  if (!ramet::tools::EncodeBranches(machine, &image)) {
    return Fail("no static executable that can be packed", argv[1]);
  }
  const ramet::unpacker::LzmaParameters parameters =
      ramet::tools::LzmaFor(machine);
  const std::vector<uint8_t> packed = ramet::tools::PackLzma(parameters, image);
  std::vector<uint8_t> unpacked(image.size());
  if (!ramet::unpacker::DecodeLzma(parameters, packed.data(), packed.size(),
                                   unpacked.data(), unpacked.size()) ||
      unpacked != image) {
    return Fail("what was packed does not unpack", argv[1]);
  }
  if (!WriteSource(argv[2], packed, image))
    return Fail("cannot write", argv[2]);
  return 0;
}
