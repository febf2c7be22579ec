#ifndef SERVER_SIGNED_STATEMENT_H_
#define SERVER_SIGNED_STATEMENT_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/wire/control.h"
#include "importer/bundle.h"
#include "server/minisign.h"

namespace ramet::server {

// What contexts are shown of a bundle whose lock a key opens
// (importer/module_statement.h). A value type.
struct SignedStatement {
  std::string text;
  std::string signature;  // 64 bytes; empty: nobody has signed it
  // Of the keys that Check() was told, the one that has: its 32 bytes and its
  // number; empty: none of them.
  std::string signer;
  std::string signer_id;

  // `minisig`: the text of a .minisig file of the statement of `bundle`; "" for
  // none. One by a key that is none of `keys` is taken as it is. All are
  // PERMISSION_DENIED, with the reason: it is no signature; a hashed one, which
  // contexts can't check; one by such a key, and wrong. Or StatementOf's.
  static absl::StatusOr<SignedStatement> Check(
      const importer::Bundle& bundle, const std::string& minisig,
      const std::vector<MinisignKey>& keys);

  // Adds it to an announcement for a context that holds `locks`, if one of them
  // has a key that has signed it. Up to 3 ms for each key there that is not
  // `signer`. Pure.
  void AddTo(std::string_view locks, core::LoadModule* announced) const;
};

// importer::StatementText of a bundle. INVALID_ARGUMENT: its name is no line of
// text.
absl::StatusOr<std::string> StatementOf(const importer::Bundle& bundle);

// importer::ImageText of each of its images.
std::vector<std::string> ImageTexts(const importer::Bundle& bundle);

}  // namespace ramet::server

#endif  // SERVER_SIGNED_STATEMENT_H_
