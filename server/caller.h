#ifndef SERVER_CALLER_H_
#define SERVER_CALLER_H_

#include <grpcpp/security/auth_context.h>
#include <stdint.h>

#include <string>
#include <vector>

namespace ramet::server {

// Who has made a connection to the front door. A value.
struct Caller {
  // The user that runs `ramet serve`, or root, over a unix socket.
  bool owner = false;
  // As ramet.v1.Client names them: "uid:1001", "dns:ci.example.org".
  std::vector<std::string> identities;

  // For texts: "dns:ci.example.org, cn:ci", never empty.
  std::string ToString() const;
};

Caller CallerOfUid(uint32_t uid);

// Of a client whose certificate TLS has verified. Nobody, if it has none.
Caller CallerOfCertificate(const grpc::AuthContext& context);

}  // namespace ramet::server

#endif  // SERVER_CALLER_H_
