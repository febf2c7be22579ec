#ifndef STUB_UNARY_OVER_CALL_H_
#define STUB_UNARY_OVER_CALL_H_

#include <string>

#include "stub/call_options.h"
#include "stub/channel.h"

namespace ramet::stub {

// Channel::StartUnary() by means of StartCall(), which gives the answer's
// metadata to options.reply_metadata as well.
void StartUnaryOverCall(Channel* channel, std::string method,
                        std::string request, const CallOptions& options,
                        Channel::DoneCallback done);

}  // namespace ramet::stub

#endif  // STUB_UNARY_OVER_CALL_H_
