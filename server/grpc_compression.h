#ifndef SERVER_GRPC_COMPRESSION_H_
#define SERVER_GRPC_COMPRESSION_H_

#include <grpcpp/grpcpp.h>
#include <stdint.h>

#include <string>

#include "stub/compression.h"

namespace ramet::server {

// What a proxy must know of a gRPC call's compression, and what gRPC 1.51 knows
// but has no public function for: these use those of its own tests, and
// protected members. docs/decisions/0010-compression.md says why.
//
// Threads: any, for a call that has begun; the second not while a message is
//   being read.

// What the client's compressed messages are compressed with.
stub::Compression CompressionOf(grpc::ServerContext* context);

// Whether the message that was read last came compressed. gRPC has decompressed
// it.
bool LastMessageWasCompressed(grpc::ServerContext* context);

// What the client takes: a set of stub::CompressionBit()s.
uint32_t AcceptedCompressions(grpc::ServerContext* context);

// A message that is compressed already, to be sent as it is by a call that has
// the same compression (ServerContext::set_compression_algorithm()). Copies.
grpc::ByteBuffer CompressedBuffer(const std::string& bytes,
                                  stub::Compression compression);

}  // namespace ramet::server

#endif  // SERVER_GRPC_COMPRESSION_H_
