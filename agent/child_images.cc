#include "agent/child_images.h"

#include <stdint.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "core/wire/control.h"

namespace ramet::agent {

using parent::AgentImage;
using parent::AgentImages;

namespace {

uint64_t Key(const AgentImages::Waiter* waiter) {
  return reinterpret_cast<uint64_t>(waiter);
}

}  // namespace

const AgentImage& ChildImages::Guess(std::string_view platform) const {
  for (size_t i = 0; i < fetched_.size(); ++i) {
    const AgentImage& image = fetched_.at(i)->image;
    if (image.platform == platform) return image;
  }
  return own();
}

const AgentImage* ChildImages::FindHere(std::string_view uname) const {
  if (uname == own().uname) return &own();
  for (size_t i = 0; i < fetched_.size(); ++i) {
    const AgentImage& image = fetched_.at(i)->image;
    if (image.uname == uname) return &image;
  }
  return nullptr;
}

void ChildImages::Find(std::string_view uname, Waiter* waiter) {
  Forget(waiter);
  const AgentImage* const image = FindHere(uname);
  if (image != nullptr) return waiter->OnImage(image);
  waiting_.Insert(Key(waiter), std::make_unique<std::string>(uname));
  fetcher_->Get(core::ModuleNotice::kAgent, uname,
                [this, name = std::string(uname)](const core::Status&,
                                                  std::string_view bytes) {
                  OnFetched(name, bytes);
                });
}

// Without bytes there is none. All who have asked for it are told.
void ChildImages::OnFetched(const std::string& uname, std::string_view bytes) {
  int fd = -1;
  if (FindHere(uname) == nullptr && !bytes.empty() &&
      parent::MakeMemoryFile("ramet-agent", bytes, &fd).ok()) {
    auto fetched = std::make_unique<Fetched>();
    fetched->file.Reset(fd);
    AgentImage& image = fetched->image;
    image.uname = image.platform = uname;
    image.packed_fd = fd;
    // "Linux aarch64" is called "linux-aarch64".
    for (char& c : image.platform) c = c == ' ' ? '-' : c == 'L' ? 'l' : c;
    fetched_.Insert(fetched_.size(), std::move(fetched));
  }
  const AgentImage* const image = FindHere(uname);
  // Whoever is told may make others forget.
  for (size_t i = waiting_.size(); i-- > 0; i = std::min(i, waiting_.size())) {
    if (*waiting_.at(i) != uname) continue;
    const uint64_t key = waiting_.key_at(i);
    waiting_.Remove(key);
    reinterpret_cast<Waiter*>(key)->OnImage(image);
  }
}

void ChildImages::Forget(Waiter* waiter) { waiting_.Remove(Key(waiter)); }

}  // namespace ramet::agent
