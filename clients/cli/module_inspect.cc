#include "clients/cli/module_inspect.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/printable.h"
#include "ramet/options.pb.h"

namespace ramet::cli {
namespace {

std::string PolicyName(uint32_t policy) {
  const int number = static_cast<int>(policy);
  return Policy_IsValid(number) ? Policy_Name(number)
                                : absl::StrCat("policy ", policy);
}

}  // namespace

v1::ModuleDescription DescribeBundle(const importer::Bundle& bundle,
                                     size_t file_bytes) {
  const bundle::Manifest& manifest = bundle.manifest();
  v1::ModuleDescription out;
  out.set_name(manifest.name());
  out.set_digest(absl::BytesToHexString(bundle.digest()));
  out.set_file_bytes(file_bytes);
  for (const bundle::Service& service : manifest.services()) {
    v1::ServiceDescription* const described = out.add_services();
    described->set_name(service.name());
    for (const bundle::Method& method : service.methods()) {
      v1::MethodDescription* const added = described->add_methods();
      added->set_name(method.name());
      added->set_policy(PolicyName(method.policy()));
      added->set_input_type(method.input_type());
      added->set_output_type(method.output_type());
      added->set_client_streaming(method.client_streaming());
      added->set_server_streaming(method.server_streaming());
    }
  }
  for (const bundle::Image& image : manifest.images()) {
    v1::ModuleImage* const added = out.add_images();
    added->set_platform(image.platform());
    added->set_deflated_bytes(image.deflated_bytes());
    added->set_image_bytes(image.image_bytes());
    added->set_sha256(absl::BytesToHexString(image.sha256()));
  }
  *out.mutable_related_modules() = manifest.related_modules();
  *out.mutable_environment() = manifest.process().environment();
  out.set_idle_ms(manifest.process().idle_ms());
  out.set_memory_bytes(manifest.process().memory_bytes());
  return out;
}

std::string DescriptionText(const v1::ModuleDescription& description) {
  std::string text;
  const auto line = [&text](const auto&... parts) {
    absl::StrAppend(&text, PrintableLine(absl::StrCat(parts...)), "\n");
  };
  line("module ", description.name(), ", ", description.file_bytes(), " bytes");
  line("digest sha256:", description.digest());
  if (!description.signer().empty()) {
    line("signed by key ", description.signer());
  }
  if (!description.statement_signer().empty()) {
    line("statement signed by key ", description.statement_signer());
  }
  for (const v1::ServiceDescription& service : description.services()) {
    line("service ", service.name());
    for (const v1::MethodDescription& method : service.methods()) {
      line("  ", method.name(), "(", method.client_streaming() ? "stream " : "",
           method.input_type(), ") returns (",
           method.server_streaming() ? "stream " : "", method.output_type(),
           ") ", method.policy());
    }
  }
  for (const v1::ModuleImage& image : description.images()) {
    line("image ", image.platform(), ": ", image.image_bytes(), " bytes, ",
         image.deflated_bytes(), " deflated, sha256:", image.sha256());
  }
  for (const std::string& related : description.related_modules()) {
    line("related ", related);
  }
  for (const std::string& variable : description.environment()) {
    line("variable ", variable);
  }
  if (description.idle_ms() > 0) {
    line("ends when idle for ", description.idle_ms(), " ms");
  }
  if (description.memory_bytes() > 0) {
    line("memory ", description.memory_bytes(), " bytes");
  }
  return text;
}

}  // namespace ramet::cli
