#ifndef AGENT_UNPACKER_LZMA_DECODER_H_
#define AGENT_UNPACKER_LZMA_DECODER_H_

#include <stddef.h>
#include <stdint.h>

namespace ramet::unpacker {

// The properties of a stream: lc, lp and pb of LZMA.
struct LzmaParameters {
  int literal_context_bits;
  int literal_position_bits;  // both together at most kMaxLiteralBits
  int position_bits;          // at most kMaxPositionBits
};
inline constexpr int kMaxLiteralBits = 3;
inline constexpr int kMaxPositionBits = 2;

// The best of all for an agent (docs/decisions/0007-self-unpacking-agent.md,
// 0015-room-in-the-agent.md): an instruction of AArch64 has four bytes.
inline constexpr LzmaParameters kX86Lzma = {3, 0, 0};
inline constexpr LzmaParameters kArm64Lzma = {1, 2, 2};

// Unpacks a raw LZMA1 stream, without header and end marker, that makes exactly
// `out_size` bytes. The dictionary is the whole output.
//
// False: the stream is damaged; `out` holds anything then. Whatever `in` holds,
// only its bytes are read and only those of `out` written, in time proportional
// to `out_size`. Damage that makes another valid stream is for a checksum to
// find; bytes behind the end of the stream are ignored.
//
// Pure; takes 17 KiB of stack. After Igor Pavlov's "LZMA specification"
// (lzma-specification.txt of the LZMA SDK, 2015), whose names it uses.
bool DecodeLzma(LzmaParameters parameters, const uint8_t* in, size_t in_size,
                uint8_t* out, size_t out_size);

}  // namespace ramet::unpacker

#endif  // AGENT_UNPACKER_LZMA_DECODER_H_
