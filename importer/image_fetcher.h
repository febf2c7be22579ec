#ifndef IMPORTER_IMAGE_FETCHER_H_
#define IMPORTER_IMAGE_FETCHER_H_

#include <functional>
#include <string>
#include <string_view>

#include "core/base/id_map.h"
#include "core/base/status.h"
#include "core/wire/control.h"
#include "importer/module_courier.h"

namespace ramet::importer {

// Gets images by name, like another platform's agent, from the contexts above:
// each is asked for once, however many want it, and kept in the image cache of
// every context on the way.
//
// Ownership: borrows the courier, whose Local passes on what comes.
// Threads: the loop's.
class ImageFetcher {
 public:
  explicit ImageFetcher(ModuleCourier* courier) : courier_(courier) {}

  // Runs `done` once, in this call or later: with the image's bytes, valid
  // during the call, whose digest was checked; or why there is none:
  //   UNIMPLEMENTED       the master has nothing of that name
  //   UNAVAILABLE         there is no parent any more
  //   DATA_LOSS           what came was damaged
  //   RESOURCE_EXHAUSTED  no room for it here or on the way
  using Done =
      std::function<void(const core::Status& status, std::string_view bytes)>;
  void Get(core::ModuleNotice::Kind kind, std::string_view name, Done done);

  // From ModuleCourier::Local.
  void OnNotice(const core::ModuleNotice& notice);
  void OnImage(std::string_view digest, const core::Status& status);

 private:
  struct Waiting {
    core::ModuleNotice::Kind kind;
    std::string name;
    std::string digest;  // empty: not known yet
    Done done;
  };

  void Finish(size_t i, const core::Status& status, std::string_view bytes);

  ModuleCourier* const courier_;
  core::IdMap<Waiting> waiting_;
  uint64_t last_ = 0;
};

}  // namespace ramet::importer

#endif  // IMPORTER_IMAGE_FETCHER_H_
