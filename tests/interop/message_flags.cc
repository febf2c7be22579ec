#include "tests/interop/message_flags.h"

#include <grpc/grpc.h>
#include <stdint.h>

// Of libgrpc, without a public header: for its own interoperability tests.
uint32_t grpc_call_test_only_get_message_flags(grpc_call* call);

namespace ramet::interop {
namespace {

// GRPC_WRITE_INTERNAL_COMPRESS of gRPC's sources, and what its decompression
// leaves in its place.
constexpr uint32_t kCompressed = 0x80000000u | 0x40000000u;

bool IsCompressed(grpc_call* call) {
  return (grpc_call_test_only_get_message_flags(call) & kCompressed) != 0;
}

}  // namespace

bool LastMessageWasCompressed(grpc::ServerContext* context) {
  return IsCompressed(context->c_call());
}

bool LastMessageWasCompressed(grpc::ClientContext* context) {
  return IsCompressed(context->c_call());
}

}  // namespace ramet::interop
