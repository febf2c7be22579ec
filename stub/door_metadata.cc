#include "stub/door_metadata.h"

#include <stdint.h>

#include <algorithm>
#include <string_view>

namespace ramet::stub {
namespace {

constexpr char kTimeout[] = "ramet-timeout-us";
constexpr char kMaxReplyBytes[] = "ramet-max-reply-bytes";
constexpr char kWaitForReady[] = "ramet-wait-for-ready";
constexpr char kChain[] = "ramet-chain";

// A century is no limit.
constexpr uint64_t kForeverUs = 100ull * 365 * 24 * 3600 * 1'000'000;

bool ParseNumber(std::string_view text, uint64_t* number) {
  if (text.empty() || text.size() > 20) return false;
  *number = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return false;
    const uint64_t value = static_cast<uint64_t>(digit - '0');
    if (*number > (UINT64_MAX - value) / 10) return false;
    *number = *number * 10 + value;
  }
  return true;
}

// "ID:INDEX" or "ID:INDEX:EPOCH:KNOWN_OK:SEQUENCE:SETTLED".
bool ParseChain(std::string_view text, ChainPosition* chain) {
  uint64_t numbers[6] = {};
  size_t count = 0;
  for (bool more = true; more; ++count) {
    if (count == 6) return false;
    const size_t colon = text.find(':');
    more = colon != text.npos;
    if (!ParseNumber(text.substr(0, colon), &numbers[count])) return false;
    if (more) text.remove_prefix(colon + 1);
  }
  if ((count != 2 && count != 6) || numbers[0] == 0 ||
      numbers[2] > UINT32_MAX || numbers[3] > numbers[1] ||
      numbers[5] > numbers[4]) {
    return false;
  }
  *chain = {numbers[0], static_cast<uint32_t>(numbers[2]),
            numbers[1], numbers[3],
            numbers[4], numbers[5]};
  if (count == 2) chain->sequence = chain->index;
  return true;
}

std::string FormatChain(const ChainPosition& chain) {
  std::string text;
  for (const uint64_t number :
       {chain.id, chain.index, uint64_t{chain.epoch}, chain.known_ok,
        chain.sequence, chain.settled}) {
    if (!text.empty()) text += ':';
    text += std::to_string(number);
  }
  return text;
}

absl::Status Bad(const char* key, const char* expected) {
  return absl::InvalidArgumentError(std::string("metadata ") + key +
                                    " must be " + expected);
}

}  // namespace

MetadataPairs DoorMetadata(const CallOptions& options, absl::Time now) {
  MetadataPairs pairs;
  const absl::Duration remaining = options.Remaining(now);
  if (remaining < absl::Microseconds(kForeverUs)) {
    pairs.emplace_back(kTimeout, std::to_string(std::max<int64_t>(
                                     absl::ToInt64Microseconds(remaining), 0)));
  }
  if (options.max_reply_bytes != core::kDefaultMaxMessageBytes) {
    pairs.emplace_back(kMaxReplyBytes, std::to_string(options.max_reply_bytes));
  }
  if (options.wait_for_ready) pairs.emplace_back(kWaitForReady, "true");
  if (options.chain_position.id != 0) {
    pairs.emplace_back(kChain, FormatChain(options.chain_position));
  }
  return pairs;
}

absl::Status ReadDoorMetadata(const FindMetadata& find, absl::Time now,
                              CallOptions* options) {
  uint64_t number = 0;
  if (const auto timeout = find(kTimeout)) {
    if (!ParseNumber(*timeout, &number)) {
      return Bad(kTimeout, "a number of microseconds");
    }
    if (number < kForeverUs) {
      options->deadline =
          std::min(options->deadline, now + absl::Microseconds(number));
    }
  }
  if (const auto bytes = find(kMaxReplyBytes)) {
    if (!ParseNumber(*bytes, &number)) {
      return Bad(kMaxReplyBytes, "a number of bytes");
    }
    options->max_reply_bytes = number;
  }
  if (const auto wait = find(kWaitForReady)) {
    if (*wait != "true" && *wait != "false") {
      return Bad(kWaitForReady, "true or false");
    }
    options->wait_for_ready = *wait == "true";
  }
  if (const auto chain = find(kChain)) {
    if (!ParseChain(*chain, &options->chain_position)) {
      return Bad(kChain, "ID:INDEX, two numbers of which the first is not 0");
    }
  }
  return absl::OkStatus();
}

}  // namespace ramet::stub
