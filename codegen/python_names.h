#ifndef CODEGEN_PYTHON_NAMES_H_
#define CODEGEN_PYTHON_NAMES_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace ramet::codegen {

// Every name that generated Python has is decided here; emitters only print.
//
// A method whose name is a keyword, or something that the base class has, gets
// an underscore; one that begins with two underscores, which Python gives a
// meaning, is called ramet__... instead.

struct PythonMethod {
  const google::protobuf::MethodDescriptor* descriptor = nullptr;
  std::string attribute;  // in both classes: "SayHello"
  std::string path;       // "/demo.v1.Greeter/SayHello"
  std::string request;    // "_m0.HelloRequest"; nothing for bytes
  std::string reply;
};

struct PythonService {
  const google::protobuf::ServiceDescriptor* descriptor = nullptr;
  std::string full_name;      // "demo.v1.Greeter"
  std::string stub_class;     // "GreeterStub"
  std::string service_class;  // "GreeterService"
  std::vector<PythonMethod> methods;
};

struct PythonImport {
  std::string module;  // "examples.greeter.greeter_pb2"
  std::string alias;   // "_m0"
};

struct PythonFile {
  const google::protobuf::FileDescriptor* descriptor = nullptr;
  std::string path;  // "examples/greeter/greeter_ramet.py"
  std::vector<PythonImport> imports;
  std::vector<PythonService> services;
};

// `bytes`: no message is to be imported.
PythonFile ResolvePythonNames(const google::protobuf::FileDescriptor* file,
                              bool bytes);

}  // namespace ramet::codegen

#endif  // CODEGEN_PYTHON_NAMES_H_
