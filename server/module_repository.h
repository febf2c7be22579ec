#ifndef SERVER_MODULE_REPOSITORY_H_
#define SERVER_MODULE_REPOSITORY_H_

#include <stddef.h>
#include <stdint.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "importer/bundle.h"
#include "server/bundle_checks.h"
#include "server/module_patches.h"
#include "server/module_policy.h"
#include "server/signed_statement.h"

namespace ramet::server {

// A bundle's file, whole. NOT_FOUND: no such file. PERMISSION_DENIED: it can't
// be read. DATA_LOSS: it is no file, or larger than any bundle. UNAVAILABLE:
// what the system says.
absl::StatusOr<std::string> ReadBundleFile(const std::string& path);

// Of a .minisig file: two lines of base64 and two comments.
inline constexpr size_t kMaxSignatureBytes = 64 * 1024;
// The text of a .minisig file; "" when there is none. ReadConfigFile's errors.
absl::StatusOr<std::string> ReadSignatureFile(const std::string& path);
// Where the signature of a bundle's statement is looked for, behind its path.
inline constexpr char kStatementSuffix[] = ".statement.minisig";

// A bundle that was loaded, and for whom.
struct LoadedModule {
  std::shared_ptr<const importer::Bundle> bundle;
  std::string origin;   // its file, or who has sent it; for texts
  std::string targets;  // of the contexts that it is for, and those below them
  std::string signer;   // the number of the key; empty: nobody has asked
  // Of its statement: a .minisig file's text, and what is known of it.
  std::string statement_signature;
  SignedStatement statement;
  PolicySubject subject;
  // From versions of the same name that were loaded before.
  std::vector<ModulePatchPtr> patches;
  // Whether it is for every context.
  bool for_all() const { return targets == kAllTargets; }
  static constexpr char kAllTargets[] = "**";
};

struct LoadModuleOptions {
  std::string targets = LoadedModule::kAllTargets;
  std::string signature;            // a .minisig file's text
  std::string statement_signature;  // the same of its statement
};

// The bundles that this master can deliver. Bundles are never changed, only
// replaced; whoever holds one keeps it alive.
//
// Versions: of the bundles that have a service and are for a context, the one
//   that was loaded last takes its calls. A bundle that none can reach any
//   more, because later ones have all of its services and are for the same
//   contexts or for all, is forgotten. The latest of each name are kept aside,
//   because contexts have them: what is loaded later is made a patch of each,
//   on the thread that loads.
// Threads: any.
class ModuleRepository {
 public:
  using BundlePtr = std::shared_ptr<const importer::Bundle>;
  using LoadedPtr = std::shared_ptr<const LoadedModule>;
  using LoadOptions = LoadModuleOptions;

  explicit ModuleRepository(BundleChecks checks = {});

  // Takes a bundle file, with PATH.minisig if the checks ask for signatures,
  // and with PATH.statement.minisig if it is there. NOT_FOUND: no such file.
  // PERMISSION_DENIED, and importer::Bundle::Parse's, BundleChecks's and
  // SignedStatement's errors, with the path.
  absl::Status LoadFile(const std::string& path);
  // The same from memory; `origin` is for texts.
  absl::StatusOr<LoadedPtr> Load(std::string bytes, const std::string& origin,
                                 const LoadOptions& options = {});

  // Takes these files in place of everything there was, and `policy` in place
  // of the other: all of it, or, if one can't be read, nothing. LoadFile's
  // errors.
  absl::Status ReplaceWith(const std::vector<std::string>& paths,
                           ModulePolicy policy = {});

  // Forgets the bundles called `what`, or whose digest begins with `what` (hex,
  // at least kMinDigestDigits). NOT_FOUND: there is none.
  static constexpr size_t kMinDigestDigits = 8;
  absl::StatusOr<std::vector<LoadedPtr>> Unload(std::string_view what);

  void SetPolicy(ModulePolicy policy);

  // In the order in which they were loaded.
  std::vector<LoadedPtr> loaded() const;
  // The services that there are, each with its bundle, by name; where there are
  // several, with the one for most.
  using Services = std::map<std::string, BundlePtr, std::less<>>;
  Services services() const;
  // Changes whenever one of these does, or the policy.
  uint64_t generation() const;

