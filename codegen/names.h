#ifndef CODEGEN_NAMES_H_
#define CODEGEN_NAMES_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace ramet::codegen {

// Every identifier and path that generated code has is decided here, once, for
// both classes and both files; emitters only print.
//
// A name that would not compile, or that something else has already, gets
// underscores until it is free. Who keeps the plain name, in this order: what
// protobuf generates, blocking methods and service methods, Start... methods.

// Which side of a method streams.
enum class MethodKind { kUnary, kServerStream, kClientStream, kBidiStream };

struct MethodNames {
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  MethodKind kind = MethodKind::kUnary;
  std::string method;        // in both classes: "SayHello"
  std::string start;         // in the stub: "StartSayHello"
  std::string path;          // "/demo.v1.Greeter/SayHello"
  std::string request_type;  // "::demo::v1::HelloRequest"
  std::string reply_type;
};

struct ServiceNames {
  const google::protobuf::ServiceDescriptor* descriptor = nullptr;
  std::string full_name;      // "demo.v1.Greeter"
  std::string stub_class;     // "GreeterStub"
  std::string service_class;  // "GreeterService"
  std::vector<MethodNames> methods;

  // Some method is not unary.
  bool streams() const;
};

struct FileNames {
  const google::protobuf::FileDescriptor* descriptor = nullptr;
  std::string header;           // "demo/greeter.ramet.h"
  std::string source;           // "demo/greeter.ramet.cc"
  std::string messages_header;  // "demo/greeter.pb.h"
  std::string guard;
  std::string cpp_namespace;  // "demo::v1", or nothing
  std::vector<ServiceNames> services;
};

// Decides the names for one file. False, with a text for the author of the
// .proto in `error`, when no C++ can be generated for it.
bool ResolveNames(const google::protobuf::FileDescriptor* file,
                  FileNames* names, std::string* error);

}  // namespace ramet::codegen

#endif  // CODEGEN_NAMES_H_
