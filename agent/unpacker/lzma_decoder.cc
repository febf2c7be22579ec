#include "agent/unpacker/lzma_decoder.h"

namespace ramet::unpacker {
namespace {

using Prob = uint16_t;  // of a 0, in 1/2048

constexpr int kProbBits = 11;
constexpr int kMoveBits = 5;
constexpr int kStates = 12;
constexpr uint32_t kFirstMatchState = 7;  // those below follow a literal
constexpr int kLenToPosStates = 4;
constexpr int kPosSlotBits = 6;
constexpr uint32_t kEndPosModelIndex = 14;
constexpr int kFullDistances = 1 << (kEndPosModelIndex / 2);
constexpr int kAlignBits = 4;
constexpr uint32_t kMatchMinLen = 2;
constexpr int kLiteralProbs = 0x300;

constexpr int kPosStates = 1 << kMaxPositionBits;

// Each array of 2^n serves a tree of n bits, whose entry 0 is unused.
struct LengthModel {
  Prob choice;
  Prob choice2;
  Prob low[kPosStates][8];
  Prob mid[kPosStates][8];
  Prob high[256];
};

struct Model {
  Prob is_match[kStates][kPosStates];
  Prob is_rep[kStates];
  Prob is_rep_g0[kStates];
  Prob is_rep_g1[kStates];
  Prob is_rep_g2[kStates];
  Prob is_rep0_long[kStates][kPosStates];
  Prob pos_slot[kLenToPosStates][1 << kPosSlotBits];
  Prob pos_decoders[1 + kFullDistances - kEndPosModelIndex];
  Prob align[1 << kAlignBits];
  LengthModel length;
  LengthModel rep_length;
  Prob literal[kLiteralProbs << kMaxLiteralBits];
};

// The range decoder. Behind the end of its input it reads zeros.
class RangeDecoder {
 public:
  RangeDecoder(const uint8_t* in, size_t size) : in_(in), end_(in + size) {
    // The first byte is always 0.
    for (int i = 0; i < 5; ++i) Shift();
    range_ = 0xFFFFFFFF;
  }

  // Without a branch on the bit, which nothing can predict.
  uint32_t Bit(Prob* prob) {
    const uint32_t bound = (range_ >> kProbBits) * *prob;
    const uint32_t bit = code_ >= bound ? 1 : 0;
    const uint32_t mask = 0 - bit;
    code_ -= bound & mask;
    range_ = bound + ((range_ - 2 * bound) & mask);
    // Towards 2048 for a 0, by a 32nd of what is missing; towards 0 for a 1,
    // and 31 rounds that as the specification does.
    const int target =
        (1 << kProbBits) - (((1 << kProbBits) - ((1 << kMoveBits) - 1)) & mask);
    *prob = static_cast<Prob>(*prob + ((target - *prob) >> kMoveBits));
    Normalize();
    return bit;
  }

  // `count` bits, each as likely as the other.
  uint32_t DirectBits(uint32_t count) {
    uint32_t bits = 0;
    for (; count > 0; --count) {
      range_ >>= 1;
      bits <<= 1;
      if (code_ >= range_) {
        code_ -= range_;
        ++bits;
      }
      Normalize();
    }
    return bits;
  }

  // A number of `count` bits, the highest first.
  uint32_t Tree(Prob* probs, int count) {
    uint32_t node = 1;
    while (node >> count == 0) node = 2 * node + Bit(&probs[node]);
    return node - (1u << count);
  }

  // The same, the lowest first.
  uint32_t ReverseTree(Prob* probs, uint32_t count) {
    uint32_t node = 1;
    uint32_t number = 0;
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t bit = Bit(&probs[node]);
      node = 2 * node + bit;
      number |= bit << i;
    }
    return number;
  }

  // The decoder of match lengths, less kMatchMinLen.
  uint32_t Length(LengthModel* model, uint32_t position) {
    if (Bit(&model->choice) == 0) return Tree(model->low[position], 3);
    if (Bit(&model->choice2) == 0) return 8 + Tree(model->mid[position], 3);
    return 16 + Tree(model->high, 8);
  }

  // A stream ends with all of its code used up.
  bool AtEnd() const { return code_ == 0; }

 private:
  void Shift() { code_ = code_ << 8 | (in_ < end_ ? *in_++ : 0); }
  void Normalize() {
    if (range_ >> 24 == 0) {
      range_ <<= 8;
      Shift();
    }
  }

