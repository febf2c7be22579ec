#ifndef IMPORTER_MODULE_COURIER_H_
#define IMPORTER_MODULE_COURIER_H_

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <string_view>

#include "core/base/id_map.h"
#include "core/base/status.h"
#include "core/context/context.h"
#include "core/wire/control.h"
#include "core/wire/frame_header.h"
#include "importer/image_cache.h"

namespace ramet::importer {

// In front of the piece in a frame to LOAD_MODULE: digest (32), the image's
// length (4), offset of the piece (4). docs/wire_format.md.
inline constexpr size_t kLoadModulePrefixBytes = 40;

// Brings images and announcements of modules down the tree, link by link, and
// asks for them up the tree: GET_MODULE, LOAD_MODULE and FORWARD_MODULE. The
// same code in the master, which has no parent to ask, and in every agent.
//
// Once per link: it remembers what it has given to each child, and gives an
//   image again only to a child that asks for it. An image that many wait for
//   is asked for once; each gets its pieces as they arrive.
// Trust: images and announcements come from the parent only; whoever gets an
//   image holds it against its digest itself. Of a child nothing is believed
//   but that it lacks something, and it gets no image but those that were
//   announced for it or below it: knowing a digest is not enough.
// Threads: the loop's. docs/modules.md.
class ModuleCourier {
 public:
  // Of a name that is asked for.
  static constexpr size_t kMaxNameBytes = 256;
  // All names that are known to be unknown, and those that this context is
  // asking for at once; of the unknown the oldest are forgotten first.
  static constexpr size_t kMaxNamesBytes = 16 * 1024;
  // Images that are remembered to have been announced over links to children:
  // all, and over one. Some 130 bytes each. Then the oldest is forgotten: a
  // child that asks for it is refused, asks for its service by name, and the
  // master announces it again.
  static constexpr size_t kMaxGiven = 16 * 1024;
  static constexpr size_t kMaxGivenToChild = 1024;
  // What a child's asking for an image costs of its FrameBudget, in frames.
  static constexpr int kAskCost = 250;

  // What the context itself does.
  class Local {
   public:
    virtual ~Local() = default;
    // An announcement for this context; or, when its code is not OK, the answer
    // that there is nothing of its name, and without a name, that nothing that
    // was asked for will be answered.
    virtual void OnNotice(const core::ModuleNotice& notice) = 0;
    // The image that Fetch() promised has arrived, or, when `status` is not OK,
    // never will.
    virtual void OnImage(std::string_view digest,
                         const core::Status& status) = 0;
    // There is no parent to ask. For an image: cache()->Append(), or nothing;
    // for a name: Pass(), then or later.
    virtual void OnAsked(const core::ModuleNotice& notice) = 0;
  };

  ModuleCourier(core::Context* context, ImageCache* cache, Local* local);
  ModuleCourier(const ModuleCourier&) = delete;
  ModuleCourier& operator=(const ModuleCourier&) = delete;

  ImageCache* cache() { return cache_; }
  const std::string& context_name() const { return context_->router().name(); }
  // Bytes of images that were sent to children.
  uint64_t given_bytes() const { return given_bytes_; }

  // The image, asked for unless it is here or on its way. Null: there is none,
  // or the cache is full of images that are in use.
  CachedImage* Fetch(std::string_view digest);

  // The context itself needs the image no more: it goes, unless there are
  // children who may.
  void Release(std::string_view digest);

  // Asks for what is called `name`: OnNotice() will tell. False: it is unknown,
  // or too much was asked for.
  bool Ask(core::ModuleNotice::Kind kind, std::string_view name);

  // It is unknown, or being asked for: Ask() would not ask.
  bool Knows(core::ModuleNotice::Kind kind, std::string_view name) const;

  // Brings an announcement to its target, with the image that it names; or an
  // answer.
  void Pass(const core::ModuleNotice& notice) {
    Pass(notice, core::SerializeControl(notice));
  }

 private:
  // An image that was announced over the link to a child, and may be given.
  struct Given {
    core::ContextId child;
    uint32_t sent = 0;
    bool done = true;  // none of it is on its way; while it is, it has a pin
    std::string digest;
  };

  void OnFrame(core::Link* from, const core::FrameHeader& header,
               std::string_view payload);
  void OnLoad(const core::FrameHeader& header, std::string_view payload);
  void OnGet(core::Link* from, core::ModuleNotice* notice);
  void OnLinkLost(const core::Link* link);

  void Pass(const core::ModuleNotice& notice, std::string_view payload);
  void AskAbove(const core::ModuleNotice& notice);
  // Null: it was not announced. With `add` it is from now on.
  Given* FindGiven(core::ContextId child, std::string_view digest, bool add);
  // Unless it was given, or is on its way.
  void Give(Given* given);
  void Forget(size_t i);
  // An image will not arrive.
  void Fail(CachedImage* image, const core::Status& why);
  void SendFailure(core::ContextId child, std::string_view digest,
                   const core::Status& why);
  // Sends what has arrived, as far as the links take it.
  void Pump();
  void Send(core::ContextId to, core::StandardHandle handle,
            std::string_view payload, uint8_t flags = 0);

  core::Context* const context_;
  ImageCache* const cache_;
  Local* const local_;
  core::IdMap<Given> given_;  // in their order
  uint64_t last_given_ = 0;
  uint64_t given_bytes_ = 0;
  // Each name behind a byte 0 and its kind, with a byte 0 behind the last.
  std::string unknown_ = std::string(1, '\0');
  std::string asked_ = std::string(1, '\0');
};

}  // namespace ramet::importer

#endif  // IMPORTER_MODULE_COURIER_H_
