#include "agent/unpacker/branch_filter.h"

namespace ramet::unpacker {
namespace {

uint32_t LoadLittleEndian(const uint8_t* bytes) {
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 |
         static_cast<uint32_t>(bytes[3]) << 24;
}

void StoreLittleEndian(uint8_t* bytes, uint32_t value) {
  for (int i = 0; i < 4; ++i, value >>= 8) {
    bytes[i] = static_cast<uint8_t>(value);
  }
}

// Bit 23 in all bits above, as a displacement of up to 8 MiB has it.
uint32_t ExtendSign24(uint32_t value) {
  return ((value & 0xFFFFFF) ^ 0x800000) - 0x800000;
}

}  // namespace

void FilterX86Branches(uint8_t* bytes, size_t size, bool encode) {
  constexpr size_t kOperandBytes = 4;
  // `i` is where the operand begins, behind two bytes of instruction.
  for (size_t i = 2; i + kOperandBytes <= size; ++i) {
    const uint8_t opcode = bytes[i - 1];
    const bool call_or_jmp = (opcode & 0xFE) == 0xE8;
    const bool jcc = bytes[i - 2] == 0x0F && (opcode & 0xF0) == 0x80;
    if (!call_or_jmp && !jcc) continue;
    const uint32_t operand = LoadLittleEndian(bytes + i);
    if (operand == ExtendSign24(operand)) {
      const uint32_t here = static_cast<uint32_t>(i);
      StoreLittleEndian(bytes + i,
                        ExtendSign24(encode ? operand + here : operand - here));
    }
    // Changed or not, an operand is not searched for branches: what decides
    // about a branch must be the same in both directions. (Its last byte may
    // be the next but one before the next operand: 0 or 0xFF before and after.)
    i += kOperandBytes;
  }
}

void FilterArm64Branches(uint8_t* bytes, size_t size, bool encode) {
  constexpr uint32_t kBl = 0x94000000;
  constexpr uint32_t kBlOperand = 0x03FFFFFF;
  constexpr uint32_t kAdr = 0x10000000;
  // Two bits, the lowest, lie at the top: they stay as they are.
  constexpr uint32_t kAdrOperand = 0x00FFFFE0;
  for (size_t i = 0; i + 4 <= size; i += 4) {
    const uint32_t word = LoadLittleEndian(bytes + i);
    uint32_t here = static_cast<uint32_t>(i / 4);
    uint32_t operand = kBlOperand;
    if ((word & ~kBlOperand) != kBl) {
      if ((word & 0x9F000000) != kAdr) continue;
      here <<= 5;
      operand = kAdrOperand;
    }
    StoreLittleEndian(
        bytes + i,
        (word & ~operand) | ((encode ? word + here : word - here) & operand));
  }
}

}  // namespace ramet::unpacker
