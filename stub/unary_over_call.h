#ifndef STUB_UNARY_OVER_CALL_H_
#define STUB_UNARY_OVER_CALL_H_

#include <memory>
#include <string>

#include "stub/call_options.h"
#include "stub/channel.h"
#include "stub/raw_call.h"

namespace ramet::stub {

// What tells `done` of a unary call's outcome, and `metadata`, unless it is
// null, of the answer's metadata.
std::shared_ptr<RawCallListener> MakeUnaryListener(
    std::shared_ptr<ReplyMetadata> metadata, Channel::DoneCallback done);

// Channel::StartUnary() by means of StartCall(), which gives the answer's
// metadata to options.reply_metadata as well.
void StartUnaryOverCall(Channel* channel, std::string method,
                        std::string request, const CallOptions& options,
                        Channel::DoneCallback done);

}  // namespace ramet::stub

#endif  // STUB_UNARY_OVER_CALL_H_
