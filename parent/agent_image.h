#ifndef PARENT_AGENT_IMAGE_H_
#define PARENT_AGENT_IMAGE_H_

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace ramet::parent {

// The agent for one platform, in the forms that starting a child needs.
struct AgentImage {
  std::string platform;  // "linux-x86_64"
  std::string uname;     // what `uname -sm` prints there: "Linux x86_64"
  int image_fd = -1;     // the executable, for local children
  int packed_fd = -1;    // one that unpacks itself and becomes it, for others
};

// Where a context gets agents for its children: embedded in the master, its
// own image everywhere else, and what it fetches from above. Owns the
// descriptors. Loop's thread.
class AgentImages {
 public:
  // Who has asked for an image. It outlives its question, or forgets it.
  class Waiter {
   public:
    // `image` lives as long as the AgentImages. Null: there is no agent for
    // that machine.
    virtual void OnImage(const AgentImage* image) = 0;

   protected:
    ~Waiter() = default;
  };

  virtual ~AgentImages() = default;
  // The agent for this machine.
  virtual const AgentImage& own() const = 0;
  // What to send first to a machine that is likely a `platform`
  // ("linux-aarch64"): the agent for it if that is here, else own().
  virtual const AgentImage& Guess(std::string_view platform) const = 0;
  // The agent for a machine where `uname -sm` prints this: `waiter` is told
  // once, at once if the image is here.
  virtual void Find(std::string_view uname, Waiter* waiter) = 0;
  // Takes out of `frames`, which follow the image that was not the right one
  // and are to follow another, what need not be sent again.
  virtual void TrimForAnother(std::string* frames) const {}
  // `waiter` is not told any more.
  virtual void Forget(Waiter* waiter) = 0;
};

// Everything that can be read from `fd`, from its beginning, without moving
// its position.
core::Status ReadImage(int fd, std::string* bytes);

// An unlinked, executable file in memory with these bytes (memfd_create(2)).
// UNAVAILABLE with the step that failed.
core::Status MakeMemoryFile(const char* name, std::string_view bytes, int* fd);

}  // namespace ramet::parent

#endif  // PARENT_AGENT_IMAGE_H_
