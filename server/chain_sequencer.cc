#include "server/chain_sequencer.h"

#include <algorithm>
#include <random>
#include <vector>

namespace ramet::server {

std::string ChainSequencer::MakeSalt() {
  std::random_device random;
  std::string salt;
  for (int i = 0; i < 4; ++i) salt += std::to_string(random()) + ' ';
  return salt;
}

uint64_t ChainSequencer::IdFor(const Key& key) const {
  const uint64_t id = std::hash<std::string>()(
      salt_ + std::to_string(key.second) + ' ' + key.first);
  return id == 0 ? 1 : id;
}

bool ChainSequencer::Enter(const Key& key, const stub::ChainPosition& position,
                           size_t held_bytes, std::function<void()> forward) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto [found, is_new] = chains_.try_emplace(key);
  Chain& chain = found->second;
  chain.next = std::max(chain.next, position.settled);
  if (position.sequence > chain.next &&
      held_bytes_ + held_bytes > kMaxHeldBytes) {
    if (is_new) SetIdle(found);
    return false;
  }
  held_bytes_ += held_bytes;
  chain.held.emplace(position.sequence, Held{held_bytes, std::move(forward)});
  if (chain.idle) {
    chain.idle = false;
    idle_.erase(chain.place);
  }
  Forward(found, &lock);
  return true;
}

void ChainSequencer::Skip(const Key& key, const stub::ChainPosition& position) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto found = chains_.find(key);
  if (found == chains_.end()) {
    // The first of a chain: those that come then are in order.
    if (position.sequence > position.settled) return;
    const auto added = chains_.try_emplace(key).first;
    added->second.next = position.sequence + 1;
    return SetIdle(added);
  }
  Chain& chain = found->second;
  chain.next = std::max(chain.next, position.settled);
  if (position.sequence > chain.next) return;
  chain.next = std::max(chain.next, position.sequence + 1);
  Forward(found, &lock);
}

void ChainSequencer::ExpireAll() {
  std::unique_lock<std::mutex> lock(mutex_);
  std::vector<Key> keys;
  for (const auto& [key, chain] : chains_) {
    if (!chain.held.empty()) keys.push_back(key);
  }
  for (const Key& key : keys) {
    const auto found = chains_.find(key);
    if (found == chains_.end() || found->second.held.empty()) continue;
    found->second.next =
        std::max(found->second.next, found->second.held.rbegin()->first);
    Forward(found, &lock);
  }
}

void ChainSequencer::Expire(const Key& key,
                            const stub::ChainPosition& position) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto found = chains_.find(key);
  if (found == chains_.end()) return;
  found->second.next = std::max(found->second.next, position.sequence);
  Forward(found, &lock);
}

void ChainSequencer::Forward(Chains::iterator found,
                             std::unique_lock<std::mutex>* lock) {
  Chain& chain = found->second;
  if (chain.forwarding || chain.idle) return;
  chain.forwarding = true;
  while (!chain.held.empty() && chain.held.begin()->first <= chain.next) {
    const auto first = chain.held.begin();
    const Held held = std::move(first->second);
    chain.next = std::max(chain.next, first->first + 1);
    chain.held.erase(first);
    held_bytes_ -= held.bytes;
    // A chain that is being forwarded is not forgotten.
    lock->unlock();
    held.forward();
    lock->lock();
  }
  chain.forwarding = false;
  if (chain.held.empty()) SetIdle(found);
}

void ChainSequencer::SetIdle(Chains::iterator found) {
  found->second.idle = true;
  found->second.place = idle_.insert(idle_.end(), found->first);
  if (idle_.size() <= kMaxIdleChains) return;
  chains_.erase(idle_.front());
  idle_.pop_front();
}

size_t ChainSequencer::chains() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return chains_.size();
}

}  // namespace ramet::server
