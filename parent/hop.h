#ifndef PARENT_HOP_H_
#define PARENT_HOP_H_

#include <stdint.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace ramet::parent {

// One step of a target: which transport, and where to.
struct Hop {
  enum class Kind { kLocal, kSsh };

  Kind kind = Kind::kLocal;
  std::string user;  // empty: the transport's default
  // Without brackets. Of a local context: the label that tells it from others
  // of the same parent; may be empty.
  std::string host;
  uint16_t port = 0;  // 0: the transport's default

  // As a user writes it: "local:", "local:worker-1", "ssh:user@host:22",
  // "ssh:[::1]:22".
  std::string ToString() const;

  friend bool operator==(const Hop& a, const Hop& b) {
    return a.kind == b.kind && a.user == b.user && a.host == b.host &&
           a.port == b.port;
  }
};

inline constexpr size_t kMaxHops = 64;
inline constexpr size_t kMaxTargetBytes = 4096;

// "ssh:bastion/ssh:web1" to its hops. INVALID_ARGUMENT with the offending
// piece and what was expected; fix the target. A host or user that begins with
// "-" is refused, so that it can never become an option of a program.
core::Status ParseTarget(std::string_view target, std::vector<Hop>* hops);

// One hop; the same errors.
core::Status ParseHop(std::string_view text, Hop* hop);

}  // namespace ramet::parent

#endif  // PARENT_HOP_H_
