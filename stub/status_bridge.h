#ifndef STUB_STATUS_BRIDGE_H_
#define STUB_STATUS_BRIDGE_H_

#include <string>

#include "absl/status/status.h"
#include "core/base/status.h"

namespace ramet::stub {

// Where an absl::Status has its details: a serialized google.rpc.Status, as
// gRPC's grpc-status-details-bin.
inline constexpr char kStatusDetailsUrl[] =
    "type.googleapis.com/google.rpc.Status";

// The one bridge between the status of the tiers without Abseil and Abseil's:
// the codes have the same numbers.

inline absl::Status ToAbslStatus(const core::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.code()),
                      status.message());
}

// Payloads are lost. A code that gRPC doesn't know becomes UNKNOWN.
inline core::Status ToCoreStatus(const absl::Status& status) {
  if (status.ok()) return core::Status();
  return core::Status(
      core::CodeFromNumber(static_cast<uint32_t>(status.code())),
      std::string(status.message()));
}

}  // namespace ramet::stub

#endif  // STUB_STATUS_BRIDGE_H_
