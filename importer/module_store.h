#ifndef IMPORTER_MODULE_STORE_H_
#define IMPORTER_MODULE_STORE_H_

#include <stdint.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/id_map.h"
#include "core/base/status.h"
#include "core/base/unique_fd.h"
#include "core/wire/control.h"
#include "core/wire/frame_header.h"
#include "importer/image_receiver.h"

namespace ramet::importer {

// Frames to LOAD_MODULE: transfer (4, big-endian), kind (1), then a LoadModule
// message or a piece of the image. docs/wire_format.md.
enum class LoadModuleKind : uint8_t { kBegin = 1, kPiece = 2 };
inline constexpr size_t kLoadModulePrefixBytes = 5;

// A module that this context was given: what it serves, and its executable.
struct StoredModule {
  core::LoadModule announced;
  core::UniqueFd image;  // valid once the transfer is complete
  // Why it can't be started; OK while its image is good or still arriving.
  core::Status status;
  bool complete = false;
};

// The modules that ancestors have sent to this context, for as long as it
// lives. Of two that serve the same service, the later takes new calls.
// Threads: the loop's.
class ModuleStore {
 public:
  static constexpr size_t kMaxServices = 256;
  static constexpr size_t kMaxTransfers = 16;

  explicit ModuleStore(std::string platform) : platform_(std::move(platform)) {}

  // A frame to LOAD_MODULE whose authority was checked. Malformed ones are
  // dropped; a bad image becomes the module's status.
  void OnLoadModule(const core::FrameHeader& header, std::string_view payload);

  // No image is on its way.
  bool idle() const { return transfers_.size() == 0; }

  // Null: no module serves it. Stays valid while somebody holds it.
  std::shared_ptr<StoredModule> FindService(std::string_view service) const;

 private:
  struct Transfer {
    std::shared_ptr<StoredModule> module;
    std::unique_ptr<ImageReceiver> receiver;
  };

  // `key` is who sends, and its number for the transfer.
  void Begin(uint64_t key, std::string_view message);

  const std::string platform_;
  core::IdMap<Transfer> transfers_;
  struct Service {
    std::string name;
    std::shared_ptr<StoredModule> module;
  };
  std::vector<Service> services_;
};

// The method that `module` announced; null for none.
const core::ModuleMethod* FindMethod(const StoredModule& module,
                                     std::string_view service,
                                     std::string_view method);

}  // namespace ramet::importer

#endif  // IMPORTER_MODULE_STORE_H_
