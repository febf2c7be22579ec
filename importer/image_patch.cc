#include "importer/image_patch.h"

#include <stdint.h>

namespace ramet::importer {
namespace {

// The varint at the front of `patch`, as in protobuf; 0 when it ends before.
// More than any image has are as good as too many.
uint64_t TakeNumber(std::string_view* patch) {
  uint64_t number = 0;
  for (int shift = 0; shift < 64 && !patch->empty(); shift += 7) {
    const uint8_t byte = static_cast<uint8_t>((*patch)[0]);
    patch->remove_prefix(1);
    number |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) break;
  }
  return number;
}

}  // namespace

bool ApplyImagePatch(std::string_view patch, std::string_view base, char* out,
                     size_t out_bytes) {
  char* const end = out + out_bytes;
  uint64_t at = 0;  // in the base; past its end for all that is not in it
  while (!patch.empty()) {
    const uint64_t alike = TakeNumber(&patch);
    const uint64_t added = TakeNumber(&patch);
    const uint64_t move = TakeNumber(&patch);
    const uint64_t room = end - out;
    if (at > base.size() || alike > base.size() - at || alike > room ||
        added > room - alike || alike + added > patch.size()) {
      return false;
    }
    for (uint64_t i = 0; i < alike; ++i) {
      *out++ = static_cast<char>(patch[i] + base[at + i]);
    }
    for (uint64_t i = alike; i < alike + added; ++i) *out++ = patch[i];
    patch.remove_prefix(alike + added);
    at += alike + (move >> 1 ^ (0 - (move & 1)));
  }
  return out == end;
}

}  // namespace ramet::importer
