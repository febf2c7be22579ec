#ifndef SERVER_TLS_FILES_H_
#define SERVER_TLS_FILES_H_

#include <string>

#include "absl/status/status.h"

namespace ramet::server {

// PEM files of a TCP listener.
struct TlsFiles {
  std::string certificate;  // the server's, and those up to its root
  std::string key;
  std::string client_ca;  // who signs clients' certificates

  bool empty() const {
    return certificate.empty() && key.empty() && client_ca.empty();
  }
};

// Whether a server can be made of them. gRPC only fails later, handshake by
// handshake. NOT_FOUND, PERMISSION_DENIED, UNAVAILABLE: a file can't be read.
// FAILED_PRECONDITION: it holds no PEM of that kind, the certificate is not
// valid at this time, or the key is another's.
absl::Status CheckTlsFiles(const TlsFiles& files);

}  // namespace ramet::server

#endif  // SERVER_TLS_FILES_H_
