#include "codegen/go_names.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <set>

namespace ramet::codegen {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::ServiceDescriptor;

using Identifiers = std::set<std::string>;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// As protoc-gen-go has it (internal/strs.GoCamelCase).
std::string GoCamelCase(const std::string& name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool lower_next = i + 1 < name.size() && IsLower(name[i + 1]);
    if (c == '.' && lower_next) continue;
    if (c == '.') {
      out += '_';
    } else if (c == '_' && (i == 0 || name[i - 1] == '.')) {
      out += 'X';
    } else if (c == '_' && lower_next) {
      continue;
    } else if (IsDigit(c)) {
      out += c;
    } else {
      // A word begins.
      out += IsLower(c) ? static_cast<char>(c - 'a' + 'A') : c;
      for (; i + 1 < name.size() && IsLower(name[i + 1]); ++i) {
        out += name[i + 1];
      }
    }
  }
  return out;
}

// The name within its package: "Outer.Inner".
template <typename DescriptorType>
std::string GoName(const DescriptorType* descriptor) {
  const std::string& package = descriptor->file()->package();
  return GoCamelCase(
      descriptor->full_name().substr(package.empty() ? 0 : package.size() + 1));
}

void AddEnum(const EnumDescriptor* descriptor, Identifiers* taken) {
  const std::string name = GoName(descriptor);
  for (const char* suffix : {"", "_name", "_value"}) {
    taken->insert(name + suffix);
  }
  const std::string prefix = descriptor->containing_type() == nullptr
                                 ? name
                                 : GoName(descriptor->containing_type());
  for (int i = 0; i < descriptor->value_count(); ++i) {
    taken->insert(prefix + "_" + descriptor->value(i)->name());
  }
}

void AddMessage(const Descriptor* descriptor, Identifiers* taken) {
  taken->insert(GoName(descriptor));
  for (int i = 0; i < descriptor->nested_type_count(); ++i) {
    AddMessage(descriptor->nested_type(i), taken);
  }
  for (int i = 0; i < descriptor->enum_type_count(); ++i) {
    AddEnum(descriptor->enum_type(i), taken);
  }
}

std::string Claim(std::string name, Identifiers* taken) {
  while (!taken->insert(name).second) name += "_";
  return name;
}

// An identifier for the last part of an import path.
std::string PackageName(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  for (char& c : name) {
    if (!IsLower(c) && !IsDigit(c) && !(c >= 'A' && c <= 'Z')) c = '_';
  }
  if (name.empty() || IsDigit(name[0])) name.insert(0, "_");
  return name;
}

// The import path and name of a file's package.
bool PackageOf(const FileDescriptor* file, const PluginOptions& options,
               std::string* path, std::string* name, std::string* error) {
  const auto found = options.go_packages.find(file->name());
  std::string package = found != options.go_packages.end()
                            ? found->second
                            : file->options().go_package();
  if (package.empty()) {
    *error = file->name() +
             " has no Go package: give it an option go_package, or the plugin "
             "M" +
             file->name() + "=PATH";
    return false;
  }
  const size_t semicolon = package.find(';');
  *path = package.substr(0, semicolon);
  *name = semicolon == std::string::npos ? PackageName(*path)
                                         : package.substr(semicolon + 1);
  return true;
}

// "examples/greeter/greeter.proto" as "greeter".
std::string Stem(const std::string& proto) {
  const std::string base = proto.substr(proto.rfind('/') + 1);
  const size_t ending = base.rfind(".proto");
  return ending + 6 == base.size() ? base.substr(0, ending) : base;
}

class Resolver {
 public:
  Resolver(const PluginOptions& options, GoFile* names, std::string* error)
      : options_(options), names_(names), error_(error) {}

  bool Resolve() {
    if (!PackageOf(names_->descriptor, options_, &path_, &names_->package,
                   error_)) {
      return false;
    }
    // Beside protoc-gen-go's file.
    names_->path = path_ + "/" + Stem(names_->descriptor->name()) + ".ramet.go";
    if (!names_->bytes) {
      for (int i = 0; i < names_->descriptor->message_type_count(); ++i) {
        AddMessage(names_->descriptor->message_type(i), &taken_);
      }
      for (int i = 0; i < names_->descriptor->enum_type_count(); ++i) {
        AddEnum(names_->descriptor->enum_type(i), &taken_);
      }
    }
    for (int i = 0; i < names_->descriptor->service_count(); ++i) {
      if (!ResolveService(names_->descriptor->service(i))) return false;
    }
    std::sort(
        names_->imports.begin(), names_->imports.end(),
        [](const GoImport& a, const GoImport& b) { return a.path < b.path; });
    return true;
  }

 private:
  bool ResolveService(const ServiceDescriptor* service) {
    names_->services.emplace_back();
    GoService& out = names_->services.back();
    const std::string name = GoCamelCase(service->name());
    out.descriptor = service;
    out.full_name = service->full_name();
    out.interface = Claim(name + "Service", &taken_);
    out.constructor = Claim("New" + name + "Service", &taken_);
    out.unimplemented = Claim("Unimplemented" + name + "Service", &taken_);
    out.stub = Claim(name + "Stub", &taken_);
    out.new_stub = Claim("New" + name + "Stub", &taken_);
    Identifiers members;
    for (int i = 0; i < service->method_count(); ++i) {
      const auto* method = service->method(i);
      out.methods.emplace_back();
      GoMethod& to = out.methods.back();
      to.descriptor = method;
      to.name = Claim(GoCamelCase(method->name()), &members);
      to.path = "/" + service->full_name() + "/" + method->name();
      if (!TypeOf(method->input_type(), &to.request) ||
          !TypeOf(method->output_type(), &to.reply)) {
        return false;
      }
    }
    return true;
  }

  bool TypeOf(const Descriptor* message, std::string* type) {
    if (names_->bytes) {
      *type = "[]byte";
      return true;
    }
    std::string path;
    std::string unused;
    if (!PackageOf(message->file(), options_, &path, &unused, error_)) {
      return false;
    }
    *type = "*" + (path == path_ ? "" : Import(path) + ".") + GoName(message);
    return true;
  }

  std::string Import(const std::string& path) {
    for (const GoImport& import : names_->imports) {
      if (import.path == path) return import.alias;
    }
    names_->imports.push_back(
        {"pb" + std::to_string(names_->imports.size()), path});
    return names_->imports.back().alias;
  }

  const PluginOptions& options_;
  GoFile* const names_;
  std::string* const error_;
  std::string path_;  // of the file's own package
  Identifiers taken_;
};

}  // namespace

bool ResolveGoNames(const FileDescriptor* file, const PluginOptions& options,
                    GoFile* names, std::string* error) {
  names->descriptor = file;
  names->bytes = options.bytes;
  return Resolver(options, names, error).Resolve();
}

}  // namespace ramet::codegen
