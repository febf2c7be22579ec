#ifndef SERVER_DESCRIPTOR_WORLD_H_
#define SERVER_DESCRIPTOR_WORLD_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ramet::server {

// The .proto files of one bundle, or of the front door itself, as server
// reflection asks for them. Every bundle has a world of its own, because two
// may have different files under one name.
//
// Threads: any; immutable once it is made.
class DescriptorWorld {
 public:
  // Files that can't be used (an import is missing, a name is taken) are as if
  // they were not there.
  explicit DescriptorWorld(const google::protobuf::FileDescriptorSet& files);

  // Of the files that define `services` of this program, and their imports.
  static std::unique_ptr<DescriptorWorld> OfGenerated(
      const std::vector<std::string>& services);

  static google::protobuf::FileDescriptorSet FilesOfGenerated(
      const std::vector<std::string>& services);

  // The name of the file; nothing if there is none.
  std::optional<std::string> FileWithName(const std::string& name) const;
  std::optional<std::string> FileWithSymbol(const std::string& symbol) const;
  std::optional<std::string> FileWithExtension(const std::string& extendee,
                                               int number) const;
  // Nothing if `extendee` is no message.
  std::optional<std::set<int>> ExtensionNumbers(
      const std::string& extendee) const;

  // `file` and everything that it imports but `sent`, to which all are added,
  // serialized; the file first.
  std::vector<std::string> Serialize(const std::string& file,
                                     std::set<std::string>* sent) const;

 private:
  google::protobuf::SimpleDescriptorDatabase database_;
  google::protobuf::DescriptorPool pool_;
};

}  // namespace ramet::server

#endif  // SERVER_DESCRIPTOR_WORLD_H_
