#include "core/base/id_map.h"

#include <string.h>

#include "core/base/check.h"

namespace ramet::core {

IdTable::~IdTable() { delete[] entries_; }

size_t IdTable::LowerBound(uint64_t key) const {
  size_t low = 0;
  size_t high = size_;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (entries_[middle].key < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void* IdTable::Find(uint64_t key) const {
  const size_t at = LowerBound(key);
  return at < size_ && entries_[at].key == key ? entries_[at].value : nullptr;
}

void IdTable::Insert(uint64_t key, void* value) {
  const size_t at = LowerBound(key);
  RAMET_CHECK(at == size_ || entries_[at].key != key);
  if (size_ == capacity_) {
    // Not realloc(3): nothing else in the agent brings it along.
    capacity_ = capacity_ == 0 ? 8 : capacity_ * 2;
    Entry* const grown = new Entry[capacity_];
    if (size_ > 0) memcpy(grown, entries_, size_ * sizeof(Entry));
    delete[] entries_;
    entries_ = grown;
  }
  memmove(entries_ + at + 1, entries_ + at, (size_ - at) * sizeof(Entry));
  entries_[at] = Entry{key, value};
  ++size_;
}

void* IdTable::Remove(uint64_t key) {
  const size_t at = LowerBound(key);
  if (at == size_ || entries_[at].key != key) return nullptr;
  void* const value = entries_[at].value;
  --size_;
  memmove(entries_ + at, entries_ + at + 1, (size_ - at) * sizeof(Entry));
  return value;
}

}  // namespace ramet::core
