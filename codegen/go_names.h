#ifndef CODEGEN_GO_NAMES_H_
#define CODEGEN_GO_NAMES_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "codegen/plugin_options.h"

namespace ramet::codegen {

// Every name that generated Go has is decided here; emitters only print.
//
// The file belongs to the package that protoc-gen-go puts the messages into,
// and messages are called as there. A name that a message or enum of the file
// has already gets underscores; other files of the same package are not seen.

struct GoMethod {
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  std::string name;     // in interface and stub: "SayHello"
  std::string path;     // "/demo.v1.Greeter/SayHello"
  std::string request;  // "*HelloRequest", "*emptypb.Empty", "[]byte"
  std::string reply;
};

struct GoService {
  const google::protobuf::ServiceDescriptor* descriptor = nullptr;
  std::string full_name;      // "demo.v1.Greeter"
  std::string interface;      // "GreeterService"
  std::string constructor;    // "NewGreeterService"
  std::string unimplemented;  // "UnimplementedGreeterService"
  std::string stub;           // "GreeterStub"
  std::string new_stub;       // "NewGreeterStub"
  std::vector<GoMethod> methods;
};

struct GoImport {
  std::string alias;  // "pb0"
  std::string path;   // "google.golang.org/protobuf/types/known/emptypb"
};

struct GoFile {
  const google::protobuf::FileDescriptor* descriptor = nullptr;
  std::string path;     // "examples/greeter/greeterpb/greeter.ramet.go"
  std::string package;  // "greeterpb"
  bool bytes = false;
  std::vector<GoImport> imports;  // of messages
  std::vector<GoService> services;
};

// False, with a text for the author of the .proto in `error`: a file has no Go
// package, by option or by go_package.
bool ResolveGoNames(const google::protobuf::FileDescriptor* file,
                    const PluginOptions& options, GoFile* names,
                    std::string* error);

}  // namespace ramet::codegen

#endif  // CODEGEN_GO_NAMES_H_
