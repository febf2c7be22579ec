#include "codegen/python_service.h"

#include "codegen/comments.h"

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
  printer->Print("),\n");
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
