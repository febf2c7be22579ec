#ifndef SERVER_CLIENT_POLICY_H_
#define SERVER_CLIENT_POLICY_H_

#include <stddef.h>
#include <stdint.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ramet/v1/clients.pb.h"
#include "server/caller.h"

namespace ramet::server {

// Who may do what through the front door: a ramet.v1.ClientsFile, checked. An
// immutable value; without a file, one that allows nobody anything but the
// owner. Threads: any.
class ClientPolicy {
 public:
  // A file that is larger is not one that somebody wrote.
  static constexpr size_t kMaxFileBytes = 1024 * 1024;

  ClientPolicy() = default;

  // INVALID_ARGUMENT: line, column and what is wrong there; an identity that
  // stands in two entries; an entry that can't be meant.
  static absl::StatusOr<ClientPolicy> Parse(const std::string& text,
                                            const std::string& origin);
  // The same; NOT_FOUND, PERMISSION_DENIED, UNAVAILABLE: it can't be read.
  static absl::StatusOr<ClientPolicy> LoadFile(const std::string& path);

  // Whether `caller` may call `method` ("demo.v1.Greeter/SayHello") of a bundle
  // in the context called `target`.
  bool AllowsCall(const Caller& caller, std::string_view method,
                  std::string_view target) const;
  // The same for a method of the door's own that is about a context.
  bool AllowsAdmin(const Caller& caller, std::string_view method,
                   std::string_view target) const;
  // The same for one that is about none, or about some.
  bool AllowsAdmin(const Caller& caller, std::string_view method) const;

  bool Knows(const Caller& caller) const;
  // Users whose processes may connect to a unix socket.
  const std::vector<uint32_t>& uids() const { return uids_; }

 private:
  template <typename Predicate>
  bool AnyRule(const Caller& caller, const Predicate& predicate) const;

  absl::Status Add(int index, const std::string& identity);

  v1::ClientsFile file_;
  std::map<std::string, int, std::less<>> by_identity_;
  std::vector<uint32_t> uids_;
};

}  // namespace ramet::server

#endif  // SERVER_CLIENT_POLICY_H_
