#include "core/base/sha256.h"

#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "SHA-256's words are big-endian: they are always swapped here");

namespace ramet::core {
namespace {

constexpr int kWords = 8;
constexpr int kRounds = 64;

// The first 32 bits behind the point of the `degree`th root of `number`.
uint32_t FractionOfRoot(uint32_t number, int degree) {
  using Wide = unsigned __int128;
  const Wide power = static_cast<Wide>(number) << (32 * degree);
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << 36; bit != 0; bit >>= 1) {
    const Wide wide = root | bit;
    if ((degree == 2 ? wide * wide : wide * wide * wide) <= power) root |= bit;
  }
  return static_cast<uint32_t>(root);
}

// FIPS 180-4, 4.2.2 and 5.3.3. Made at the first use: they would pack badly.
struct Constants {
  Constants() {
    int count = 0;
    for (uint32_t number = 2; count < kRounds; ++number) {
      uint32_t divisor = 2;
      while (number % divisor != 0) ++divisor;
      if (divisor != number) continue;
      if (count < kWords) initial[count] = FractionOfRoot(number, 2);
      rounds[count++] = FractionOfRoot(number, 3);
    }
  }

  uint32_t initial[kWords];
  uint32_t rounds[kRounds];
};

const Constants& GetConstants() {
  static const Constants constants;
  return constants;
}

uint32_t Rotate(uint32_t word, int bits) {
  return word >> bits | word << (32 - bits);
}

}  // namespace

Sha256::Sha256() { memcpy(state_, GetConstants().initial, sizeof state_); }

void Sha256::AddBlock() {
  uint32_t w[kRounds];
  for (int i = 0; i < 16; ++i) {
    uint32_t word;
    memcpy(&word, block_ + 4 * i, sizeof word);
    w[i] = __builtin_bswap32(word);
  }
  for (int i = 16; i < kRounds; ++i) {
    const uint32_t a = w[i - 15];
    const uint32_t b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (Rotate(a, 7) ^ Rotate(a, 18) ^ a >> 3) +
           (Rotate(b, 17) ^ Rotate(b, 19) ^ b >> 10);
  }
  uint32_t a = state_[0], b = state_[1], c = state_[2], d = state_[3];
  uint32_t e = state_[4], f = state_[5], g = state_[6], h = state_[7];
  const uint32_t* const rounds = GetConstants().rounds;
  for (int i = 0; i < kRounds; ++i) {
    const uint32_t t1 = h + (Rotate(e, 6) ^ Rotate(e, 11) ^ Rotate(e, 25)) +
                        (g ^ (e & (f ^ g))) + rounds[i] + w[i];
    const uint32_t t2 = (Rotate(a, 2) ^ Rotate(a, 13) ^ Rotate(a, 22)) +
                        ((a & b) | (c & (a | b)));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const uint32_t after[kWords] = {a, b, c, d, e, f, g, h};
  for (int i = 0; i < kWords; ++i) state_[i] += after[i];
}

void Sha256::Update(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t filled = bytes_ % kBlockBytes;
    const size_t count = bytes.size() < kBlockBytes - filled
                             ? bytes.size()
                             : kBlockBytes - filled;
    memcpy(block_ + filled, bytes.data(), count);
    bytes.remove_prefix(count);
    bytes_ += count;
    if (bytes_ % kBlockBytes == 0) AddBlock();
  }
}

std::string Sha256::Digest() const {
  // A 1, zeros up to the last 8 bytes of a block, the number of bits.
  Sha256 whole = *this;
  const uint64_t bits = __builtin_bswap64(8 * bytes_);
  char byte = '\x80';
  do {
    whole.Update(std::string_view(&byte, 1));
    byte = 0;
  } while (whole.bytes_ % kBlockBytes != kBlockBytes - sizeof bits);
  whole.Update(
      std::string_view(reinterpret_cast<const char*>(&bits), sizeof bits));
  std::string digest(kSha256Bytes, '\0');
  for (int i = 0; i < kWords; ++i) {
    const uint32_t word = __builtin_bswap32(whole.state_[i]);
    memcpy(&digest[4 * i], &word, sizeof word);
  }
  return digest;
}

}  // namespace ramet::core
