#ifndef AGENT_UNPACKER_BRANCH_FILTER_H_
#define AGENT_UNPACKER_BRANCH_FILTER_H_

#include <stddef.h>
#include <stdint.h>

namespace ramet::unpacker {

// Branches of machine code hold how far away their target is, so calls of one
// function from two places differ. These make them hold where it is (`encode`),
// which packs better, and the other way round. Each is the inverse of its other
// direction for any bytes. Pure.

// x86-64: CALL, JMP and Jcc with 32 bits of displacement, targets modulo
// 16 MiB, displacements that take more left as they are.
void FilterX86Branches(uint8_t* bytes, size_t size, bool encode);

// AArch64: BL, and ADR, with which code of the tiny model takes addresses.
// Little-endian; instructions begin at multiples of 4.
void FilterArm64Branches(uint8_t* bytes, size_t size, bool encode);

}  // namespace ramet::unpacker

#endif  // AGENT_UNPACKER_BRANCH_FILTER_H_
