#ifndef STUB_SERVICE_CALL_H_
#define STUB_SERVICE_CALL_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "stub/message_bytes.h"
#include "stub/server_stream.h"
#include "stub/service.h"

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

// The stream's failure comes first: the method could only guess at it.
absl::Status EndOfStream(const absl::Status& failure, absl::Status returned);

// Reads the one request, runs `method(request, &writer)`.
template <typename Request, typename Reply, typename Method>
absl::Status ServeServerStream(ServerStream* stream, Method&& method) {
  ServerReader<Request> reader(stream);
  Request request;
  if (!reader.Read(&request)) return reader.failure();
  ServerWriter<Reply> writer(stream);
  absl::Status status = std::forward<Method>(method)(request, &writer);
  return EndOfStream(writer.failure(), std::move(status));
}

// Runs `method(&reader, &reply)`, writes the one reply.
template <typename Request, typename Reply, typename Method>
absl::Status ServeClientStream(ServerStream* stream, Method&& method) {
  ServerReader<Request> reader(stream);
  Reply reply;
  absl::Status status = std::forward<Method>(method)(&reader, &reply);
  status = EndOfStream(reader.failure(), std::move(status));
  if (!status.ok()) return status;
  ServerWriter<Reply> writer(stream);
  writer.Write(reply);
  return writer.failure();
}

// Runs `method(&stream)`.
template <typename Request, typename Reply, typename Method>
absl::Status ServeBidiStream(ServerStream* stream, Method&& method) {
  ServerReaderWriter<Request, Reply> both(stream);
  absl::Status status = std::forward<Method>(method)(&both);
  return EndOfStream(both.failure(), std::move(status));
}

}  // namespace ramet::stub

#endif  // STUB_SERVICE_CALL_H_
