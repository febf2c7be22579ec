#include "importer/inflate.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

#include <memory>

#include "core/base/strings.h"

namespace ramet::importer {
namespace {

using core::Code;
using core::Error;
using core::Status;

// RFC 1950: two bytes before the deflate data, an Adler-32 of four behind it.
constexpr size_t kZlibHeaderBytes = 2;
constexpr size_t kZlibTrailerBytes = 4;
constexpr int kWindowBits = 15;

struct Output {
  int fd;
  uint32_t limit;
  uint32_t written;
  int error;
};

unsigned NoMoreInput(void*, z_const unsigned char**) { return 0; }

int WriteOutput(void* context, unsigned char* bytes, unsigned count) {
  auto* const output = static_cast<Output*>(context);
  if (count > output->limit - output->written) {
    output->written = output->limit;
    output->error = EFBIG;
    return 1;
  }
  output->written += count;
  while (count > 0) {
    const ssize_t written = write(output->fd, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      output->error = errno;
      return 1;
    }
    bytes += written;
    count -= static_cast<unsigned>(written);
  }
  return 0;
}

}  // namespace

// inflateBack and not inflate: without the zlib and gzip wrappers and their
// checksums the agent is 20 KB smaller (docs/decisions/0002-agent-size.md).
Status InflateTo(std::string_view deflated, uint32_t image_bytes, int fd) {
  constexpr char kDeflateMethod = 8;
  if (deflated.size() < kZlibHeaderBytes + kZlibTrailerBytes ||
      (deflated[0] & 0x0F) != kDeflateMethod) {
    return Error(Code::kDataLoss, {"not zlib data"});
  }
  const std::unique_ptr<unsigned char[]> window(
      new unsigned char[1 << kWindowBits]);
  z_stream stream = {};
  if (inflateBackInit(&stream, kWindowBits, window.get()) != Z_OK) {
    return Error(Code::kResourceExhausted, {"no memory to inflate"});
  }
  stream.next_in = reinterpret_cast<z_const Bytef*>(
      const_cast<char*>(deflated.data() + kZlibHeaderBytes));
  stream.avail_in =
      static_cast<uInt>(deflated.size() - kZlibHeaderBytes);
  Output output{fd, image_bytes, 0, 0};
  const int result =
      inflateBack(&stream, &NoMoreInput, nullptr, &WriteOutput, &output);
  const bool whole =
      result == Z_STREAM_END && stream.avail_in == kZlibTrailerBytes;
  inflateBackEnd(&stream);
  if (output.error != 0 && output.error != EFBIG) {
    return Status(Code::kResourceExhausted,
                  core::ErrnoText("no memory for it", output.error));
  }
  if (!whole || output.written != image_bytes || output.error != 0) {
    return Error(Code::kDataLoss, {"does not inflate to the ", image_bytes,
                                   " bytes announced"});
  }
  return Status();
}

}  // namespace ramet::importer
