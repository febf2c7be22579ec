#ifndef SERVER_MODULE_REPOSITORY_H_
#define SERVER_MODULE_REPOSITORY_H_

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

namespace ramet::server {

// The bundles that this master can deliver. Bundles are never changed, only
// replaced; whoever holds one keeps it alive. Threads: any.
class ModuleRepository {
 public:
  using BundlePtr = std::shared_ptr<const importer::Bundle>;

  // Takes a bundle file into the repository; its services take the place of
  // earlier ones with the same names. NOT_FOUND: no such file.
  // PERMISSION_DENIED, and importer::Bundle::Parse's errors, with the path.
  absl::Status LoadFile(const std::string& path);
  // The same from memory; `origin` is for texts.
  absl::Status Load(std::string bytes, const std::string& origin);

  // Takes these files in place of everything there was: all of them, or, if one
  // can't be read, none. LoadFile's errors.
  absl::Status ReplaceWith(const std::vector<std::string>& paths);

  // Runs after each change, on the thread that made it, without locks held.
  // One; before other threads use this.
  void SetChangeHandler(std::function<void()> handler) {
    on_change_ = std::move(handler);
  }

  // The services that there are, each with its bundle, by name.
  using Services = std::map<std::string, BundlePtr, std::less<>>;
  Services services() const;
  // Changes whenever `services` does.
  uint64_t generation() const;

  // Null: no bundle has the service.
  BundlePtr FindService(std::string_view service) const;

  // The bundle that has `method` ("/demo.v1.Greeter/SayHello") and can be
  // delivered to some platform that this master has an agent for.
  // UNIMPLEMENTED: no such service or method. FAILED_PRECONDITION: no image for
  // any such platform. INVALID_ARGUMENT: not a method's name. So that nothing
  // is started for a call that can't work.
  absl::StatusOr<BundlePtr> FindMethod(std::string_view method) const;

  // What of a method streams; both for one that is not known.
  struct Streams {
    bool requests = true;
    bool replies = true;
  };
  Streams StreamsOf(std::string_view method) const;
  // By "/demo.v1.Greeter/SayHello".
  using MethodStreams = std::map<std::string, Streams, std::less<>>;

 private:
  std::function<void()> on_change_;
  mutable absl::Mutex mutex_;
  Services services_ ABSL_GUARDED_BY(mutex_);
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 1;
  MethodStreams streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace ramet::server

#endif  // SERVER_MODULE_REPOSITORY_H_
