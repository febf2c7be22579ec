#include "tools/bundle/manifest_services.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include "absl/strings/str_cat.h"
#include "ramet/options.pb.h"

namespace ramet::bundle {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;

void AddService(const ServiceDescriptor& service, Manifest* manifest) {
  Service* entry = manifest->add_services();
  entry->set_name(service.full_name());
  for (int i = 0; i < service.method_count(); ++i) {
    const MethodDescriptor& method = *service.method(i);
    Method* added = entry->add_methods();
    added->set_name(method.name());
    added->set_policy(method.options().GetExtension(ramet::policy));
    added->set_input_type(method.input_type()->full_name());
    added->set_output_type(method.output_type()->full_name());
    added->set_client_streaming(method.client_streaming());
    added->set_server_streaming(method.server_streaming());
  }
}

}  // namespace

absl::Status AddServices(const std::set<std::string>& files,
                         const std::set<std::string>& only,
                         Manifest* manifest) {
  FileDescriptorSet set;
  if (!set.ParseFromString(manifest->file_descriptor_set())) {
    return absl::InvalidArgumentError("no FileDescriptorSet");
  }
  DescriptorPool pool;
  for (const FileDescriptorProto& file : set.file()) {
    if (pool.BuildFile(file) == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("the definitions in ", file.name(), " are not valid"));
    }
  }
  std::set<std::string> missing = only;
  for (const std::string& name : files) {
    const FileDescriptor* file = pool.FindFileByName(name);
    if (file == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("no definitions of ", name));
    }
    for (int i = 0; i < file->service_count(); ++i) {
      const ServiceDescriptor& service = *file->service(i);
      if (!only.empty() && missing.erase(service.full_name()) == 0) continue;
      AddService(service, manifest);
    }
  }
  if (!missing.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the module's protos define no service ", *missing.begin()));
  }
  if (manifest->services().empty()) {
    return absl::InvalidArgumentError("the module's protos define no service");
  }
  return absl::OkStatus();
}

}  // namespace ramet::bundle
