#include "codegen/python_names.h"

#include <algorithm>
#include <set>

namespace ramet::codegen {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FileDescriptor;

bool IsPythonKeyword(const std::string& word) {
  static const auto* const kWords = new std::set<std::string>{
      "False",  "None",   "True",    "and",      "as",       "assert", "async",
      "await",  "break",  "class",   "continue", "def",      "del",    "elif",
      "else",   "except", "finally", "for",      "from",     "global", "if",
      "import", "in",     "is",      "lambda",   "nonlocal", "not",    "or",
      "pass",   "raise",  "return",  "try",      "while",    "with",   "yield"};
  return kWords->count(word) > 0;
}

bool IsReserved(const std::string& name) {
  return IsPythonKeyword(name) || name == "ramet_name" ||
         name == "ramet_methods" || name == "ramet_options";
}

// As protobuf's Python generator names modules, without the ending.
std::string ModuleStem(const std::string& proto) {
  std::string stem = proto;
  const std::string ending = ".proto";
  if (stem.size() > ending.size() &&
      stem.compare(stem.size() - ending.size(), ending.size(), ending) == 0) {
    stem.resize(stem.size() - ending.size());
  }
  std::replace(stem.begin(), stem.end(), '-', '_');
  std::replace(stem.begin(), stem.end(), '/', '.');
  return stem;
}

// The class of a message; getattr() where a part of its name is a keyword.
std::string ClassOf(const Descriptor* message, const std::string& module) {
  const std::string outer = message->containing_type() == nullptr
                                ? module
                                : ClassOf(message->containing_type(), module);
  // Within a class Python has another name for what begins with "__".
  if (!IsPythonKeyword(message->name()) &&
      message->name().compare(0, 2, "__") != 0) {
    return outer + "." + message->name();
  }
  return "getattr(" + outer + ", '" + message->name() + "')";
}

// The alias of the module that has a file's messages.
std::string Import(const FileDescriptor* file, PythonFile* names) {
  const std::string module = ModuleStem(file->name()) + "_pb2";
  for (const PythonImport& import : names->imports) {
    if (import.module == module) return import.alias;
  }
  names->imports.push_back(
      {module, "_m" + std::to_string(names->imports.size())});
  return names->imports.back().alias;
}

std::string Attribute(const std::string& method, std::set<std::string>* taken) {
  std::string name = method;
  if (name.compare(0, 2, "__") == 0) name = "ramet" + name;
  if (IsReserved(name)) name += "_";
  while (!taken->insert(name).second) name += "_";
  return name;
}

}  // namespace

PythonFile ResolvePythonNames(const FileDescriptor* file, bool bytes) {
  PythonFile names;
  names.descriptor = file;
  names.path = ModuleStem(file->name());
  std::replace(names.path.begin(), names.path.end(), '.', '/');
  names.path += "_ramet.py";
  for (int i = 0; i < file->service_count(); ++i) {
    const auto* service = file->service(i);
    names.services.emplace_back();
    PythonService& out = names.services.back();
    out.descriptor = service;
    out.full_name = service->full_name();
    out.stub_class = service->name() + "Stub";
    out.service_class = service->name() + "Service";
    // Those that keep their names come first.
    std::set<std::string> taken;
    for (int j = 0; j < service->method_count(); ++j) {
      const std::string& name = service->method(j)->name();
      if (!IsReserved(name) && name.compare(0, 2, "__") != 0) {
        taken.insert(name);
      }
    }
    for (int j = 0; j < service->method_count(); ++j) {
      const auto* method = service->method(j);
      out.methods.emplace_back();
      PythonMethod& to = out.methods.back();
      to.descriptor = method;
      to.attribute = method->name();
      if (taken.count(to.attribute) == 0) {
        to.attribute = Attribute(method->name(), &taken);
      }
      to.path = "/" + service->full_name() + "/" + method->name();
      if (bytes) continue;
      to.request = ClassOf(method->input_type(),
                           Import(method->input_type()->file(), &names));
      to.reply = ClassOf(method->output_type(),
                         Import(method->output_type()->file(), &names));
    }
  }
  return names;
}

}  // namespace ramet::codegen
