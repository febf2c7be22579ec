#include "importer/module_statement.h"

#include "core/base/ed25519.h"
#include "core/base/strings.h"

namespace ramet::importer {

std::string StatementText(std::string_view name,
                          const std::vector<std::string>& images) {
  std::string text = core::Concat({kStatementTitle, name, "\n"});
  for (const std::string& image : images) core::Append(&text, {image, "\n"});
  return text;
}

bool IsSigned(const core::LoadModule& announced, std::string_view image) {
  const std::string_view text = announced.statement;
  // Whole lines: a name with a line feed in it is nobody's.
  return text.substr(0, text.find('\n')) ==
             core::Concat({kStatementTitle, announced.name}) &&
         text.find(core::Concat({"\n", image, "\n"})) != text.npos &&
         core::VerifyEd25519(announced.signer, text, announced.signature);
}

}  // namespace ramet::importer
