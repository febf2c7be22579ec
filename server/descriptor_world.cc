#include "server/descriptor_world.h"

#include <deque>

namespace ramet::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

// Errors are the answer "not found"; nobody reads them on standard error.
class Silent final : public DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string&, const std::string&,
                const google::protobuf::Message*, ErrorLocation,
                const std::string&) override {}
};

Silent* Errors() {
  static auto* const errors = new Silent();
  return errors;
}

void Collect(const FileDescriptor* file, std::set<std::string>* seen,
             FileDescriptorSet* files) {
  if (file == nullptr || !seen->insert(file->name()).second) return;
  for (int i = 0; i < file->dependency_count(); ++i) {
    Collect(file->dependency(i), seen, files);
  }
  file->CopyTo(files->add_file());
}

}  // namespace

DescriptorWorld::DescriptorWorld(const FileDescriptorSet& files)
    : pool_(&database_, Errors()) {
  for (const FileDescriptorProto& file : files.file()) database_.Add(file);
}

FileDescriptorSet DescriptorWorld::FilesOfGenerated(
    const std::vector<std::string>& services) {
  FileDescriptorSet files;
  std::set<std::string> seen;
  for (const std::string& service : services) {
    Collect(DescriptorPool::generated_pool()->FindFileContainingSymbol(service),
            &seen, &files);
  }
  return files;
}

std::unique_ptr<DescriptorWorld> DescriptorWorld::OfGenerated(
    const std::vector<std::string>& services) {
  return std::make_unique<DescriptorWorld>(FilesOfGenerated(services));
}

std::optional<std::string> DescriptorWorld::FileWithName(
    const std::string& name) const {
  const FileDescriptor* const file = pool_.FindFileByName(name);
  if (file == nullptr) return std::nullopt;
  return file->name();
}

std::optional<std::string> DescriptorWorld::FileWithSymbol(
    const std::string& symbol) const {
  const FileDescriptor* const file = pool_.FindFileContainingSymbol(symbol);
  if (file == nullptr) return std::nullopt;
  return file->name();
}

std::optional<std::string> DescriptorWorld::FileWithExtension(
    const std::string& extendee, int number) const {
  const Descriptor* const type = pool_.FindMessageTypeByName(extendee);
  if (type == nullptr) return std::nullopt;
  const FieldDescriptor* const field =
      pool_.FindExtensionByNumber(type, number);
  if (field == nullptr) return std::nullopt;
  return field->file()->name();
}

std::optional<std::set<int>> DescriptorWorld::ExtensionNumbers(
    const std::string& extendee) const {
  const Descriptor* const type = pool_.FindMessageTypeByName(extendee);
  if (type == nullptr) return std::nullopt;
  std::vector<const FieldDescriptor*> fields;
  pool_.FindAllExtensions(type, &fields);
  std::set<int> numbers;
  for (const FieldDescriptor* field : fields) numbers.insert(field->number());
  return numbers;
}

std::vector<std::string> DescriptorWorld::Serialize(
    const std::string& file, std::set<std::string>* sent) const {
  std::vector<std::string> bytes;
  std::set<std::string> here = {file};
  std::deque<const FileDescriptor*> queue = {pool_.FindFileByName(file)};
  for (; !queue.empty(); queue.pop_front()) {
    const FileDescriptor* const next = queue.front();
    if (next == nullptr) continue;
    sent->insert(next->name());
    FileDescriptorProto proto;
    next->CopyTo(&proto);
    next->CopyJsonNameTo(&proto);
    bytes.push_back(proto.SerializeAsString());
    for (int i = 0; i < next->dependency_count(); ++i) {
      const FileDescriptor* const import = next->dependency(i);
      if (sent->count(import->name()) == 0 &&
          here.insert(import->name()).second) {
        queue.push_back(import);
      }
    }
  }
  return bytes;
}

}  // namespace ramet::server
