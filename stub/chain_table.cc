#include "stub/chain_table.h"

#include <algorithm>
#include <string>
#include <utility>

namespace ramet::stub {
namespace {

absl::Status Lost() {
  return absl::AbortedError(
      "calls of this chain were lost, or went to another module, and whether "
      "they succeeded is not known; reset the chain and begin again");
}

absl::Status Remembered(const absl::Status& status) {
  if (status.message().size() <= ChainTable::kMaxTextBytes) return status;
  return absl::Status(status.code(),
                      status.message().substr(0, ChainTable::kMaxTextBytes));
}

}  // namespace

ChainTable::Key ChainTable::KeyOf(const ServedCall& call) {
  const CallContext::Caller caller = call.context().caller();
  return {caller.id, caller.authority, call.context().headers().chain_id};
}

absl::Status ChainTable::Check(const ServedCall& call, Chain* chain) const {
  const core::CallHeaders& place = call.context().headers();
  if (place.chain_epoch < chain->epoch) return Lost();
  if (place.chain_epoch > chain->epoch) {
    chain->epoch = place.chain_epoch;
    chain->next_index = place.chain_known_ok;
    chain->failure = absl::OkStatus();
  }
  if (!chain->failure.ok()) return chain->failure;
  if (place.chain_index != chain->next_index) {
    // Somebody on the way has refused one.
    chain->failure = Lost();
    return chain->failure;
  }
  ++chain->next_index;
  return absl::OkStatus();
}

absl::Status ChainTable::Add(const CallPtr& call) {
  if (call->kind() != MethodKind::kUnary) {
    return absl::InvalidArgumentError("chains are of unary calls");
  }
  const core::CallHeaders& place = call->context().headers();
  const Key key = KeyOf(*call);
  auto [found, is_new] = chains_.try_emplace(key);
  Chain& chain = found->second;
  if (is_new) {
    chain.epoch = place.chain_epoch;
    chain.next_index = place.chain_known_ok;
    chain.foreign = call->foreign();
  } else if (chain.line.empty()) {
    (chain.foreign ? foreign_idle_ : idle_).erase(chain.idle);
  }
  absl::Status status = Check(*call, &chain);
  if (status.ok()) chain.line.push_back({call, place.chain_epoch});
  if (chain.line.empty()) SetIdle(found);
  return status;
}

bool ChainTable::OnWhole(const ServedCall& call) {
  auto found = chains_.find(KeyOf(call));
  if (found == chains_.end()) return false;
  Chain& chain = found->second;
  for (Place& place : chain.line) {
    if (place.call.get() == &call) place.whole = true;
  }
  if (chain.running || chain.line.empty() ||
      chain.line.front().call.get() != &call) {
    return false;
  }
  chain.running = true;
  return true;
}

void ChainTable::Fail(Chain* chain, size_t index, const absl::Status& failure,
                      Turn* turn) {
  const uint32_t epoch = chain->line[index].epoch;
  turn->why = Remembered(failure);
  if (epoch == chain->epoch && chain->failure.ok()) chain->failure = turn->why;
  auto behind = chain->line.begin() + index + 1;
  const auto end = std::find_if(
      behind, chain->line.end(),
      [epoch](const Place& place) { return place.epoch != epoch; });
  for (auto place = behind; place != end; ++place) {
    turn->failed.push_back(std::move(place->call));
  }
  chain->line.erase(behind, end);
}

void ChainTable::OnAborted(const ServedCall& call, Turn* turn) {
  auto found = chains_.find(KeyOf(call));
  // Whose method was done in time has succeeded.
  const absl::Status outcome = call.outcome();
  if (found == chains_.end() || outcome.ok()) return;
  Chain& chain = found->second;
  for (size_t i = 0; i < chain.line.size(); ++i) {
    if (chain.line[i].call.get() != &call) continue;
    Fail(&chain, i, outcome, turn);
    // One that runs keeps its place until its method has returned.
    if (i > 0 || !chain.running) {
      chain.line.erase(chain.line.begin() + i);
      TakeNext(&chain, turn);
      if (chain.line.empty()) SetIdle(found);
    }
    return;
  }
}

void ChainTable::OnReturned(const ServedCall& call, Turn* turn) {
  auto found = chains_.find(KeyOf(call));
  if (found == chains_.end()) return;
  Chain& chain = found->second;
  const absl::Status outcome = call.outcome();
  if (!outcome.ok()) Fail(&chain, 0, outcome, turn);
  chain.line.pop_front();
  chain.running = false;
  TakeNext(&chain, turn);
  if (chain.line.empty()) SetIdle(found);
}

void ChainTable::TakeNext(Chain* chain, Turn* turn) {
  if (chain->running || chain->line.empty() || !chain->line.front().whole) {
    return;
  }
  chain->running = true;
  turn->run = chain->line.front().call;
}

void ChainTable::SetIdle(Chains::iterator chain) {
  const bool foreign = chain->second.foreign;
  std::list<Key>& idle = foreign ? foreign_idle_ : idle_;
  chain->second.idle = idle.insert(idle.end(), chain->first);
  if (idle.size() <= (foreign ? kMaxForeignIdle : kMaxIdle)) return;
  chains_.erase(idle.front());
  idle.pop_front();
}

}  // namespace ramet::stub
