#include "server/patch_maker.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <algorithm>
#include <vector>

namespace ramet::server {
namespace {

// Shorter ones are not looked for.
constexpr size_t kMinMatch = 8;
// A longer one is taken at once, and goes on by being found again.
constexpr size_t kMaxMatch = 4096;
// A match that is not where the last one leads must have so many bytes more
// right to be worth a new entry.
constexpr size_t kWorthAnEntry = 8;
// Places with the same beginning that are looked at.
constexpr int kMaxTries = 24;
// Bytes compared, for each byte of the image, on the whole: programs take 10 to
// 40.
constexpr uint64_t kMaxCompared = 400;

// Where in the base what the image has at some place is found.
class Matcher {
 public:
  Matcher(std::string_view base, std::string_view image)
      : base_(base),
        image_(image),
        heads_(size_t{1} << kHashBits, kNone),
        next_(base.size(), kNone),
        budget_(kMaxCompared * (image.size() + kMaxMatch)) {
    if (base.size() < kMinMatch) return;
    // Backwards, so that the first place comes first.
    for (size_t i = base.size() - kMinMatch + 1; i-- > 0;) {
      uint32_t* const head = &heads_[Hash(base.data() + i)];
      next_[i] = *head;
      *head = static_cast<uint32_t>(i);
    }
  }

  bool exhausted() const { return budget_ == 0; }

  // The length of the best match for the image from `at`, and where it is;
  // `likely` is where the last one would go on.
  size_t Find(size_t at, size_t likely, size_t* where) {
    size_t best = 0;
    if (likely < base_.size()) {
      best = Length(at, likely);
      *where = likely;
    }
    if (best >= kMaxMatch || image_.size() - at < kMinMatch) return best;
    uint32_t place = heads_[Hash(image_.data() + at)];
    for (int i = 0; i < kMaxTries && place != kNone; ++i) {
      const size_t length = Length(at, place);
      if (length > best) {
        best = length;
        *where = place;
      }
      place = next_[place];
    }
    return best;
  }

 private:
  static constexpr int kHashBits = 20;
  static constexpr uint32_t kNone = UINT32_MAX;

  static uint32_t Hash(const char* bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return static_cast<uint32_t>((value * 0x9E3779B97F4A7C15u) >>
                                 (64 - kHashBits));
  }

  size_t Length(size_t at, size_t place) {
    const size_t most =
        std::min({image_.size() - at, base_.size() - place, kMaxMatch});
    size_t length = 0;
    while (length < most && image_[at + length] == base_[place + length]) {
      ++length;
    }
    budget_ -= std::min<uint64_t>(budget_, length + 1);
    return length;
  }

  const std::string_view base_;
  const std::string_view image_;
  std::vector<uint32_t> heads_;
  std::vector<uint32_t> next_;
  uint64_t budget_;
};

void AppendNumber(uint64_t number, std::string* out) {
  for (; number >= 0x80; number >>= 7) {
    out->push_back(static_cast<char>(number | 0x80));
  }
  out->push_back(static_cast<char>(number));
}

class PatchMaker {
 public:
  PatchMaker(std::string_view base, std::string_view image)
      : base_(base), image_(image), matcher_(base, image) {}

  std::string Make() {
    size_t at = 0;
    size_t where = 0;
    size_t length = 0;
    while (at < image_.size()) {
      at += length;
      // How many of the bytes up to the match's end are right when the last
      // entry simply goes on.
      size_t right = 0;
      size_t counted = at;
      for (; at < image_.size(); ++at) {
        if (matcher_.exhausted()) return {};
        length = matcher_.Find(at, at + lead_, &where);
        for (; counted < at + length; ++counted) right += Follows(counted);
        if (length != 0 && length == right) break;
        if (length > right + kWorthAnEntry) break;
        if (right > 0) right -= Follows(at);
      }
      if (at == image_.size()) {
        Finish(at, base_.size(), 0);
      } else if (length != right) {
        Finish(at, where, Backward(at, where));
      }
    }
    return std::move(patch_);
  }

 private:
  bool Follows(size_t at) const {
    return at + lead_ < base_.size() && image_[at] == base_[at + lead_];
  }

  // How far the entry from `image_at_` on goes on being mostly right.
  size_t Forward(size_t until) const {
    ptrdiff_t score = 0;
    ptrdiff_t best = 0;
    size_t best_length = 0;
    for (size_t i = 0; image_at_ + i < until && base_at_ + i < base_.size();
         ++i) {
      score += image_[image_at_ + i] == base_[base_at_ + i] ? 1 : -1;
      if (score <= best) continue;
      best = score;
      best_length = i + 1;
    }
    return best_length;
  }

  // How far before the match at `at` it is mostly right as well.
  size_t Backward(size_t at, size_t where) const {
    ptrdiff_t score = 0;
    ptrdiff_t best = 0;
    size_t best_length = 0;
    for (size_t i = 1; i <= at - image_at_ && i <= where; ++i) {
      score += image_[at - i] == base_[where - i] ? 1 : -1;
      if (score <= best) continue;
      best = score;
      best_length = i;
    }
    return best_length;
  }

  // Writes the entry that the match at `at` ends; `back` of its bytes belong to
  // the match.
  void Finish(size_t at, size_t where, size_t back) {
    size_t forward = Forward(at);
    const size_t whole = at - image_at_;
    if (forward + back > whole) {
      // Both claim some bytes: where to cut, so that most are right.
      const size_t shared = forward + back - whole;
      ptrdiff_t score = 0;
      ptrdiff_t best = 0;
      size_t keep = 0;
      for (size_t i = 0; i < shared; ++i) {
        const size_t mine = forward - shared + i;
        score += image_[image_at_ + mine] == base_[base_at_ + mine];
        score -= image_[at - back + i] == base_[where - back + i];
        if (score <= best) continue;
        best = score;
        keep = i + 1;
      }
      forward -= shared - keep;
      back -= keep;
    }
    const size_t added = whole - forward - back;
    const int64_t move = static_cast<int64_t>(where - back) -
                         static_cast<int64_t>(base_at_ + forward);
    AppendNumber(forward, &patch_);
    AppendNumber(added, &patch_);
    AppendNumber(
        static_cast<uint64_t>(move) << 1 ^ static_cast<uint64_t>(move >> 63),
        &patch_);
    for (size_t i = 0; i < forward; ++i) {
      patch_.push_back(
          static_cast<char>(image_[image_at_ + i] - base_[base_at_ + i]));
    }
    patch_.append(image_.substr(image_at_ + forward, added));
    image_at_ = at - back;
    base_at_ = where - back;
    lead_ = where - at;
  }

  const std::string_view base_;
  const std::string_view image_;
  Matcher matcher_;
  std::string patch_;
  size_t image_at_ = 0;  // where the next entry begins
  size_t base_at_ = 0;
  size_t lead_ =
      0;  // from there on: the base's place less the image's, mod 2^64
};

}  // namespace

std::string MakeImagePatch(std::string_view base, std::string_view image) {
  return PatchMaker(base, image).Make();
}

}  // namespace ramet::server
