#include "importer/inflate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "core/base/strings.h"
#include "importer/deflate_decoder.h"

namespace ramet::importer {
namespace {

using core::Code;
using core::Error;
using core::Status;

// RFC 1950: two bytes before the deflate data, an Adler-32 of four behind it.
constexpr size_t kZlibHeaderBytes = 2;
constexpr size_t kZlibTrailerBytes = 4;
constexpr char kDeflateMethod = 8;

}  // namespace

Status InflateTo(std::string_view deflated, uint32_t image_bytes, int fd) {
  const Status damaged =
      Error(Code::kDataLoss,
            {"does not inflate to the ", image_bytes, " bytes announced"});
  if (deflated.size() < kZlibHeaderBytes + kZlibTrailerBytes ||
      (deflated[0] & 0x0F) != kDeflateMethod || image_bytes == 0) {
    return damaged;
  }
  // Allocated now, so that a full memory is an error here and not a SIGBUS at
  // the first touch.
  const int error = posix_fallocate(fd, 0, image_bytes);
  if (error != 0) {
    return Status(Code::kResourceExhausted,
                  core::ErrnoText("no memory for it", error));
  }
  void* const image =
      mmap(nullptr, image_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (image == MAP_FAILED) {
    return Status(Code::kResourceExhausted,
                  core::ErrnoText("no memory for it", errno));
  }
  const std::string_view data = deflated.substr(
      kZlibHeaderBytes, deflated.size() - kZlibHeaderBytes - kZlibTrailerBytes);
  const bool whole =
      DecodeDeflate(data, static_cast<char*>(image), image_bytes);
  munmap(image, image_bytes);
  return whole ? Status() : damaged;
}

}  // namespace ramet::importer
