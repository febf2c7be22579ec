#include "server/tls_files.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace ramet::server {
namespace {

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using FilePtr = std::unique_ptr<FILE, Freer<fclose>>;
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

absl::StatusOr<FilePtr> Open(const std::string& path) {
  FilePtr file(fopen(path.c_str(), "re"));
  if (file != nullptr) return file;
  const int error = errno;
  const std::string text =
      absl::StrCat("cannot open ", path, ": ", strerror(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(text);
  if (error == EACCES) return absl::PermissionDeniedError(text);
  return absl::UnavailableError(text);
}

absl::Status Lacks(const std::string& path, absl::string_view what) {
  ERR_clear_error();
  return absl::FailedPreconditionError(
      absl::StrCat(path, " has no PEM of ", what));
}

// A key with a passphrase can't be used: nobody is there to be asked.
int NoPassphrase(char*, int, int, void*) { return -1; }

absl::StatusOr<X509Ptr> ReadCertificate(const std::string& path) {
  const absl::StatusOr<FilePtr> file = Open(path);
  if (!file.ok()) return file.status();
  X509Ptr certificate(PEM_read_X509(file->get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return Lacks(path, "a certificate");
  return certificate;
}

}  // namespace

absl::Status CheckTlsFiles(const TlsFiles& files) {
  const absl::StatusOr<X509Ptr> certificate =
      ReadCertificate(files.certificate);
  if (!certificate.ok()) return certificate.status();
  if (X509_cmp_current_time(X509_get0_notAfter(certificate->get())) < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the certificate in ", files.certificate, " has expired"));
  }
  if (X509_cmp_current_time(X509_get0_notBefore(certificate->get())) > 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the certificate in ", files.certificate, " is not valid yet"));
  }
  const absl::StatusOr<FilePtr> key_file = Open(files.key);
  if (!key_file.ok()) return key_file.status();
  const KeyPtr key(
      PEM_read_PrivateKey(key_file->get(), nullptr, &NoPassphrase, nullptr));
  if (key == nullptr) {
    return Lacks(files.key, "a private key without a passphrase");
  }
  if (X509_check_private_key(certificate->get(), key.get()) != 1) {
    ERR_clear_error();
    return absl::FailedPreconditionError(absl::StrCat(
        "the key in ", files.key, " is not that of ", files.certificate));
  }
  return ReadCertificate(files.client_ca).status();
}

}  // namespace ramet::server
