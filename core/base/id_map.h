#ifndef CORE_BASE_ID_MAP_H_
#define CORE_BASE_ID_MAP_H_

#include <stddef.h>
#include <stdint.h>

#include <memory>

namespace ramet::core {

// The part of IdMap that is the same for every type: a sorted array of keys and
// pointers, which it does not own.
class IdTable {
 public:
  IdTable() = default;
  ~IdTable();
  IdTable(const IdTable&) = delete;
  IdTable& operator=(const IdTable&) = delete;

  void* Find(uint64_t key) const;          // null: not there
  void Insert(uint64_t key, void* value);  // the key must be new
  void* Remove(uint64_t key);              // null: not there
  size_t size() const { return size_; }
  uint64_t key_at(size_t i) const { return entries_[i].key; }
  void* value_at(size_t i) const { return entries_[i].value; }

 private:
  struct Entry {
    uint64_t key;
    void* value;
  };

  size_t LowerBound(uint64_t key) const;

  Entry* entries_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Objects by id, in the ids' order. Ids are handed out ascending, so an insert
// is an append; finding is a binary search. All types share one implementation:
// each std::map in the agent costs a kilobyte.
//
// Owns its values; pointers to them stay valid until they are removed. Indexes
// are valid until the next insert or remove.
template <typename T>
class IdMap {
 public:
  IdMap() = default;
  ~IdMap() {
    while (size() > 0) Remove(key_at(size() - 1));
  }

  T* Find(uint64_t key) const { return static_cast<T*>(table_.Find(key)); }
  bool Has(uint64_t key) const { return table_.Find(key) != nullptr; }
  T* Insert(uint64_t key, std::unique_ptr<T> value) {
    T* const pointer = value.release();
    table_.Insert(key, pointer);
    return pointer;
  }
  // Null: there was none.
  std::unique_ptr<T> Remove(uint64_t key) {
    return std::unique_ptr<T>(static_cast<T*>(table_.Remove(key)));
  }
  size_t size() const { return table_.size(); }
  uint64_t key_at(size_t i) const { return table_.key_at(i); }
  T* at(size_t i) const { return static_cast<T*>(table_.value_at(i)); }

 private:
  IdTable table_;
};

}  // namespace ramet::core

#endif  // CORE_BASE_ID_MAP_H_
