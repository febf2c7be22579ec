#include "server/grpc_compression.h"

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/slice_buffer.h>
#include <grpcpp/support/proto_buffer_writer.h>
#include <stddef.h>

// Of libgrpc, declared in src/core/lib/surface/call_test_only.h.
grpc_compression_algorithm grpc_call_test_only_get_compression_algorithm(
    grpc_call* call);
uint32_t grpc_call_test_only_get_message_flags(grpc_call* call);
uint32_t grpc_call_test_only_get_encodings_accepted_by_peer(grpc_call* call);

namespace ramet::server {
namespace {

// GRPC_WRITE_INTERNAL_TEST_ONLY_WAS_COMPRESSED of gRPC's sources.
constexpr uint32_t kWasCompressed = 0x40000000u;

static_assert(static_cast<int>(stub::Compression::kNone) == GRPC_COMPRESS_NONE);
static_assert(static_cast<int>(stub::Compression::kDeflate) ==
              GRPC_COMPRESS_DEFLATE);
static_assert(static_cast<int>(stub::Compression::kGzip) == GRPC_COMPRESS_GZIP);

// A writer that says in the buffer that its bytes are compressed.
class CompressedWriter final : public grpc::ProtoBufferWriter {
 public:
  CompressedWriter(grpc::ByteBuffer* buffer, const std::string& bytes,
                   stub::Compression compression)
      : ProtoBufferWriter(buffer, static_cast<int>(bytes.size()),
                          static_cast<int>(bytes.size())) {
    grpc_slice_buffer_add(slice_buffer(), grpc_slice_from_copied_buffer(
                                              bytes.data(), bytes.size()));
    const size_t offset = offsetof(grpc_byte_buffer, data.raw.slice_buffer);
    auto* const raw = reinterpret_cast<grpc_byte_buffer*>(
        reinterpret_cast<char*>(slice_buffer()) - offset);
    raw->data.raw.compression =
        static_cast<grpc_compression_algorithm>(compression);
  }
};

}  // namespace

stub::Compression CompressionOf(grpc::ServerContext* context) {
  const auto algorithm = static_cast<uint32_t>(
      grpc_call_test_only_get_compression_algorithm(context->c_call()));
  return stub::IsKnownCompression(algorithm)
             ? static_cast<stub::Compression>(algorithm)
             : stub::Compression::kNone;
}

bool LastMessageWasCompressed(grpc::ServerContext* context) {
  return (grpc_call_test_only_get_message_flags(context->c_call()) &
          kWasCompressed) != 0;
}

uint32_t AcceptedCompressions(grpc::ServerContext* context) {
  return grpc_call_test_only_get_encodings_accepted_by_peer(context->c_call()) &
         stub::kAllCompressions;
}

grpc::ByteBuffer CompressedBuffer(const std::string& bytes,
                                  stub::Compression compression) {
  grpc::ByteBuffer buffer;
  CompressedWriter(&buffer, bytes, compression);
  return buffer;
}

}  // namespace ramet::server
