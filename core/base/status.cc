#include "core/base/status.h"

#include <string.h>

#include <utility>

namespace ramet::core {

const char* CodeName(Code code) {
  static constexpr const char* kNames[] = {
      "OK",
      "CANCELLED",
      "UNKNOWN",
      "INVALID_ARGUMENT",
      "DEADLINE_EXCEEDED",
      "NOT_FOUND",
      "ALREADY_EXISTS",
      "PERMISSION_DENIED",
      "RESOURCE_EXHAUSTED",
      "FAILED_PRECONDITION",
      "ABORTED",
      "OUT_OF_RANGE",
      "UNIMPLEMENTED",
      "INTERNAL",
      "UNAVAILABLE",
      "DATA_LOSS",
      "UNAUTHENTICATED",
  };
  return kNames[static_cast<int>(CodeFromNumber(static_cast<uint32_t>(code)))];
}

Code CodeFromNumber(uint32_t number) {
  return number <= static_cast<uint32_t>(Code::kUnauthenticated)
             ? static_cast<Code>(number)
             : Code::kUnknown;
}

Status::Status(Code code, std::string message)
    : rep_(code == Code::kOk ? nullptr : new Rep{code, std::move(message)}) {}

Status::Status(const Status& other)
    : rep_(other.rep_ == nullptr ? nullptr : new Rep(*other.rep_)) {}

void Status::Delete(Rep* rep) { delete rep; }

const std::string& Status::message() const {
  static const std::string kEmpty;
  return rep_ == nullptr ? kEmpty : rep_->message;
}

std::string ErrnoText(std::string_view what, int error_number) {
  std::string text(what);
  text += ": ";
  text += strerror(error_number);
  return text;
}

}  // namespace ramet::core
