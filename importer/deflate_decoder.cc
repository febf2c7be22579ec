#include "importer/deflate_decoder.h"

#include <stdint.h>
#include <string.h>

#include <memory>

namespace ramet::importer {
namespace {

constexpr uint32_t kMaxCodeBits = 15;
constexpr uint32_t kLiteralCodes = 288;
constexpr uint32_t kDistanceCodes = 32;
constexpr uint32_t kEndOfBlock = 256;

// A prefix code as one table: the next bits of the input, as many as the
// longest code has, are the index of a symbol << 4 | its length in bits; 0 is
// no code.
struct Code {
  uint32_t bits;
  uint16_t table[1 << kMaxCodeBits];

  // The canonical code of these lengths; 0: the symbol has none. False: there
  // are more codes than fit.
  bool Build(const uint8_t* lengths, uint32_t symbols) {
    uint32_t counts[kMaxCodeBits + 1] = {};
    bits = 1;
    for (uint32_t i = 0; i < symbols; ++i) {
      ++counts[lengths[i]];
      if (lengths[i] > bits) bits = lengths[i];
    }
    uint32_t next[kMaxCodeBits + 1];
    uint32_t code = 0;
    counts[0] = 0;
    for (uint32_t length = 1; length <= kMaxCodeBits; ++length) {
      code = (code + counts[length - 1]) << 1;
      next[length] = code;
      if (code + counts[length] > 1u << length) return false;
    }
    memset(table, 0, sizeof(uint16_t) << bits);
    for (uint32_t symbol = 0; symbol < symbols; ++symbol) {
      const uint32_t length = lengths[symbol];
      if (length == 0) continue;
      // Codes come with their first bit first, numbers with their last.
      uint32_t reversed = 0;
      const uint32_t forward = next[length]++;
      for (uint32_t bit = 0; bit < length; ++bit) {
        reversed |= (forward >> bit & 1) << (length - 1 - bit);
      }
      for (uint32_t i = reversed; i < 1u << bits; i += 1u << length) {
        table[i] = static_cast<uint16_t>(symbol << 4 | length);
      }
    }
    return true;
  }
};

class Decoder {
 public:
  Decoder(std::string_view in, char* out, size_t out_bytes)
      : in_(in.data()),
        in_end_(in.data() + in.size()),
        begin_(out),
        out_(out),
        out_end_(out + out_bytes) {}

  bool Run() {
    bool last = false;
    while (!last) {
      Refill();
      last = Take(1) != 0;
      const uint32_t type = Take(2);
      const bool ok = type == 0   ? Stored()
                      : type == 1 ? FixedCodes() && Block()
                      : type == 2 ? DynamicCodes() && Block()
                                  : false;
      if (!ok) return false;
    }
    // Bytes that were made up must not have been taken.
    return out_ == out_end_ && made_up_bits_ <= count_;
  }

 private:
  // At least 56 bits are there then, behind the input's end zeros.
  void Refill() {
    if (in_end_ - in_ >= 8) {
      uint64_t next;
      memcpy(&next, in_, sizeof next);
      bits_ |= next << count_;
      in_ += (63 - count_) >> 3;
      count_ |= 56;
      return;
    }
    for (; count_ < 56; count_ += 8) {
      if (in_ < in_end_) {
        bits_ |= uint64_t{static_cast<uint8_t>(*in_++)} << count_;
      } else {
        made_up_bits_ += 8;
      }
    }
  }

  uint32_t Take(uint32_t count) {
    const uint32_t value =
        static_cast<uint32_t>(bits_) & ((uint32_t{1} << count) - 1);
    bits_ >>= count;
    count_ -= count;
    return value;
  }

  // A symbol << 4 and more, or 0: there is none.
  uint32_t TakeSymbol(const Code& code) {
    const uint32_t entry = code.table[static_cast<uint32_t>(bits_) &
                                      ((uint32_t{1} << code.bits) - 1)];
    Take(entry & 15);
    return entry;
  }

