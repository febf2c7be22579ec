#ifndef IMPORTER_IMAGE_RECEIVER_H_
#define IMPORTER_IMAGE_RECEIVER_H_

#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/base/unique_fd.h"
#include "core/wire/control.h"

namespace ramet::importer {

// An image may be this long, deflated or not: far above what a program that
// travels should have, far below what hurts its target.
inline constexpr uint32_t kMaxImageBytes = 256 * 1024 * 1024;

// Receives one deflated image (zlib format, RFC 1950) in pieces and, once its
// digest is right, inflates it into a file in memory. Nothing that a sender
// could have tampered with is ever parsed.
class ImageReceiver {
 public:
  explicit ImageReceiver(const core::LoadModule& announced);
  ImageReceiver(const ImageReceiver&) = delete;
  ImageReceiver& operator=(const ImageReceiver&) = delete;

  // DATA_LOSS: more bytes than announced, no zlib data, or another digest.
  // RESOURCE_EXHAUSTED: no memory for it here. Final: later pieces are ignored
  // and the same status is returned.
  core::Status Add(std::string_view piece);

  bool complete() const { return received_ == deflated_bytes_; }

  // The executable, sealed against change; once complete and OK.
  core::UniqueFd TakeImage() { return std::move(image_); }

 private:
  core::Status Finish();

  const std::string name_;
  const std::string digest_;
  const uint32_t deflated_bytes_;
  const uint32_t image_bytes_;
  uint32_t received_ = 0;
  std::string deflated_;
  core::UniqueFd image_;
  core::Status status_;
};

}  // namespace ramet::importer

#endif  // IMPORTER_IMAGE_RECEIVER_H_
