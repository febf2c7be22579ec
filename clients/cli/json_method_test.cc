#include "clients/cli/json_method.h"

#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace ramet::cli {
namespace {

namespace pb = google::protobuf;

pb::FieldDescriptorProto* AddField(pb::DescriptorProto* message,
                                   const std::string& name, int number,
                                   pb::FieldDescriptorProto::Type type) {
  pb::FieldDescriptorProto* const field = message->add_field();
  field->set_name(name);
  field->set_number(number);
  field->set_type(type);
  field->set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
  return field;
}

// demo.v1.Greeter/SayHello, of two files.
std::string Descriptors() {
  pb::FileDescriptorSet set;
  pb::FileDescriptorProto* file = set.add_file();
  file->set_name("messages.proto");
  file->set_package("demo.v1");
  file->set_syntax("proto3");
  pb::DescriptorProto* message = file->add_message_type();
  message->set_name("HelloRequest");
  AddField(message, "your_name", 1, pb::FieldDescriptorProto::TYPE_STRING);
  AddField(message, "number", 2, pb::FieldDescriptorProto::TYPE_INT64);
  AddField(message, "raw", 3, pb::FieldDescriptorProto::TYPE_BYTES);
  file = set.add_file();
  file->set_name("greeter.proto");
  file->set_package("demo.v1");
  file->set_syntax("proto3");
  file->add_dependency("messages.proto");
  pb::ServiceDescriptorProto* const service = file->add_service();
  service->set_name("Greeter");
  pb::MethodDescriptorProto* const method = service->add_method();
  method->set_name("SayHello");
  method->set_input_type(".demo.v1.HelloRequest");
  method->set_output_type(".demo.v1.HelloRequest");
  return set.SerializeAsString();
}

class JsonMethodTest : public testing::Test {
 protected:
  JsonMethodTest() {
    auto method = JsonMethod::Create(Descriptors(), "demo.v1.Greeter/SayHello");
    EXPECT_TRUE(method.ok()) << method.status();
    method_ = *std::move(method);
  }
  std::string Parsed(const std::string& json) {
    const auto bytes = method_->ParseRequest(json);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.value_or("");
  }

  std::unique_ptr<JsonMethod> method_;
};

TEST_F(JsonMethodTest, ParsesARequest) {
  EXPECT_EQ(Parsed("{\"yourName\": \"web1\", \"number\": \"5\"}"),
            "\x0a\x04web1\x10\x05");
  EXPECT_EQ(Parsed("{\"your_name\": \"web1\", \"number\": 5}"),
            "\x0a\x04web1\x10\x05");
  EXPECT_EQ(Parsed("{\"raw\": \"AAH/\"}"),
            std::string("\x1a\x03\0\x01\xff", 5));
  EXPECT_EQ(Parsed("{}"), "");
}

TEST_F(JsonMethodTest, SaysWhatIsWrongWithARequest) {
  for (const char* json :
       {"", "{", "[]", "{\"nme\": 1}", "{\"number\": \"many\"}", "null x"}) {
    const auto bytes = method_->ParseRequest(json);
    ASSERT_EQ(bytes.status().code(), absl::StatusCode::kInvalidArgument)
        << json;
    EXPECT_EQ(bytes.status().message().substr(0, 35),
              "bad JSON for demo.v1.HelloRequest: ")
        << json;
  }
  const auto bytes = method_->ParseRequest("{\"nme\": 1}");
  EXPECT_NE(bytes.status().message().find("nme"), std::string::npos);
}

TEST_F(JsonMethodTest, PrintsAReply) {
  const auto json = method_->PrintReply("\x0a\x04web1\x10\x05");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(*json, "{\"yourName\":\"web1\",\"number\":\"5\"}");
  EXPECT_EQ(*method_->PrintReply(""), "{}");
}

TEST_F(JsonMethodTest, AReplyThatDoesNotParseIsInternal) {
  EXPECT_EQ(method_->PrintReply("\x0a\x7f").status().code(),
            absl::StatusCode::kInternal);
}

TEST_F(JsonMethodTest, RefusesUnknownServicesAndMethods) {
  const auto service = JsonMethod::Create(Descriptors(), "demo.v1.Other/X");
  EXPECT_EQ(service.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(service.status().message(), "unknown service demo.v1.Other");
  const auto method = JsonMethod::Create(Descriptors(), "demo.v1.Greeter/X");
  EXPECT_EQ(method.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(method.status().message(), "unknown method demo.v1.Greeter/X");
}

TEST_F(JsonMethodTest, RefusesDamagedDescriptors) {
  EXPECT_EQ(JsonMethod::Create("\x0a\x7f", "a.A/B").status().code(),
            absl::StatusCode::kDataLoss);
  pb::FileDescriptorSet set;
  ASSERT_TRUE(set.ParseFromString(Descriptors()));
  set.mutable_file()->erase(set.mutable_file()->begin());
  EXPECT_EQ(
      JsonMethod::Create(set.SerializeAsString(), "a.A/B").status().code(),
      absl::StatusCode::kDataLoss)
      << "an import is missing";
}

}  // namespace
}  // namespace ramet::cli
