#ifndef SERVER_CHAIN_SEQUENCER_H_
#define SERVER_CHAIN_SEQUENCER_H_

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "stub/call_options.h"

namespace ramet::server {

// Puts the calls of chains that come through gRPC back in the order in which
// their client made them: calls of one connection come on several threads, and
// those of several connections as they like. Modules keep the rest of what is
// promised (stub/chain_table.h); a call that is let through out of turn is
// ABORTED there, and never run.
//
// Threads: any.
class ChainSequencer {
 public:
  // Of requests that wait for calls before them, all chains together.
  static constexpr size_t kMaxHeldBytes = 64 * 1024 * 1024;
  // Chains of which nothing waits; the oldest is forgotten, and learnt anew
  // from its next call.
  static constexpr size_t kMaxIdleChains = 4096;

  // Whose chain, and its id. Clients can't get into each other's.
  using Key = std::pair<std::string, uint64_t>;

  // Has `forward` run when it is the call's turn: in this call, or in one for
  // another call of the chain, and behind the others' of the chain. False, and
  // it never will: too much waits.
  bool Enter(const Key& key, const stub::ChainPosition& position,
             size_t held_bytes, std::function<void()> forward);

  // The call will not come: nobody behind it waits for it. One that is ahead of
  // its turn is not remembered; who is behind it waits until Expire().
  void Skip(const Key& key, const stub::ChainPosition& position);

  // Nobody waits any longer for anything.
  void ExpireAll();

  // Nobody waits any longer for calls before this one.
  void Expire(const Key& key, const stub::ChainPosition& position);

  // What the module is to be told, so that clients with the same numbers do not
  // meet there.
  uint64_t IdFor(const Key& key) const;

  size_t chains() const;

 private:
  struct Held {
    size_t bytes;
    std::function<void()> forward;
  };
  struct Chain {
    uint64_t next = 0;
    std::multimap<uint64_t, Held> held;
    bool forwarding = false;  // some thread is at it
    bool idle = false;
    std::list<Key>::iterator place;  // in idle_, when it is
  };
  using Chains = std::map<Key, Chain>;

  // Under the lock, which is given up meanwhile.
  void Forward(Chains::iterator found, std::unique_lock<std::mutex>* lock);
  void SetIdle(Chains::iterator found);

  const std::string salt_ = MakeSalt();
  static std::string MakeSalt();

  mutable std::mutex mutex_;  // for everything below
  size_t held_bytes_ = 0;
  Chains chains_;
  std::list<Key> idle_;
};

}  // namespace ramet::server

#endif  // SERVER_CHAIN_SEQUENCER_H_