  const uint8_t* in_;
  const uint8_t* const end_;
  uint32_t range_ = 0;
  uint32_t code_ = 0;
};

// `previous` is the byte before; `match` the byte one distance before, where
// the last thing was a match, else 0 as a mark that there is none.
uint32_t Literal(RangeDecoder* decoder, Prob* probs, bool matched,
                 uint32_t match) {
  uint32_t symbol = 1;
  while (symbol < 0x100) {
    uint32_t context = symbol;
    uint32_t match_bit = 0;
    if (matched) {
      match_bit = match >> 7 & 1;
      match <<= 1;
      context += 0x100 + (match_bit << 8);
    }
    const uint32_t bit = decoder->Bit(&probs[context]);
    symbol = 2 * symbol + bit;
    if (bit != match_bit) matched = false;
  }
  return symbol;
}

uint32_t Distance(RangeDecoder* decoder, Model* model, uint32_t length) {
  if (length > kLenToPosStates - 1) length = kLenToPosStates - 1;
  const uint32_t slot = decoder->Tree(model->pos_slot[length], kPosSlotBits);
  if (slot < 4) return slot;
  const uint32_t bits = (slot >> 1) - 1;
  const uint32_t distance = (2 | (slot & 1)) << bits;
  if (slot < kEndPosModelIndex) {
    return distance +
           decoder->ReverseTree(model->pos_decoders + distance - slot, bits);
  }
  return distance + (decoder->DirectBits(bits - kAlignBits) << kAlignBits) +
         decoder->ReverseTree(model->align, kAlignBits);
}

}  // namespace

bool DecodeLzma(LzmaParameters parameters, const uint8_t* in, size_t in_size,
                uint8_t* out, size_t out_size) {
  Model model;
  Prob* const probs = reinterpret_cast<Prob*>(&model);
  for (size_t i = 0; i < sizeof model / sizeof(Prob); ++i) {
    probs[i] = 1 << (kProbBits - 1);
  }
  RangeDecoder decoder(in, in_size);
  uint32_t reps[4] = {};  // the last distances, less 1
  uint32_t state = 0;
  size_t done = 0;
  while (done < out_size) {
    const uint32_t position = done & ((1u << parameters.position_bits) - 1);
    if (decoder.Bit(&model.is_match[state][position]) == 0) {
      const uint32_t previous = done > 0 ? out[done - 1] : 0;
      // A match was within the output, and that only grows.
      const bool matched = state >= kFirstMatchState;
      const uint32_t context =
          (done & ((1u << parameters.literal_position_bits) - 1))
              << parameters.literal_context_bits |
          previous >> (8 - parameters.literal_context_bits);
      out[done] = static_cast<uint8_t>(
          Literal(&decoder, model.literal + kLiteralProbs * context, matched,
                  matched ? out[done - reps[0] - 1] : 0));
      ++done;
      state = state < 4 ? 0 : state - (state < 10 ? 3 : 6);
      continue;
    }
    uint32_t length = 1;
    // Where the next state is another after a match than after a literal.
    const uint32_t after_match = state >= kFirstMatchState ? 3 : 0;
    if (decoder.Bit(&model.is_rep[state]) == 0) {
      length = kMatchMinLen + decoder.Length(&model.length, position);
      const uint32_t distance =
          Distance(&decoder, &model, length - kMatchMinLen);
      for (int i = 3; i > 0; --i) reps[i] = reps[i - 1];
      reps[0] = distance;
      state = 7 + after_match;
    } else {
      int which = 0;
      if (decoder.Bit(&model.is_rep_g0[state]) != 0) {
        which = decoder.Bit(&model.is_rep_g1[state]) == 0   ? 1
                : decoder.Bit(&model.is_rep_g2[state]) == 0 ? 2
                                                            : 3;
      } else if (decoder.Bit(&model.is_rep0_long[state][position]) == 0) {
        which = -1;  // one byte
      }
      if (which < 0) {
        state = after_match == 0 ? 9 : 11;
      } else {
        const uint32_t distance = reps[which];
        for (; which > 0; --which) reps[which] = reps[which - 1];
        reps[0] = distance;
        length = kMatchMinLen + decoder.Length(&model.rep_length, position);
        state = after_match == 0 ? 8 : 11;
      }
    }
    if (reps[0] >= done || length > out_size - done) return false;
    for (; length > 0; --length, ++done) out[done] = out[done - reps[0] - 1];
  }
  return decoder.AtEnd();
}

}  // namespace ramet::unpacker
