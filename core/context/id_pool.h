#ifndef CORE_CONTEXT_ID_POOL_H_
#define CORE_CONTEXT_ID_POOL_H_

#include <stdint.h>

#include <vector>

namespace ramet::core {

// The ids that were granted to a context and that it has not given away. Ids
// only ever leave the pool, so none is used twice in a master's life.
class IdPool {
 public:
  void Add(uint32_t first, uint32_t count) {
    if (count > 0) blocks_.push_back({first, count});
  }

  // Takes `count` consecutive ids; false when no block has as many left. The
  // rest of a block that is too small is kept for smaller wishes.
  bool Take(uint32_t count, uint32_t* first) {
    for (Block& block : blocks_) {
      if (block.count < count) continue;
      *first = block.first;
      block.first += count;
      block.count -= count;
      return true;
    }
    return false;
  }

  uint32_t available() const {
    uint32_t sum = 0;
    for (const Block& block : blocks_) sum += block.count;
    return sum;
  }

 private:
  struct Block {
    uint32_t first;
    uint32_t count;
  };
  std::vector<Block> blocks_;
};

}  // namespace ramet::core

#endif  // CORE_CONTEXT_ID_POOL_H_
