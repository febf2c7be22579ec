#include "codegen/names.h"

#include <google/protobuf/compiler/cpp/names.h>
#include <google/protobuf/descriptor.pb.h>

#include <set>

#include "codegen/reserved_names.h"

namespace ramet::codegen {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
namespace cpp = google::protobuf::compiler::cpp;

using Identifiers = std::set<std::string>;

void AddEnum(const EnumDescriptor* descriptor, Identifiers* taken) {
  const std::string name = cpp::ClassName(descriptor);
  taken->insert(name);
  for (const char* suffix : {"_IsValid", "_MIN", "_MAX", "_ARRAYSIZE", "_Name",
                             "_Parse", "_descriptor"}) {
    taken->insert(name + suffix);
  }
  // The values of a nested enum live in its message's class, but in the
  // namespace as well, under the enum's name.
  for (int i = 0; i < descriptor->value_count(); ++i) {
    const std::string value = cpp::EnumValueName(descriptor->value(i));
    taken->insert(
        descriptor->containing_type() == nullptr ? value : name + "_" + value);
  }
}

void AddMessage(const Descriptor* descriptor, Identifiers* taken) {
  taken->insert(cpp::ClassName(descriptor));
  for (int i = 0; i < descriptor->nested_type_count(); ++i) {
    AddMessage(descriptor->nested_type(i), taken);
  }
  for (int i = 0; i < descriptor->enum_type_count(); ++i) {
    AddEnum(descriptor->enum_type(i), taken);
  }
}

// What protobuf's C++ for `file` declares directly in `package`.
void AddFile(const FileDescriptor* file, const std::string& package,
             Identifiers* taken) {
  const std::string& other = file->package();
  if (other == package) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      AddMessage(file->message_type(i), taken);
    }
    for (int i = 0; i < file->enum_type_count(); ++i) {
      AddEnum(file->enum_type(i), taken);
    }
    for (int i = 0; i < file->extension_count(); ++i) {
      taken->insert(file->extension(i)->name());
    }
    if (file->options().cc_generic_services()) {
      for (int i = 0; i < file->service_count(); ++i) {
        taken->insert(file->service(i)->name());
        taken->insert(file->service(i)->name() + "_Stub");
      }
    }
    return;
  }
  // A package below ours is a namespace in ours.
  const std::string prefix = package.empty() ? "" : package + ".";
  if (other.compare(0, prefix.size(), prefix) == 0) {
    taken->insert(other.substr(prefix.size(),
                               other.find('.', prefix.size()) - prefix.size()));
  }
}

void AddFileAndImports(const FileDescriptor* file, const std::string& package,
                       std::set<const FileDescriptor*>* seen,
                       Identifiers* taken) {
  if (!seen->insert(file).second) return;
  AddFile(file, package, taken);
  for (int i = 0; i < file->dependency_count(); ++i) {
    AddFileAndImports(file->dependency(i), package, seen, taken);
  }
}

// `name` with as many underscores as make it free; then it is taken.
std::string Claim(std::string name, Identifiers* taken) {
  while (!taken->insert(name).second) name += "_";
  return name;
}

// The package's components as C++ has them.
bool NamespaceOf(const std::string& package, std::string* out,
                 std::string* error) {
  std::string component;
  for (size_t begin = 0; begin < package.size();
       begin += component.size() + 1) {
    component = package.substr(begin, package.find('.', begin) - begin);
    if (IsCppKeyword(component)) {
      *error = "package \"" + package + "\": \"" + component +
               "\" is a C++ keyword, and protobuf's C++ generator makes it a "
               "namespace as it is; rename the package";
      return false;
    }
    if (!out->empty()) *out += "::";
    *out += component;
  }
  return true;
}

bool ResolveMethod(const MethodDescriptor* descriptor, MethodNames* names,
                   std::string* error) {
  names->descriptor = descriptor;
  names->path =
      "/" + descriptor->service()->full_name() + "/" + descriptor->name();
  if (descriptor->client_streaming()) {
    names->kind = descriptor->server_streaming() ? MethodKind::kBidiStream
                                                 : MethodKind::kClientStream;
  } else if (descriptor->server_streaming()) {
    names->kind = MethodKind::kServerStream;
  }
  std::string unused;
  if (!NamespaceOf(descriptor->input_type()->file()->package(), &unused,
                   error) ||
      !NamespaceOf(descriptor->output_type()->file()->package(), &unused,
                   error)) {
    return false;
  }
  names->request_type = cpp::QualifiedClassName(descriptor->input_type());
  names->reply_type = cpp::QualifiedClassName(descriptor->output_type());
  return true;
}

bool ResolveService(const ServiceDescriptor* descriptor, Identifiers* taken,
                    ServiceNames* names, std::string* error) {
  names->descriptor = descriptor;
  names->full_name = descriptor->full_name();
  names->stub_class = Claim(descriptor->name() + "Stub", taken);
  names->service_class = Claim(descriptor->name() + "Service", taken);

  // A member named as its class would be a constructor.
  Identifiers members = {names->stub_class, names->service_class};
  for (int i = 0; i < descriptor->method_count(); ++i) {
    const std::string& name = descriptor->method(i)->name();
    if (!IsReservedMember(name) && name != names->stub_class &&
        name != names->service_class) {
      members.insert(name);
    }
  }
  for (int i = 0; i < descriptor->method_count(); ++i) {
    names->methods.emplace_back();
    MethodNames& method = names->methods.back();
    if (!ResolveMethod(descriptor->method(i), &method, error)) return false;
    method.method = descriptor->method(i)->name();
    if (IsReservedMember(method.method) || method.method == names->stub_class ||
        method.method == names->service_class) {
      method.method = Claim(method.method + "_", &members);
    }
  }
  for (MethodNames& method : names->methods) {
    method.start = Claim("Start" + method.descriptor->name(), &members);
  }
  return true;
}

// "demo/a-b.proto" to an identifier, differently for every path.
std::string GuardFor(const std::string& path) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string guard = "RAMET_GENERATED_";
  for (unsigned char c : path) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
        (c >= '0' && c <= '9')) {
      guard += static_cast<char>(c);
    } else {
      guard += {'_', kHex[c >> 4], kHex[c & 15]};
    }
  }
  return guard + "_H_";
}

}  // namespace

bool ServiceNames::streams() const {
  for (const MethodNames& method : methods) {
    if (method.kind != MethodKind::kUnary) return true;
  }
  return false;
}

bool ResolveNames(const FileDescriptor* file, FileNames* names,
                  std::string* error) {
  names->descriptor = file;
  const std::string stem = cpp::StripProto(file->name());
  names->header = stem + ".ramet.h";
  names->source = stem + ".ramet.cc";
  names->messages_header = stem + ".pb.h";
  names->guard = GuardFor(file->name());
  // A file without services is left to protobuf's generator altogether.
  if (file->service_count() == 0) return true;
  if (!NamespaceOf(file->package(), &names->cpp_namespace, error)) {
    return false;
  }

  Identifiers taken;
  std::set<const FileDescriptor*> seen;
  AddFileAndImports(file, file->package(), &seen, &taken);
  for (int i = 0; i < file->service_count(); ++i) {
    names->services.emplace_back();
    if (!ResolveService(file->service(i), &taken, &names->services.back(),
                        error)) {
      return false;
    }
  }
  return true;
}

}  // namespace ramet::codegen
