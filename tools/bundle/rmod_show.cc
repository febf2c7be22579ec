// rmod_show FILE.rmod: what is in a module bundle.
#include <stdio.h>

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "importer/bundle.h"
#include "ramet/bundle.pb.h"
#include "ramet/options.pb.h"
#include "tools/bundle/files.h"

namespace {

std::string Hex(std::string_view bytes) {
  std::string text;
  for (unsigned char byte : bytes) {
    absl::StrAppend(&text, absl::Hex(byte, absl::kZeroPad2));
  }
  return text;
}

std::string PolicyText(uint32_t policy) {
  return ramet::Policy_IsValid(static_cast<int>(policy))
             ? ramet::Policy_Name(static_cast<int>(policy))
             : absl::StrCat("policy ", policy);
}

void Show(const ramet::importer::Bundle& bundle) {
  const ramet::bundle::Manifest& manifest = bundle.manifest();
  printf("module %s\n", manifest.name().c_str());
  printf("manifest sha256 %s\n", Hex(bundle.digest()).c_str());
  printf("descriptors %zu bytes\n", manifest.file_descriptor_set().size());
  for (const std::string& related : manifest.related_modules()) {
    printf("related %s\n", related.c_str());
  }
  for (const ramet::bundle::Service& service : manifest.services()) {
    printf("service %s\n", service.name().c_str());
    for (const ramet::bundle::Method& method : service.methods()) {
      printf("  %s(%s%s) returns (%s%s) %s\n", method.name().c_str(),
             method.client_streaming() ? "stream " : "",
             method.input_type().c_str(),
             method.server_streaming() ? "stream " : "",
             method.output_type().c_str(), PolicyText(method.policy()).c_str());
    }
  }
  for (const ramet::bundle::Image& image : manifest.images()) {
    printf("image %s: %u bytes, %u deflated, sha256 %s\n",
           image.platform().c_str(), image.image_bytes(),
           image.deflated_bytes(), Hex(image.sha256()).c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fputs("usage: rmod_show FILE.rmod\n", stderr);
    return 2;
  }
  absl::StatusOr<std::string> file = ramet::bundle::ReadFile(argv[1]);
  absl::StatusOr<ramet::importer::Bundle> bundle =
      file.ok() ? ramet::importer::Bundle::Parse(*std::move(file))
                : absl::StatusOr<ramet::importer::Bundle>(file.status());
  if (!bundle.ok()) {
    fprintf(stderr, "rmod_show: %s\n", bundle.status().ToString().c_str());
    return 1;
  }
  Show(*bundle);
  return 0;
}
