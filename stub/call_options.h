#ifndef STUB_CALL_OPTIONS_H_
#define STUB_CALL_OPTIONS_H_

#include <stddef.h>
#include <stdint.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/wire/call_parts.h"
#include "stub/compression.h"
#include "stub/metadata.h"

namespace ramet::stub {

// What the callee sent beside its reply. Written by the channel, complete and
// readable when the call's outcome is.
struct ReplyMetadata {
  MetadataPairs initial;
  MetadataPairs trailing;
};

class ChainState;  // stub/call_chain.h

// Where in a chain a call is: the fields of CallHeaders. An id of 0: in none.
struct ChainPosition {
  uint64_t id = 0;
  uint32_t epoch = 0;
  uint64_t index = 0;
  uint64_t known_ok = 0;
  // For ways on which calls may overtake each other: the number of the call
  // among all of the chain, and how many in front are known to be over.
  uint64_t sequence = 0;
  uint64_t settled = 0;
};

// How one call is made. A value type.
struct CallOptions {
  // The call fails with DEADLINE_EXCEEDED when it is not over by then; of the
  // two the earlier counts. By default there is no limit.
  absl::Duration timeout = absl::InfiniteDuration();  // from the call's start
  absl::Time deadline = absl::InfiniteFuture();

  // While the context can't be connected (UNAVAILABLE), the call tries again
  // after a pause that grows, until its limit, instead of failing. A call that
  // has been sent is never repeated. From a module it has no effect: contexts
  // are connected by the master.
  bool wait_for_ready = false;

  // Pairs for the method; INVALID_ARGUMENT for what CheckMetadata() refuses.
  MetadataPairs metadata;

  // The call fails with RESOURCE_EXHAUSTED when a message is longer; the callee
  // has limits of its own.
  size_t max_request_bytes = core::kDefaultMaxMessageBytes;
  size_t max_reply_bytes = core::kDefaultMaxMessageBytes;

  // Requests are compressed when that makes them smaller, and the callee may
  // compress its replies. Worth it on slow links only.
  Compression compression = Compression::kNone;
  // For proxies, whose messages are compressed elsewhere: what their caller
  // takes, a set of CompressionBit()s.
  uint32_t accepted_compressions = 0;

  // Gets the metadata of a unary call's answer, when it is wanted. One for each
  // call.
  std::shared_ptr<ReplyMetadata> reply_metadata;

  // Made by CallChain::Options(). The position is filled in when the call is
  // made; the channel sends it.
  std::shared_ptr<ChainState> chain;
  ChainPosition chain_position;

  // The earlier of both limits, as time that remains at `now`; negative when
  // it has passed.
  absl::Duration Remaining(absl::Time now) const {
    return std::min(timeout, deadline - now);
  }
};

}  // namespace ramet::stub

#endif  // STUB_CALL_OPTIONS_H_
