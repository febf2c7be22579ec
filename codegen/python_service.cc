#include "codegen/python_service.h"

#include <string>

#include "codegen/comments.h"
#include "codegen/options.h"

namespace ramet::codegen {
namespace {

using google::protobuf::io::Printer;

void EmitMethodInfo(const PythonMethod& method, Printer* printer) {
  printer->Print("_ramet.Method(\n    '$name$'", "name",
                 method.descriptor->name());
  if (method.descriptor->client_streaming()) {
    printer->Print(", stream_requests=True");
  }
  if (method.descriptor->server_streaming()) {
    printer->Print(", stream_replies=True");
  }
  if (!method.request.empty()) {
    printer->Print(
        ",\n    parse=$request$.FromString,\n"
        "    serialize=$reply$.SerializeToString",
        "request", method.request, "reply", method.reply);
  }
  if (method.attribute != method.descriptor->name()) {
    printer->Print(",\n    attribute='$attribute$'", "attribute",
                   method.attribute);
  }
  if (IsSerial(method.descriptor)) printer->Print(",\n    serial=True");
  printer->Print("),\n");
}

void EmitLimits(const google::protobuf::ServiceDescriptor* service,
                Printer* printer) {
  const LimitOptions limits = LimitsOf(service);
  if (limits.empty()) return;
  std::string said;
  const auto say = [&said](const char* option, uint32_t value) {
    if (!said.empty()) said += ", ";
    said += std::string(option) + "=" + std::to_string(value);
  };
  if (limits.max_concurrent_calls > 0) {
    say("max_concurrent_calls", limits.max_concurrent_calls);
  }
  if (limits.max_queued_calls) {
    say("max_queued_calls", *limits.max_queued_calls);
  }
  if (limits.max_message_bytes > 0) {
    say("max_message_bytes", limits.max_message_bytes);
  }
  printer->Print("ramet_options = _ramet.ServiceOptions(\n    $said$)\n",
                 "said", said);
}

}  // namespace

void EmitPythonService(const PythonService& service, Printer* printer) {
  printer->Print(
      "\n\n"
      "# Serves $service$ in a module: derive from it, override its methods,\n"
      "# and give an object of yours to ramet_module.run(). Calls come on\n"
      "# several threads at once; a method that is not overridden is\n"
      "# UNIMPLEMENTED.\n",
      "service", service.full_name);
  EmitComments(service.descriptor, /*separate=*/true, printer, "#");
  // Before the methods: their names are names in this body.
  printer->Print(
      "class $class$(_ramet.Service):\n"
      "  ramet_name = '$service$'\n"
      "  ramet_methods = (\n",
      "class", service.service_class, "service", service.full_name);
  printer->Indent();
  printer->Indent();
  printer->Indent();
  for (const PythonMethod& method : service.methods) {
    EmitMethodInfo(method, printer);
  }
  printer->Outdent();
  printer->Outdent();
  printer->Print(")\n");
  EmitLimits(service.descriptor, printer);
  for (const PythonMethod& method : service.methods) {
    printer->Print("\n");
    EmitComments(method.descriptor, /*separate=*/false, printer, "#");
    printer->Print(
        "def $method$(self, $request$, context):\n"
        "  context.unimplemented()\n",
        "method", method.attribute, "request",
        method.descriptor->client_streaming() ? "requests" : "request");
  }
  printer->Outdent();
}

}  // namespace ramet::codegen