  // Calls `listener` after each change, on the thread that has made it, until
  // it is removed; it is not called any more then.
  using Listener = std::function<void()>;
  uint64_t AddListener(Listener listener);
  void RemoveListener(uint64_t id);

  // Null: no bundle has the service. As services() has it.
  BundlePtr FindService(std::string_view service) const;
  // What the context called `target` gets. UNIMPLEMENTED: no bundle for it has
  // the service. PERMISSION_DENIED: the policy refuses the one that does.
  absl::StatusOr<BundlePtr> FindFor(std::string_view service,
                                    std::string_view target) const;

  // PERMISSION_DENIED: the policy refuses such a bundle to that context. Of one
  // that is not loaded any more rules don't know the images.
  absl::Status CheckPolicy(const std::string& name, std::string_view digest,
                           std::string_view target) const;

  // That of the loaded bundle with this digest; without a signature: none.
  SignedStatement FindStatement(std::string_view digest) const;

  // ModulePolicy::Locks, by what is loaded.
  std::vector<std::string> Locks(std::string_view target) const;

  // What makes an image of the bundle with digest `bundle` of that of
  // `base_bundle`; null: nothing.
  ModulePatchPtr FindPatch(std::string_view base_bundle,
                           std::string_view bundle,
                           std::string_view platform) const;

  // The bundle for `target` that has `method` ("/demo.v1.Greeter/SayHello") and
  // can be delivered to some platform that this master has an agent for.
  // UNIMPLEMENTED: no such service or method. FAILED_PRECONDITION: no image for
  // any such platform. INVALID_ARGUMENT: not a method's name. FindFor's. So
  // that nothing is started for a call that can't work.
  absl::StatusOr<BundlePtr> FindMethod(std::string_view method,
                                       std::string_view target) const;

  // What of a method streams; both for one that is not known.
  struct Streams {
    bool requests = true;
    bool replies = true;
  };
  Streams StreamsOf(std::string_view method) const;
  // By "/demo.v1.Greeter/SayHello".
  using MethodStreams = std::map<std::string, Streams, std::less<>>;

 private:
  using Keys = std::vector<MinisignKey>;
  // Those that statements may be signed by.
  Keys KeysWith(const ModulePolicy& policy) const;
  ModulePolicy policy() const ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<LoadedPtr> Check(std::string bytes, const std::string& origin,
                                  const LoadOptions& options,
                                  const ModulePolicy& policy) const;
  absl::StatusOr<LoadedPtr> ReadFile(const std::string& path,
                                     const ModulePolicy& policy) const;
  // The same, but that it is known who has signed its statement, of `keys`.
  static LoadedPtr WithSigner(const Keys& keys, LoadedPtr loaded);
  LoadedPtr Add(LoadedPtr loaded) ABSL_LOCKS_EXCLUDED(mutex_);
  // Makes patches from what was loaded before.
  void AddPatches(LoadedModule* loaded) const ABSL_LOCKS_EXCLUDED(mutex_);
  void ForgetUnreachable() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What is made of loaded_.
  void Rebuild() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TellChange() ABSL_LOCKS_EXCLUDED(mutex_);

  const BundleChecks checks_;
  mutable absl::Mutex mutex_;
  std::vector<LoadedPtr> loaded_ ABSL_GUARDED_BY(mutex_);
  // Versions that contexts may have, of the names that are loaded, the latest
  // last.
  static constexpr size_t kMaxRecent = 4;
  std::map<std::string, std::vector<BundlePtr>> recent_ ABSL_GUARDED_BY(mutex_);
  // Each with the latest first.
  std::map<std::string, std::vector<LoadedPtr>, std::less<>> by_service_
      ABSL_GUARDED_BY(mutex_);
  Services services_ ABSL_GUARDED_BY(mutex_);
  MethodStreams streams_ ABSL_GUARDED_BY(mutex_);
  ModulePolicy policy_ ABSL_GUARDED_BY(mutex_);
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 1;
  absl::Mutex listeners_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  std::map<uint64_t, Listener> listeners_ ABSL_GUARDED_BY(listeners_mutex_);
  uint64_t last_listener_ ABSL_GUARDED_BY(listeners_mutex_) = 0;
};

}  // namespace ramet::server

#endif  // SERVER_MODULE_REPOSITORY_H_
