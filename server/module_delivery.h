#ifndef SERVER_MODULE_DELIVERY_H_
#define SERVER_MODULE_DELIVERY_H_

#include <stdint.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/context/context.h"
#include "importer/bundle.h"
#include "importer/image_cache.h"
#include "importer/module_courier.h"
#include "server/context_directory.h"
#include "server/module_repository.h"

namespace ramet::server {

// Which modules go to which contexts: those that a call needs and those related
// to them, before the call; and what contexts ask for. importer::ModuleCourier
// brings them, each image once over each link. docs/modules.md.
//
// Ownership: borrows everything. Threads: the loop's.
class ModuleDelivery final : private importer::ModuleCourier::Local {
 public:
  // A module that a context asks for so soon after it got another one goes
  // along with that one from then on.
  static constexpr int64_t kLearnWindowUs = 10'000'000;
  // What is learned of one module, so that a context that asks for everything
  // can't make others get it: modules, and bytes of their images.
  static constexpr size_t kMaxLearned = 16;
  static constexpr uint64_t kMaxLearnedBytes = 8 * 1024 * 1024;
  // Contexts with other locks that a line of the log names.
  static constexpr size_t kMaxToldNames = 16;

  // `idle_ms`: AnnounceModule's.
  ModuleDelivery(core::Context* context, const ModuleRepository* modules,
                 ContextDirectory* directory, uint32_t idle_ms);

  // Announces the bundle to `entry`, with what is related to it, unless it
  // serves `service` there already; calls that are queued behind it wait there
  // for the image. FAILED_PRECONDITION: there is none for the context's
  // platform.
  absl::Status Ensure(const importer::Bundle& bundle, std::string_view service,
                      ContextDirectory::Entry* entry);

  // Takes services away from `entry`: new calls of them are refused there.
  void Withdraw(const std::vector<std::string>& services,
                ContextDirectory::Entry* entry);

  // Other images that contexts may ask for, like another platform's agent
  // (core::ModuleNotice::kAgent): the bytes, empty for none.
  using NamedImages =
      std::function<std::string(uint32_t kind, const std::string& name)>;
  void SetNamedImages(NamedImages images) { named_ = std::move(images); }

  // The repository has changed: what was unknown may be known now.
  // Of contexts that hold other locks than they would get now the log is told.
  void OnModulesChanged();

  importer::ModuleCourier& courier() { return courier_; }

 private:
  // The last module that a context got for a call.
  struct Got {
    std::string module;
    int64_t at_us;
  };

  void OnNotice(const core::ModuleNotice&) override {}
  void OnImage(std::string_view, const core::Status&) override {}
  void OnAsked(const core::ModuleNotice& notice) override;

  void GiveImage(const std::string& digest);
  // UNIMPLEMENTED: there is nothing of that name, for nobody.
  absl::Status AnswerService(const core::ModuleNotice& notice);
  absl::Status AnswerNamed(const core::ModuleNotice& notice);
  // What locks make of an announcement.
  struct Verdict {
    std::string statement;  // with signature and signer, if a key is asked for
    std::string signature;
    std::string signer;
    bool refused = false;
    std::string lock;  // that refuses
  };
  // For `load`, of the bundle with that digest. It takes milliseconds where
  // signatures are checked, and calls and contexts may ask again and again: it
  // is remembered, until the modules change.
  const Verdict& Judge(const std::string& locks, const std::string& bundle,
                       const core::LoadModule& load);
  // Tells the log, once, that a lock of `entry`'s refuses what would be
  // announced. Whether another version of it serves there.
  bool OnRefused(const importer::Bundle& bundle, std::string_view lock,
                 const core::LoadModule& load, ContextDirectory::Entry* entry);
  void TellOldLocks();
  // What can travel in place of `image` to `entry`, where an earlier version
  // serves, and what that was announced with; or null.
  ModulePatchPtr FindPatch(const importer::Bundle& bundle,
                           const bundle::Image& image,
                           const ContextDirectory::Entry& entry,
                           std::string* base) const;
  // Whether it serves anything there.
  static bool IsDelivered(const importer::Bundle& bundle,
                          const ContextDirectory::Entry& entry);
  // For a call that somebody makes, for one that waits there and has made it
  // ask for this, or because it is related to what is called.
  enum class Occasion { kCall, kAsked, kRelated };
  absl::Status Announce(const importer::Bundle& bundle, Occasion occasion,
                        const std::string& asked,
                        ContextDirectory::Entry* entry);
  void EnsureRelated(const importer::Bundle& bundle,
                     ContextDirectory::Entry* entry);
  // `seen` are digests of those that it has been done for.
  void EnsureRelated(const importer::Bundle& bundle,
                     ContextDirectory::Entry* entry,
                     std::set<std::string>* seen);
  void Learn(const ContextDirectory::Entry& entry,
             const importer::Bundle& asked);
  // The module of that name that the context called `target` may get; or null.
  ModuleRepository::BundlePtr FindModule(const std::string& name,
                                         const std::string& target) const;

  core::Context* const context_;
  const ModuleRepository* const modules_;
  ContextDirectory* const directory_;
  const uint32_t idle_ms_;
  importer::ImageCache cache_;
  importer::ModuleCourier courier_;
  NamedImages named_;
  std::map<core::ContextId, Got> got_;
  std::map<std::string, std::vector<std::string>> learned_;  // by module
  bool told_unknown_ = false;
  // By bundle, image and locks. As many as a tree with some kinds of contexts
  // has.
  static constexpr size_t kMaxVerdicts = 1024;
  std::map<std::string, Verdict> verdicts_;
};

}  // namespace ramet::server

#endif  // SERVER_MODULE_DELIVERY_H_