  bool Stored() {
    Take(count_ & 7);
    // What was read ahead goes back, which is whole bytes.
    if (made_up_bits_ > count_) return false;
    in_ -= (count_ - made_up_bits_) >> 3;
    bits_ = count_ = made_up_bits_ = 0;
    if (in_end_ - in_ < 4) return false;
    Refill();
    const uint32_t size = Take(16);
    if (size != (Take(16) ^ 0xFFFF)) return false;
    in_ -= (count_ - made_up_bits_) >> 3;
    bits_ = count_ = made_up_bits_ = 0;
    if (size > static_cast<size_t>(in_end_ - in_) ||
        size > static_cast<size_t>(out_end_ - out_)) {
      return false;
    }
    memcpy(out_, in_, size);
    in_ += size;
    out_ += size;
    return true;
  }

  bool FixedCodes() {
    uint8_t lengths[kLiteralCodes];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    (void)codes_->literals.Build(lengths, kLiteralCodes);
    memset(lengths, 5, kDistanceCodes);
    return codes_->distances.Build(lengths, kDistanceCodes);
  }

  bool DynamicCodes() {
    const uint32_t literals = Take(5) + 257;
    const uint32_t distances = Take(5) + 1;
    const uint32_t codes = Take(4) + 4;
    uint8_t lengths[kLiteralCodes + kDistanceCodes] = {};
    for (uint32_t i = 0; i < codes; ++i) {
      Refill();
      lengths[static_cast<uint8_t>(
          "\20\21\22\0\10\7\11\6\12\5\13\4\14\3\15\2\16\1\17"[i])] =
          static_cast<uint8_t>(Take(3));
    }
    if (literals > kLiteralCodes || !codes_->literals.Build(lengths, 19)) {
      return false;
    }
    for (uint32_t i = 0; i < literals + distances;) {
      Refill();
      const uint32_t entry = TakeSymbol(codes_->literals);
      if (entry == 0) return false;
      const uint32_t symbol = entry >> 4;
      uint32_t repeat = 1;
      uint8_t length = static_cast<uint8_t>(symbol);
      if (symbol == 16) {
        if (i == 0) return false;
        length = lengths[i - 1];
        repeat = Take(2) + 3;
      } else if (symbol > 16) {
        length = 0;
        repeat = symbol == 17 ? Take(3) + 3 : Take(7) + 11;
      }
      if (repeat > literals + distances - i) return false;
      memset(lengths + i, length, repeat);
      i += repeat;
    }
    return codes_->literals.Build(lengths, literals) &&
           codes_->distances.Build(lengths + literals, distances);
  }

  bool Block() {
    for (;;) {
      // Two symbols of at most 15 bits, with 5 and 13 bits more.
      Refill();
      const uint32_t entry = TakeSymbol(codes_->literals);
      uint32_t symbol = entry >> 4;
      if (symbol < kEndOfBlock) {
        if (entry == 0 || out_ == out_end_) return false;
        *out_++ = static_cast<char>(symbol);
        continue;
      }
      if (symbol == kEndOfBlock) return true;
      symbol -= kEndOfBlock + 1;
      uint32_t length = symbol + 3;
      if (symbol >= 28) {
        if (symbol > 28) return false;
        length = 258;
      } else if (symbol >= 8) {
        const uint32_t extra = (symbol >> 2) - 1;
        length = ((4 + (symbol & 3)) << extra) + 3 + Take(extra);
      }
      const uint32_t distance_entry = TakeSymbol(codes_->distances);
      symbol = distance_entry >> 4;
      uint32_t distance = symbol + 1;
      if (symbol >= 4) {
        const uint32_t extra = (symbol >> 1) - 1;
        distance = ((2 + (symbol & 1)) << extra) + 1 + Take(extra);
      }
      if (distance_entry == 0 || symbol >= 30 ||
          distance > static_cast<size_t>(out_ - begin_) ||
          length > static_cast<size_t>(out_end_ - out_)) {
        return false;
      }
      // They may overlap, and then repeat.
      const char* from = out_ - distance;
      while (length-- > 0) *out_++ = *from++;
    }
  }

  struct Codes {
    Code literals;
    Code distances;
  };

  const char* in_;
  const char* const in_end_;
  char* const begin_;
  char* out_;
  char* const out_end_;
  uint64_t bits_ = 0;
  uint32_t count_ = 0;         // of bits_
  uint32_t made_up_bits_ = 0;  // behind the input's end
  const std::unique_ptr<Codes> codes_{new Codes};
};

}  // namespace

bool DecodeDeflate(std::string_view deflated, char* out, size_t out_bytes) {
  return Decoder(deflated, out, out_bytes).Run();
}

}  // namespace ramet::importer
