#include "importer/image_receiver.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "core/base/sha256.h"
#include "core/base/strings.h"
#include "importer/inflate.h"
#include "parent/agent_image.h"

namespace ramet::importer {

using core::Code;
using core::Error;
using core::Status;

ImageReceiver::ImageReceiver(const core::LoadModule& announced)
    : name_(announced.name),
      digest_(announced.digest),
      deflated_bytes_(announced.deflated_bytes),
      image_bytes_(announced.image_bytes) {
  if (deflated_bytes_ == 0 || deflated_bytes_ > kMaxImageBytes ||
      image_bytes_ > kMaxImageBytes) {
    status_ = Error(Code::kInvalidArgument,
                    {"module ", name_, ": an image of ", deflated_bytes_,
                     " bytes, ", image_bytes_, " inflated, is not accepted"});
  }
}

Status ImageReceiver::Add(std::string_view piece) {
  const size_t expected = deflated_bytes_ - received_;
  received_ += static_cast<uint32_t>(std::min(piece.size(), expected));
  if (!status_.ok()) return status_;
  if (piece.size() > expected) {
    status_ = Error(Code::kDataLoss,
                    {"module ", name_, ": more bytes than announced"});
    return status_;
  }
  deflated_.append(piece);
  if (complete()) status_ = Finish();
  return status_;
}

Status ImageReceiver::Finish() {
  std::string deflated;
  deflated.swap(deflated_);
  if (core::Sha256Digest(deflated) != digest_) {
    return Error(Code::kDataLoss, {"module ", name_, ": wrong digest"});
  }
  int fd = -1;
  Status status = parent::MakeMemoryFile("ramet-module", {}, &fd);
  image_.Reset(fd);
  if (status.ok()) status = InflateTo(deflated, image_bytes_, fd);
  if (!status.ok()) {
    return Error(status.code(), {"module ", name_, ": ", status.message()});
  }
  fcntl(fd, F_ADD_SEALS,
        F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  return Status();
}

}  // namespace ramet::importer
