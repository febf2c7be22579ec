#ifndef AGENT_UNPACKER_PACKED_IMAGE_H_
#define AGENT_UNPACKER_PACKED_IMAGE_H_

#include <stddef.h>
#include <stdint.h>

namespace ramet::unpacker {

// What an unpacker carries. Written by tools/pack as a C++ source, linked in.
struct PackedImage {
  const uint8_t* bytes;  // a stream for DecodeLzma
  uint32_t byte_count;
  uint32_t image_bytes;  // unpacked
  uint32_t checksum;     // of the image, before its branches are restored
};
extern const PackedImage kPackedImage;

// FNV-1a, 32 bits: finds every change of one byte and nearly all others. Not
// against people: whoever can change the image can change its checksum.
inline uint32_t Checksum(const uint8_t* bytes, size_t count) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < count; ++i) hash = (hash ^ bytes[i]) * 16777619u;
  return hash;
}

}  // namespace ramet::unpacker

#endif  // AGENT_UNPACKER_PACKED_IMAGE_H_
