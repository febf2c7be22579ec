// What parses as a target prints as one that parses to the same hops, and has
// nothing in it that another program could take for an option.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/check.h"
#include "core/base/status.h"
#include "fuzz/fuzz_input.h"
#include "parent/hop.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ramet::parent::Hop;
  const std::string_view target(reinterpret_cast<const char*>(data), size);
  std::vector<Hop> hops;
  const ramet::core::Status status = ramet::parent::ParseTarget(target, &hops);
  if (!status.ok()) {
    RAMET_CHECK(status.code() == ramet::core::Code::kInvalidArgument);
    RAMET_CHECK(status.message().size() < 400);
    return 0;
  }
  RAMET_CHECK(!hops.empty() && hops.size() <= ramet::parent::kMaxHops);
  std::string printed;
  for (const Hop& hop : hops) {
    if (!printed.empty()) printed += "/";
    printed += hop.ToString();
    if (hop.kind != Hop::Kind::kSsh) continue;
    RAMET_CHECK(!hop.host.empty() && hop.host[0] != '-');
    RAMET_CHECK(hop.user.empty() || hop.user[0] != '-');
    for (char c : hop.host + hop.user) RAMET_CHECK(c > ' ' && c < 127);
  }
  std::vector<Hop> again;
  RAMET_CHECK(ramet::parent::ParseTarget(printed, &again).ok());
  RAMET_CHECK(again == hops);
  return 0;
}
