#include "codegen/service_skeleton.h"

#include <map>
#include <string>

#include "codegen/comments.h"
#include "codegen/options.h"

namespace ramet::codegen {
namespace {

using google::protobuf::io::Printer;

const char* KindName(MethodKind kind) {
  switch (kind) {
    case MethodKind::kUnary:
      return "kUnary";
    case MethodKind::kServerStream:
      return "kServerStreaming";
    case MethodKind::kClientStream:
      return "kClientStreaming";
    case MethodKind::kBidiStream:
      return "kBidiStreaming";
  }
  return "";
}

std::map<std::string, std::string> Variables(const ServiceNames& service,
                                             const MethodNames& method) {
  return {{"class", service.service_class},
          {"method", method.method},
          {"name", method.descriptor->name()},
          {"path", method.path},
          {"policy", PolicyName(method.descriptor)},
          {"kind", KindName(method.kind)},
          {"serial", IsSerial(method.descriptor)
                         ? ",\n       ::ramet::stub::Concurrency::kSerial"
                         : ""},
          {"index", std::to_string(method.descriptor->index())},
          {"request", method.request_type},
          {"reply", method.reply_type}};
}

void EmitMethodTable(const ServiceNames& service, Printer* printer) {
  printer->Print(
      "const ::ramet::stub::ServiceInfo& $class$::RametInfo() const {\n",
      "class", service.service_class);
  if (!service.methods.empty()) {
    printer->Print(
        "  static constexpr ::ramet::stub::MethodInfo kMethods[] = {\n");
    for (const MethodNames& method : service.methods) {
      printer->Print(Variables(service, method),
                     "      {\"$name$\", ::ramet::stub::Policy::$policy$,\n"
                     "       ::ramet::stub::MethodKind::$kind$$serial$},\n");
    }
    printer->Print("  };\n");
  }
  const std::string limits = ServiceLimits(service.descriptor);
  printer->Print(
      "  static constexpr ::ramet::stub::ServiceInfo kInfo = {\n"
      "      \"$service$\", $methods$, $count$$limits$};\n"
      "  return kInfo;\n"
      "}\n"
      "\n",
      "service", service.full_name, "methods",
      service.methods.empty() ? "nullptr" : "kMethods", "count",
      std::to_string(service.methods.size()), "limits",
      limits.empty() ? "" : ",\n      " + limits);
}

void EmitEndOfDispatch(const ServiceNames& service, Printer* printer) {
  printer->Print(
      "    default:\n"
      "      return ::ramet::stub::NotImplemented(\"$service$\");\n"
      "  }\n"
      "}\n"
      "\n",
      "service", service.full_name);
}

void EmitDispatch(const ServiceNames& service, Printer* printer) {
  printer->Print(
      "::absl::Status $class$::RametCall(\n"
      "    ::std::size_t method, const ::ramet::stub::CallContext& context,\n"
      "    const ::std::string& request, ::std::string* reply) {\n"
      "  switch (method) {\n",
      "class", service.service_class);
  for (const MethodNames& method : service.methods) {
    if (method.kind != MethodKind::kUnary) continue;
    printer->Print(
        Variables(service, method),
        "    case $index$:\n"
        "      return ::ramet::stub::ServeUnary<$request$,\n"
        "                                       $reply$>(\n"
        "          request, reply, [&](const auto& in, auto* out) {\n"
        "            return this->$method$(context, in, out);\n"
        "          });\n");
  }
  EmitEndOfDispatch(service, printer);
}

const char* StreamCase(MethodKind kind) {
  switch (kind) {
    case MethodKind::kUnary:
      return "";
    case MethodKind::kServerStream:
      return "    case $index$:\n"
             "      return ::ramet::stub::ServeServerStream<$request$,\n"
             "                                              $reply$>(\n"
             "          stream, [&](const auto& in, auto* out) {\n"
             "            return this->$method$(context, in, out);\n"
             "          });\n";
    case MethodKind::kClientStream:
      return "    case $index$:\n"
             "      return ::ramet::stub::ServeClientStream<$request$,\n"
             "                                              $reply$>(\n"
             "          stream, [&](auto* in, auto* out) {\n"
             "            return this->$method$(context, in, out);\n"
             "          });\n";
    case MethodKind::kBidiStream:
      return "    case $index$:\n"
             "      return ::ramet::stub::ServeBidiStream<$request$,\n"
             "                                            $reply$>(\n"
             "          stream, [&](auto* both) {\n"
             "            return this->$method$(context, both);\n"
             "          });\n";
  }
  return "";
}

void EmitStreamDispatch(const ServiceNames& service, Printer* printer) {
  if (!service.streams()) return;
  printer->Print(
      "::absl::Status $class$::RametStream(\n"
      "    ::std::size_t method, const ::ramet::stub::CallContext& context,\n"
      "    ::ramet::stub::ServerStream* stream) {\n"
      "  switch (method) {\n",
      "class", service.service_class);
  for (const MethodNames& method : service.methods) {
    printer->Print(Variables(service, method), StreamCase(method.kind));
  }
  EmitEndOfDispatch(service, printer);
}

// The parameters behind the context, of which $..$ are names or nothing.
const char* Parameters(MethodKind kind) {
  switch (kind) {
    case MethodKind::kUnary:
      return "    const $request$&$in$,\n"
             "    $reply$*$out$)";
    case MethodKind::kServerStream:
      return "    const $request$&$in$,\n"
             "    ::ramet::stub::ServerWriter<$reply$>*$replies$)";
    case MethodKind::kClientStream:
      return "    ::ramet::stub::ServerReader<$request$>*$requests$,\n"
             "    $reply$*$out$)";
    case MethodKind::kBidiStream:
      return "    ::ramet::stub::ServerReaderWriter<$request$,\n"
             "                                      $reply$>*$stream$)";
  }
  return "";
}

void EmitParameters(const ServiceNames& service, const MethodNames& method,
                    bool named, Printer* printer) {
  std::map<std::string, std::string> variables = Variables(service, method);
  variables["in"] = named ? " request" : "";
  variables["out"] = named ? " reply" : "";
  variables["requests"] = named ? " requests" : "";
  variables["replies"] = named ? " replies" : "";
  variables["stream"] = named ? " stream" : "";
  printer->Print(variables, Parameters(method.kind));
}

}  // namespace

void EmitServiceClass(const ServiceNames& service, Printer* printer) {
  printer->Print(
      "// Serves $service$ in a module: derive from it, override its methods,\n"
      "// and name the class in RAMET_MODULE. Calls come from several threads\n"
      "// at once; a method that is not overridden is UNIMPLEMENTED.\n",
      "service", service.full_name);
  EmitComments(service.descriptor, /*separate=*/true, printer);
  printer->Print(
      "class $class$ : public ::ramet::stub::Service {\n"
      " public:\n",
      "class", service.service_class);
  printer->Indent();
  for (const MethodNames& method : service.methods) {
    EmitComments(method.descriptor, /*separate=*/false, printer);
    printer->Print(Variables(service, method),
                   "virtual ::absl::Status $method$(\n"
                   "    const ::ramet::stub::CallContext& context,\n");
    EmitParameters(service, method, /*named=*/true, printer);
    printer->Print(";\n\n");
  }
  printer->Print(
      "const ::ramet::stub::ServiceInfo& RametInfo() const final;\n"
      "::absl::Status RametCall(\n"
      "    ::std::size_t method, const ::ramet::stub::CallContext& context,\n"
      "    const ::std::string& request, ::std::string* reply) final;\n");
  if (service.streams()) {
    printer->Print(
        "::absl::Status RametStream(\n"
        "    ::std::size_t method, const ::ramet::stub::CallContext& context,\n"
        "    ::ramet::stub::ServerStream* stream) final;\n");
  }
  printer->Outdent();
  printer->Print(
      "};\n"
      "\n");
}

void EmitServiceDefinitions(const ServiceNames& service, Printer* printer) {
  for (const MethodNames& method : service.methods) {
    printer->Print(Variables(service, method),
                   "::absl::Status $class$::$method$(\n"
                   "    const ::ramet::stub::CallContext&,\n");
    EmitParameters(service, method, /*named=*/false, printer);
    printer->Print(Variables(service, method),
                   " {\n"
                   "  return ::ramet::stub::NotImplemented(\"$path$\");\n"
                   "}\n"
                   "\n");
  }
  EmitMethodTable(service, printer);
  EmitDispatch(service, printer);
  EmitStreamDispatch(service, printer);
}

}  // namespace ramet::codegen
