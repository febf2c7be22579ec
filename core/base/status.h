#ifndef CORE_BASE_STATUS_H_
#define CORE_BASE_STATUS_H_

#include <stdint.h>

#include <string>
#include <string_view>
#include <utility>

namespace ramet::core {

// gRPC's status codes, by number (doc/statuscodes.md of gRPC). absl::StatusCode
// has the same numbers; stub/status_bridge.h converts.
enum class Code : int {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// The code's name as gRPC spells it ("UNAVAILABLE"); "UNKNOWN" for a number
// that is not a code.
const char* CodeName(Code code);

// Maps any number, as it arrives from a peer, to a code.
Code CodeFromNumber(uint32_t number);

// The outcome of an operation in a tier that can't link Abseil. A value type of
// one pointer, null when OK, as LevelDB's is: statuses are passed on
// everywhere, and the agent pays for every instruction that it takes.
class [[nodiscard]] Status {
 public:
  Status() = default;
  // kOk with any message is OK.
  Status(Code code, std::string message);
  Status(const Status& other);
  Status(Status&& other) noexcept : rep_(other.rep_) { other.rep_ = nullptr; }
  Status& operator=(Status other) noexcept {
    Rep* const rep = rep_;
    rep_ = other.rep_;
    other.rep_ = rep;
    return *this;
  }
  ~Status() {
    if (rep_ != nullptr) Delete(rep_);
  }

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ == nullptr ? Code::kOk : rep_->code; }
  // Empty when OK.
  const std::string& message() const;

 private:
  struct Rep {
    Code code;
    std::string message;
  };
  static void Delete(Rep* rep);

  Rep* rep_ = nullptr;
};

// "what: strerror(error_number)".
std::string ErrnoText(std::string_view what, int error_number);

}  // namespace ramet::core

#endif  // CORE_BASE_STATUS_H_
