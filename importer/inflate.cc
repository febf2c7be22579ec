#include "importer/inflate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "core/base/sha256.h"
#include "core/base/strings.h"
#include "importer/deflate_decoder.h"
#include "importer/image_patch.h"

namespace ramet::importer {
namespace {

using core::Code;
using core::Error;
using core::Status;

// RFC 1950: two bytes before the deflate data, an Adler-32 of four behind it.
constexpr size_t kZlibHeaderBytes = 2;
constexpr size_t kZlibTrailerBytes = 4;
constexpr char kDeflateMethod = 8;

// Of a file, or, without one, of memory that is this process's own.
class Mapping {
 public:
  Mapping(int fd, size_t bytes, int protection)
      : bytes_(bytes),
        data_(mmap(nullptr, bytes, protection,
                   fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0)) {}
  ~Mapping() {
    if (valid()) munmap(data_, bytes_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  bool valid() const { return data_ != MAP_FAILED; }
  char* data() const { return static_cast<char*>(data_); }
  std::string_view view() const { return {data(), bytes_}; }

 private:
  const size_t bytes_;
  void* const data_;
};

Status NoMemory(int error) {
  return Status(Code::kResourceExhausted,
                core::ErrnoText("no memory for it", error));
}

Status Damaged(uint32_t image_bytes) {
  return Error(Code::kDataLoss,
               {"does not inflate to the ", image_bytes, " bytes announced"});
}

// Allocates now, so that a full memory is an error here and not a SIGBUS at the
// first touch.
Status Allocate(int fd, uint32_t bytes) {
  const int error = posix_fallocate(fd, 0, bytes);
  return error == 0 ? Status() : NoMemory(error);
}

bool Inflate(std::string_view deflated, const Mapping& to) {
  return deflated.size() >= kZlibHeaderBytes + kZlibTrailerBytes &&
         (deflated[0] & 0x0F) == kDeflateMethod &&
         DecodeDeflate(deflated.substr(kZlibHeaderBytes, deflated.size() -
                                                             kZlibHeaderBytes -
                                                             kZlibTrailerBytes),
                       to.data(), to.view().size());
}

}  // namespace

Status InflateTo(std::string_view deflated, uint32_t image_bytes, int fd) {
  if (image_bytes == 0) return Damaged(image_bytes);
  Status status = Allocate(fd, image_bytes);
  if (!status.ok()) return status;
  const Mapping image(fd, image_bytes, PROT_READ | PROT_WRITE);
  if (!image.valid()) return NoMemory(errno);
  return Inflate(deflated, image) ? Status() : Damaged(image_bytes);
}

Status PatchTo(const PatchedImage& patched, uint32_t image_bytes, int fd) {
  if (image_bytes == 0 || patched.patch_bytes == 0) return Damaged(image_bytes);
  Status status = Allocate(fd, image_bytes);
  if (!status.ok()) return status;
  const Mapping image(fd, image_bytes, PROT_READ | PROT_WRITE);
  const Mapping base(patched.base_fd, patched.base_bytes, PROT_READ);
  const Mapping patch(-1, patched.patch_bytes, PROT_READ | PROT_WRITE);
  if (!image.valid() || !base.valid() || !patch.valid()) {
    return NoMemory(errno);
  }
  return Inflate(patched.deflated, patch) &&
                 ApplyImagePatch(patch.view(), base.view(), image.data(),
                                 image_bytes) &&
                 core::Sha256Digest(image.view()) == patched.sha256
             ? Status()
             : Damaged(image_bytes);
}

}  // namespace ramet::importer
