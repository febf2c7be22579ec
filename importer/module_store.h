#ifndef IMPORTER_MODULE_STORE_H_
#define IMPORTER_MODULE_STORE_H_

#include <stddef.h>
#include <stdint.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/base/unique_fd.h"
#include "core/route/frame_budget.h"
#include "core/wire/control.h"
#include "importer/module_courier.h"

namespace ramet::importer {

// A module that was announced to this context: what it serves, and its
// executable.
struct StoredModule {
  core::LoadModule announced;
  uint32_t order = 0;    // of its announcement
  core::UniqueFd image;  // valid once it is ready
  // What its image is a patch of, until that is ready; null: nothing.
  std::shared_ptr<StoredModule> base;
  // Why it can't be started; OK while nothing is known against it.
  core::Status status;
  core::Status failure;  // why its image did not arrive, while that is told

  // Of its processes, for ModuleHost: how often they have crashed lately, how
  // the last one ended, and when the next may be started.
  uint32_t crashes = 0;
  int64_t not_before_us = 0;
  int64_t back_off_us = 0;
  core::Status last_end;
};

// The modules that were announced to this context. Of two that serve the same
// service, the later takes new calls, where a good one serves already not
// before its image is here. An announcement without a digest takes its services
// away from whoever has them. An image is inflated at the first call; until
// then the cache may forget it. One that travels as a patch of another's, which
// must be ready here then, is made of both; when there is no such base, or they
// give something else, the whole image is asked for.
// Threads: the loop's.
class ModuleStore {
 public:
  static constexpr size_t kMaxServices = 256;
  // What a call from below or beside that asks above costs of a FrameBudget of
  // the deepest kind, in frames: 976 at once, and 61 a second. Else it could
  // use up the budget of this context's own link.
  static constexpr int kForeignAskCost = 8;
  // An image that found no room, here or on the way, is asked for again with
  // the next call, and then not before a time that doubles: the links above may
  // carry it in vain.
  static constexpr int64_t kAskAgainUs = 1'000'000;

  ModuleStore(std::string platform, ModuleCourier* courier)
      : platform_(std::move(platform)), courier_(courier) {}

  // An announcement for this context. Malformed ones, and those that would make
  // it more than kMaxServices, are dropped. One that a lock of `locks`
  // (module_locks.h) refuses takes no service from a module that may have it;
  // calls of others are PERMISSION_DENIED, with module, image and lock.
  void OnAnnounced(const core::ModuleNotice& notice,
                   std::string_view locks = {});

  // The image has arrived.
  void OnArrived(std::string_view digest);

  // The image will never arrive, and why: what the modules that need it answer
  // from now on, or, with OK, no more.
  void SetFailure(std::string_view digest, const core::Status& why);

  // Lets images go of which there are executables. For a context that has been
  // quiet for some time: one whose tree is being built may soon need them for a
  // child.
  void ReleaseImages();

  // Asks again, if it is time, for an image that found no room and may find it
  // now. True: it is here already.
  bool AskAgain(int64_t now_us);

  // Null: no module serves it. Stays valid while somebody holds it.
  std::shared_ptr<StoredModule> FindService(std::string_view service) const;

  // Asks the contexts above for a module that serves it. False: there is none;
  // or, for a call that is `foreign`, too many have been asked for at `now_us`.
  bool Ask(std::string_view service, bool foreign, int64_t now_us);

  // Makes the executable, sealed against change, unless there is one. `later`:
  // not yet, the image is on its way, or whether there is one is asked, because
  // it was announced for another platform, or as a patch of what is not here.
  // Else the module's status, or
  // RESOURCE_EXHAUSTED: there is no memory for it now.
  core::Status MakeReady(StoredModule* module, bool* later);

 private:
  struct Service {
    std::string name;
    std::shared_ptr<StoredModule> module;
  };

  // Gives `module` its services, but, unless it is `ready`, those that a good
  // one has; or, if it is refused, those of one that is not.
  void Install(const std::shared_ptr<StoredModule>& module, bool ready);
  // The module that was announced with `digest`, if it is ready; or null.
  std::shared_ptr<StoredModule> FindReady(std::string_view digest) const;
  // It can't be made of a patch. False: nobody can be asked.
  bool AskForWhole(StoredModule* module);
  core::Status Inflate(const CachedImage& image, StoredModule* module);

  const std::string platform_;
  uint32_t announcements_ = 0;
  ModuleCourier* const courier_;
  std::vector<Service> services_;
  core::FrameBudget foreign_asks_;
  int64_t ask_after_us_ = 0;
  int64_t back_off_us_ = 0;
  std::vector<std::shared_ptr<StoredModule>> arriving_;
};

// The method that `module` announced; null for none.
const core::ModuleMethod* FindMethod(const StoredModule& module,
                                     std::string_view service,
                                     std::string_view method);

}  // namespace ramet::importer

#endif  // IMPORTER_MODULE_STORE_H_
