#include "stub/call_chain.h"

#include <random>
#include <utility>

#include "stub/unary_over_call.h"

namespace ramet::stub {
namespace {

// Not to be guessed by others who call with the same authority.
uint64_t RandomId() {
  std::random_device random;
  uint64_t id = 0;
  while (id == 0) id = static_cast<uint64_t>(random()) << 32 | random();
  return id;
}

// `count` is how many numbers from 0 on are all there; those beyond wait.
void CountUp(uint64_t number, std::set<uint64_t>* beyond, uint64_t* count) {
  beyond->insert(number);
  while (!beyond->empty() && *beyond->begin() == *count) {
    beyond->erase(beyond->begin());
    ++*count;
  }
}

}  // namespace

CallChain::CallChain() : state_(std::make_shared<ChainState>(RandomId())) {}

CallOptions CallChain::Options(CallOptions options) const {
  options.chain = state_;
  return options;
}

absl::Status CallChain::status() const { return state_->status(); }

void CallChain::Reset() { state_->Reset(); }

absl::Status ChainState::status() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return epoch_->failure;
}

void ChainState::Reset() {
  std::lock_guard<std::mutex> order_lock(order_mutex_);
  std::lock_guard<std::mutex> lock(mutex_);
  ++epoch_number_;
  epoch_ = std::make_shared<Epoch>();
}

void ChainState::StartUnary(Channel* channel, std::string method,
                            std::string request, CallOptions options,
                            Channel::DoneCallback done) {
  if (!channel->keeps_order()) {
    return done(absl::UnimplementedError(
        method + ": there are no chains on this way to the context"));
  }
  std::unique_lock<std::mutex> order_lock(order_mutex_);
  std::shared_ptr<Epoch> epoch;
  absl::Status failure;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    epoch = epoch_;
    failure = epoch->failure;
    if (failure.ok()) {
      options.chain_position = {id_,
                                epoch_number_,
                                epoch->next_index++,
                                epoch->known_ok,
                                next_sequence_++,
                                settled_};
    }
  }
  if (!failure.ok()) {
    order_lock.unlock();
    return done(std::move(failure));
  }
  // Calls that are under way keep the chain.
  auto state = std::move(options.chain);
  auto on_done = [state, epoch, position = options.chain_position,
                  done = std::move(done)](absl::StatusOr<std::string> reply) {
    absl::Status status =
        state->OnOutcome(epoch.get(), position, reply.status());
    if (status.ok()) {
      done(std::move(reply));
    } else {
      done(std::move(status));
    }
  };
  if (options.reply_metadata != nullptr) {
    StartUnaryOverCall(channel, std::move(method), std::move(request), options,
                       std::move(on_done));
  } else {
    channel->StartUnary(std::move(method), std::move(request), options,
                        std::move(on_done));
  }
}

absl::Status ChainState::OnOutcome(Epoch* epoch, const ChainPosition& position,
                                   const absl::Status& status) {
  std::lock_guard<std::mutex> lock(mutex_);
  const uint64_t index = position.index;
  CountUp(position.sequence, &settled_beyond_, &settled_);
  if (status.ok()) {
    CountUp(index, &epoch->ok_beyond, &epoch->known_ok);
    return status;
  }
  // A hop may have had other words for a call behind the one that failed.
  if (!epoch->failure.ok() && epoch->failed_index < index) {
    return epoch->failure;
  }
  epoch->failure = status;
  epoch->failed_index = index;
  return status;
}

}  // namespace ramet::stub
