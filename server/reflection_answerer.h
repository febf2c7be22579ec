#ifndef SERVER_REFLECTION_ANSWERER_H_
#define SERVER_REFLECTION_ANSWERER_H_

#include <grpcpp/support/status.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/descriptor_worlds.h"

namespace ramet::server {

// Answers the questions of one reflection stream; for both versions, whose
// messages have the same fields. One thread at a time.
template <typename Request, typename Response>
class ReflectionAnswerer {
 public:
  explicit ReflectionAnswerer(DescriptorWorlds* worlds) : worlds_(worlds) {}

  void Answer(const Request& request, Response* response) {
    const auto now = worlds_->Now();
    if (now != snapshot_) {
      snapshot_ = now;
      sent_.clear();
      last_ = nullptr;
    }
    response->Clear();
    response->set_valid_host(request.host());
    *response->mutable_original_request() = request;
    switch (request.message_request_case()) {
      case Request::kListServices:
        for (const std::string& service : snapshot_->services) {
          response->mutable_list_services_response()->add_service()->set_name(
              service);
        }
        // Also when there is none.
        response->mutable_list_services_response();
        return;
      case Request::kFileByFilename:
        return AnswerFile(
            "file", request.file_by_filename(), response,
            [&request](const DescriptorWorld& world) {
              return world.FileWithName(request.file_by_filename());
            });
      case Request::kFileContainingSymbol:
        return AnswerFile(
            "symbol", request.file_containing_symbol(), response,
            [&request](const DescriptorWorld& world) {
              return world.FileWithSymbol(request.file_containing_symbol());
            });
      case Request::kFileContainingExtension: {
        const auto& extension = request.file_containing_extension();
        return AnswerFile("extension",
                          absl::StrCat(extension.extension_number(), " of ",
                                       extension.containing_type()),
                          response, [&extension](const DescriptorWorld& world) {
                            return world.FileWithExtension(
                                extension.containing_type(),
                                extension.extension_number());
                          });
      }
      case Request::kAllExtensionNumbersOfType:
        return AnswerNumbers(request.all_extension_numbers_of_type(), response);
      case Request::MESSAGE_REQUEST_NOT_SET:
        break;
    }
    SetError(grpc::StatusCode::INVALID_ARGUMENT, "the request asks nothing",
             response);
  }

 private:
  static void SetError(grpc::StatusCode code, const std::string& text,
                       Response* response) {
    response->mutable_error_response()->set_error_code(code);
    response->mutable_error_response()->set_error_message(text);
  }

  template <typename Find>
  void AnswerFile(const char* kind, const std::string& what, Response* response,
                  const Find& find) {
    // The world of the last answer first: a client that follows imports by
    // name means those of the file that it has.
    if (last_ != nullptr && AnswerFrom(last_, find, response)) return;
    for (const auto& world : snapshot_->worlds) {
      if (AnswerFrom(world, find, response)) return;
    }
    SetError(grpc::StatusCode::NOT_FOUND, absl::StrCat("no ", kind, " ", what),
             response);
  }

  template <typename Find>
  bool AnswerFrom(std::shared_ptr<const DescriptorWorld> world,
                  const Find& find, Response* response) {
    const std::optional<std::string> file = find(*world);
    if (!file.has_value()) return false;
    for (std::string& bytes : world->Serialize(*file, &sent_[world.get()])) {
      response->mutable_file_descriptor_response()->add_file_descriptor_proto(
          std::move(bytes));
    }
    last_ = std::move(world);
    return true;
  }

  void AnswerNumbers(const std::string& type, Response* response) {
    bool known = false;
    std::set<int> numbers;
    for (const auto& world : snapshot_->worlds) {
      const auto found = world->ExtensionNumbers(type);
      if (!found.has_value()) continue;
      known = true;
      numbers.insert(found->begin(), found->end());
    }
    if (!known) {
      return SetError(grpc::StatusCode::NOT_FOUND,
                      absl::StrCat("no message ", type), response);
    }
    auto* const answer = response->mutable_all_extension_numbers_response();
    answer->set_base_type_name(type);
    for (const int number : numbers) answer->add_extension_number(number);
  }

  DescriptorWorlds* const worlds_;
  std::shared_ptr<const DescriptorWorlds::Snapshot> snapshot_;
  std::shared_ptr<const DescriptorWorld> last_;
  // Which files the client has of each world.
  std::map<const DescriptorWorld*, std::set<std::string>> sent_;
};

}  // namespace ramet::server

#endif  // SERVER_REFLECTION_ANSWERER_H_
