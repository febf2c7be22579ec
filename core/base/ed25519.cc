#include "core/base/ed25519.h"

#include <stdint.h>
#include <string.h>

#include "core/base/sha512.h"

namespace ramet::core {
namespace {

constexpr int kWords = 8;

// A number modulo p = 2^255 - 19, as any number below 2^256 that is the same:
// little-endian words.
struct Field {
  uint32_t words[kWords];
};

constexpr Field kZero = {{}};
constexpr Field kOne = {{1}};
constexpr Field kMinusOne = {{0xffffffec, 0xffffffff, 0xffffffff, 0xffffffff,
                              0xffffffff, 0xffffffff, 0xffffffff, 0x7fffffff}};
// The curve is -x^2 + y^2 = 1 + d x^2 y^2.
constexpr Field kD = {{0x135978a3, 0x75eb4dca, 0x4141d8ab, 0x00700a4d,
                       0x7779e898, 0x8cc74079, 0x2b6ffe73, 0x52036cee}};
constexpr Field kRootOfMinusOne = {{0x4a0ea0b0, 0xc4ee1b27, 0xad2fe478,
                                    0x2f431806, 0x3dfbd7a7, 0x2b4d0099,
                                    0x4fc1df0b, 0x2b832480}};
// What a carry out of the words is worth: 2^256 modulo p.
constexpr uint32_t kCarry = 38;
// The order of the base point is 2^252 and these, little-endian.
constexpr int kOrderBytes = 16;
constexpr uint8_t kOrder[kOrderBytes] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63,
                                         0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2,
                                         0xde, 0xf9, 0xde, 0x14};

// a * b + c. All there is to do with numbers, in one function: it is small.
Field MultiplyAdd(const Field& a, const Field& b, const Field& c) {
  uint32_t product[2 * kWords] = {};
  memcpy(product, c.words, sizeof c.words);
  for (int i = 0; i < kWords; ++i) {
    uint64_t carry = 0;
    for (int j = 0; j < kWords; ++j) {
      // (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1
      carry += uint64_t{a.words[i]} * b.words[j] + product[i + j];
      product[i + j] = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    product[i + kWords] = static_cast<uint32_t>(carry);
  }
  Field result;
  memcpy(result.words, product, sizeof result.words);
  uint32_t* const high = product + kWords;
  // What is above counts 38 times below. That leaves 6 bits above, then one,
  // then, because the rest is small by then, none.
  for (int round = 0; round < 3; ++round) {
    uint64_t carry = 0;
    for (int i = 0; i < kWords; ++i) {
      carry += uint64_t{high[i]} * kCarry + result.words[i];
      result.words[i] = static_cast<uint32_t>(carry);
      carry >>= 32;
      high[i] = 0;
    }
    high[0] = static_cast<uint32_t>(carry);
  }
  return result;
}

Field operator*(const Field& a, const Field& b) {
  return MultiplyAdd(a, b, kZero);
}
Field operator+(const Field& a, const Field& b) {
  return MultiplyAdd(a, kOne, b);
}
Field operator-(const Field& a, const Field& b) {
  return MultiplyAdd(b, kMinusOne, a);
}

// The same below p.
Field Canonical(Field a) {
  for (int round = 0; round < 2; ++round) {
    // a + 19 reaches 2^255 just when a reaches p; less that, it is a - p.
    Field less = a;
    uint64_t carry = 19;
    for (uint32_t& word : less.words) {
      carry += word;
      word = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    if (carry == 0 && less.words[kWords - 1] >> 31 == 0) break;
    less.words[kWords - 1] ^= 0x80000000;
    a = less;
  }
  return a;
}

bool Equal(const Field& a, const Field& b) {
  const Field x = Canonical(a);
  const Field y = Canonical(b);
  return memcmp(&x, &y, sizeof x) == 0;
}

// In extended coordinates: x = X/Z, y = Y/Z, T = xy Z.
struct Point {
  Field x, y, z, t;
};

// Right for any two points, equal ones, too. Hisil, Wong, Carter and Dawson,
// "Twisted Edwards Curves Revisited" (2008), 3.1.
Point operator+(const Point& p, const Point& q) {
  const Field a = (p.y - p.x) * (q.y - q.x);
  const Field b = (p.y + p.x) * (q.y + q.x);
  const Field c = p.t * q.t * (kD + kD);
  const Field d = p.z * (q.z + q.z);
  const Field e = b - a;
  const Field f = d - c;
  const Field g = d + c;
  const Field h = b + a;
  return {e * f, g * h, f * g, e * h};
}

// RFC 8032, 5.1.3: y, and in the highest bit whether x is odd. False: there is
// no such point.
bool Decode(const char* bytes, Point* point) {
  Field y;
  memcpy(y.words, bytes, sizeof y.words);
  const uint32_t odd = y.words[kWords - 1] >> 31;
  y.words[kWords - 1] &= 0x7fffffff;
  const Field below_p = Canonical(y);
  if (memcmp(&below_p, &y, sizeof y) != 0) return false;
  // x^2 = u / v; a root of it is u v^3 (u v^7)^((p - 5) / 8), perhaps times the
  // root of -1.
  const Field u = y * y - kOne;
  const Field v = kD * y * y + kOne;
  const Field uv3 = u * v * v * v;
  const Field uv7 = uv3 * v * v * v * v;
  Field x = uv3;
  Field power = kOne;
  // (p - 5) / 8 = 2^252 - 3: all ones but the second bit.
  for (int bit = 251; bit >= 0; --bit) {
    power = power * power;
    if (bit != 1) power = power * uv7;
  }
  x = x * power;
  if (!Equal(v * x * x, u)) x = x * kRootOfMinusOne;
  if (!Equal(v * x * x, u)) return false;
  if ((Canonical(x).words[0] & 1) != odd) {
    x = x * kMinusOne;
    if (Equal(x, kZero)) return false;  // it has no other sign
  }
  *point = {x, y, kOne, x * y};
  return true;
}

// Whether it is less than the order: else there would be more than one
// signature of a message.
bool IsScalar(const uint8_t bytes[32]) {
  for (int i = 31; i >= 0; --i) {
    const int order = i < kOrderBytes ? kOrder[i] : i == 31 ? 0x10 : 0;
    if (bytes[i] != order) return bytes[i] < order;
  }
  return false;
}

bool Bit(const uint8_t* bytes, int i) { return bytes[i / 8] >> i % 8 & 1; }

}  // namespace

bool VerifyEd25519(std::string_view key, std::string_view message,
                   std::string_view signature) {
  if (key.size() != kEd25519KeyBytes ||
      signature.size() != kEd25519SignatureBytes) {
    return false;
  }
  uint8_t s[kSha512Bytes] = {};
  memcpy(s, signature.data() + 32, 32);
  // The base point is the one with y = 4/5 and an even x.
  char base_bytes[32];
  memset(base_bytes, 0x66, sizeof base_bytes);
  base_bytes[0] = 0x58;
  Point base, a, r;
  if (!IsScalar(s) || !Decode(base_bytes, &base) || !Decode(key.data(), &a) ||
      !Decode(signature.data(), &r)) {
    return false;
  }
  a.x = a.x * kMinusOne;
  a.t = a.t * kMinusOne;
  uint8_t h[kSha512Bytes];
  Sha512Digest({signature.substr(0, 32), key, message}, h);
  // s B - h A, which is R. To take h modulo the order first would make a
  // difference only for keys that nobody has made as he should.
  Point sum = {kZero, kOne, kOne, kZero};
  for (int bit = 8 * kSha512Bytes; bit-- > 0;) {
    sum = sum + sum;
    if (Bit(s, bit)) sum = sum + base;
    if (Bit(h, bit)) sum = sum + a;
  }
  return Equal(r.x * sum.z, sum.x) && Equal(r.y * sum.z, sum.y);
}

}  // namespace ramet::core
