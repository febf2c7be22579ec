#ifndef STUB_DOOR_METADATA_H_
#define STUB_DOOR_METADATA_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "stub/call_options.h"
#include "stub/metadata.h"

namespace ramet::stub {

// How the options of a call travel to a master's front door, where gRPC has no
// place for them: as metadata `ramet-...` (docs/front_door.md#metadata).

// What the door's client sends beside options.metadata. `now`: of `timeout`.
MetadataPairs DoorMetadata(const CallOptions& options, absl::Time now);

// The door's side: takes the options over. `find` gives the value of a key.
// INVALID_ARGUMENT: a value is not what it should be.
using FindMetadata =
    std::function<std::optional<std::string>(const std::string& key)>;
absl::Status ReadDoorMetadata(const FindMetadata& find, absl::Time now,
                              CallOptions* options);

}  // namespace ramet::stub

#endif  // STUB_DOOR_METADATA_H_
