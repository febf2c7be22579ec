// Uses what third_party/slim keeps out of modules that do not: for
// streams_test.

#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/cord.h"
#include "absl/time/time.h"

namespace {

// Before main.
struct Early {
  Early() { std::cout << "early " << 1.5 << "\n"; }
} early;

std::string Caught() {
  try {
    throw std::runtime_error("caught");
  } catch (const std::exception& exception) {
    return exception.what();
  }
}

}  // namespace

int main(int argc, char**) {
  std::ostringstream text;
  text << "number " << 42 << " " << absl::InvalidArgumentError("bad");
  std::cout << text.str() << "\n" << Caught() << std::endl;
  absl::Cord cord("cord");
  cord.Append(absl::Cord(std::string(10'000, 'x')));
  std::cerr << absl::FormatTime(absl::RFC3339_full, absl::UnixEpoch(),
                                absl::UTCTimeZone())
            << " " << cord.size() << "\n";
  absl::TimeZone zone;
  std::cout << absl::LoadTimeZone("Nowhere/At_All", &zone) << std::endl;
  throw std::out_of_range("uncaught");
}
