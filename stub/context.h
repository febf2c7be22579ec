#ifndef STUB_CONTEXT_H_
#define STUB_CONTEXT_H_

#include <memory>
#include <string>
#include <utility>

#include "stub/channel.h"

namespace ramet::stub {

// A process somewhere in the tree that stubs can call. A value type; copies
// share the channel, and the context lives for as long as whoever connected it
// keeps it.
class Context {
 public:
  Context() = default;
  Context(std::shared_ptr<Channel> channel, std::string name)
      : channel_(std::move(channel)), name_(std::move(name)) {}

  // Null for a default-constructed context, which nothing can call.
  Channel* channel() const { return channel_.get(); }
  const std::shared_ptr<Channel>& shared_channel() const { return channel_; }
  // For texts: "ssh:web1".
  const std::string& name() const { return name_; }

 private:
  std::shared_ptr<Channel> channel_;
  std::string name_;
};

}  // namespace ramet::stub

#endif  // STUB_CONTEXT_H_
