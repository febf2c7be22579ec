#ifndef TESTS_INTEROP_MESSAGE_FLAGS_H_
#define TESTS_INTEROP_MESSAGE_FLAGS_H_

#include <grpcpp/grpcpp.h>

namespace ramet::interop {

// Whether the last message that came to a call was compressed, by the way that
// gRPC keeps for its own interoperability tests: nothing public tells it.
bool LastMessageWasCompressed(grpc::ServerContext* context);
bool LastMessageWasCompressed(grpc::ClientContext* context);

}  // namespace ramet::interop

#endif  // TESTS_INTEROP_MESSAGE_FLAGS_H_
