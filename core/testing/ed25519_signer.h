#ifndef CORE_TESTING_ED25519_SIGNER_H_
#define CORE_TESTING_ED25519_SIGNER_H_

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <memory>
#include <string>

#include "core/base/ed25519.h"

namespace ramet::core {

// A key pair of OpenSSL's, from 32 bytes that are its secret.
class Ed25519Signer {
 public:
  explicit Ed25519Signer(const std::string& secret)
      : key_(
            EVP_PKEY_new_raw_private_key(
                EVP_PKEY_ED25519, nullptr,
                reinterpret_cast<const uint8_t*>(secret.data()), secret.size()),
            &EVP_PKEY_free) {
    size_t size = kEd25519KeyBytes;
    public_.resize(size);
    EXPECT_EQ(
        EVP_PKEY_get_raw_public_key(
            key_.get(), reinterpret_cast<uint8_t*>(public_.data()), &size),
        1);
  }

  const std::string& public_key() const { return public_; }
  std::string Sign(const std::string& message) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(
        EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    std::string signature(kEd25519SignatureBytes, '\0');
    size_t size = signature.size();
    EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr,
                                 key_.get()),
              1);
    EXPECT_EQ(
        EVP_DigestSign(
            context.get(), reinterpret_cast<uint8_t*>(signature.data()), &size,
            reinterpret_cast<const uint8_t*>(message.data()), message.size()),
        1);
    return signature;
  }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
  std::string public_;
};

}  // namespace ramet::core

#endif  // CORE_TESTING_ED25519_SIGNER_H_
