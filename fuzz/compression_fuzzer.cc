// A compressed message never becomes longer than its limit, the limit does not
// change what comes out, and what comes out is compressed and read again.

#include <string>

#include "core/base/check.h"
#include "fuzz/fuzz_input.h"
#include "stub/compression.h"

namespace ramet::stub {
namespace {

constexpr size_t kLimit = 64 * 1024;
constexpr size_t kLowLimit = 1000;

void Run(fuzz::FuzzInput input) {
  const Compression compression =
      input.Byte() % 2 == 0 ? Compression::kGzip : Compression::kDeflate;
  const std::string bytes(input.Rest());
  std::string message;
  const absl::Status status = Decompress(compression, bytes, kLimit, &message);
  if (!status.ok()) {
    RAMET_CHECK(status.code() == absl::StatusCode::kInternal ||
                status.code() == absl::StatusCode::kResourceExhausted);
    return;
  }
  RAMET_CHECK(message.size() <= kLimit);

  std::string short_message;
  const bool fits =
      Decompress(compression, bytes, kLowLimit, &short_message).ok();
  RAMET_CHECK(fits == (message.size() <= kLowLimit));
  RAMET_CHECK(!fits || short_message == message);

  std::string packed;
  if (!Compress(compression, message, &packed)) return;
  RAMET_CHECK(packed.size() < message.size());
  std::string again;
  RAMET_CHECK(Decompress(compression, packed, kLimit, &again).ok());
  RAMET_CHECK(again == message);
}

}  // namespace
}  // namespace ramet::stub

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ramet::stub::Run(ramet::fuzz::FuzzInput(data, size));
  return 0;
}
