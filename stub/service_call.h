#ifndef STUB_SERVICE_CALL_H_
#define STUB_SERVICE_CALL_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "stub/message_bytes.h"

namespace ramet::stub {

// What generated services call; nothing here is for anybody else.

// UNIMPLEMENTED, naming `what`: a method's path or a service.
absl::Status NotImplemented(const char* what);

// Parses the request, runs `method(request, &reply)`, serializes the reply.
template <typename Request, typename Reply, typename Method>
absl::Status ServeUnary(const std::string& request_bytes,
                        std::string* reply_bytes, Method&& method) {
  Request request;
  absl::Status status = ParseRequest(request_bytes, &request);
  if (!status.ok()) return status;
  Reply reply;
  status = std::forward<Method>(method)(request, &reply);
  if (!status.ok()) return status;
  return SerializeReply(reply, reply_bytes);
}

}  // namespace ramet::stub

#endif  // STUB_SERVICE_CALL_H_
