#include "server/signed_statement.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/base/ed25519.h"
#include "core/base/strings.h"
#include "importer/module_locks.h"
#include "importer/module_statement.h"
#include "server/module_announcement.h"

namespace ramet::server {
namespace {

absl::Status Denied(absl::string_view why) {
  return absl::PermissionDeniedError(absl::StrCat("its statement: ", why));
}

}  // namespace

absl::StatusOr<SignedStatement> SignedStatement::Check(
    const importer::Bundle& bundle, const std::string& minisig,
    const std::vector<MinisignKey>& keys) {
  SignedStatement result;
  if (minisig.empty()) return result;
  const auto parsed = MinisignSignature::Parse(minisig);
  if (!parsed.ok()) return Denied(parsed.status().message());
  if (parsed->hashed()) {
    return Denied(
        "its signature is a hashed one, which contexts can't check: "
        "minisign -S -l makes one that they can");
  }
  absl::StatusOr<std::string> text = StatementOf(bundle);
  if (!text.ok()) return text.status();
  result.text = *std::move(text);
  result.signature = parsed->bytes();
  absl::Status wrong;
  for (const MinisignKey& key : keys) {
    // A number is no proof: another key may have the same.
    if (key.id_bytes() != parsed->key_id_bytes()) continue;
    const auto id = VerifyMinisign({key}, result.text, minisig);
    if (id.ok()) {
      result.signer = key.key();
      result.signer_id = *id;
      return result;
    }
    wrong = Denied(id.status().message());
  }
  if (!wrong.ok()) return wrong;
  return result;
}

void SignedStatement::AddTo(std::string_view locks,
                            core::LoadModule* announced) const {
  if (signature.empty()) return;
  const std::string begin = core::Concat({"\n+", importer::kKeyPrefix});
  for (size_t at = 0; (at = locks.find(begin, at)) != locks.npos;) {
    at += begin.size();
    const std::string_view hex = locks.substr(at, 2 * core::kEd25519KeyBytes);
    const std::string key =
        absl::HexStringToBytes(absl::string_view(hex.data(), hex.size()));
    // Nobody else can have made it.
    if (key == signer ||
        (signer.empty() && core::VerifyEd25519(key, text, signature))) {
      announced->statement = text;
      announced->signature = signature;
      announced->signer = key;
      return;
    }
  }
}

absl::StatusOr<std::string> StatementOf(const importer::Bundle& bundle) {
  const std::string& name = bundle.name();
  if (std::any_of(name.begin(), name.end(), absl::ascii_iscntrl)) {
    return absl::InvalidArgumentError(
        absl::StrCat("module \"", absl::CEscape(name),
                     "\" can't be signed: its name is no line of text"));
  }
  return importer::StatementText(name, ImageTexts(bundle));
}

std::vector<std::string> ImageTexts(const importer::Bundle& bundle) {
  std::vector<std::string> texts;
  for (const auto& image : bundle.manifest().images()) {
    texts.push_back(
        importer::ImageText(AnnounceModule(bundle, image, /*idle_ms=*/0)));
  }
  return texts;
}

}  // namespace ramet::server
