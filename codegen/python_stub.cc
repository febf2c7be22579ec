#include "codegen/python_stub.h"

#include "codegen/comments.h"

namespace ramet::codegen {
namespace {

const char* FactoryOf(const google::protobuf::MethodDescriptor* method) {
  if (method->client_streaming()) {
    return method->server_streaming() ? "stream_stream" : "stream_unary";
  }
  return method->server_streaming() ? "unary_stream" : "unary_unary";
}

}  // namespace

void EmitPythonStub(const PythonService& service,
                    google::protobuf::io::Printer* printer) {
  printer->Print(
      "\n\n"
      "# Calls $service$ in a context, e.g. in context.master(). A channel of\n"
      "# grpcio's does as well.\n",
      "service", service.full_name);
  EmitComments(service.descriptor, /*separate=*/true, printer, "#");
  printer->Print(
      "class $class$(object):\n"
      "\n"
      "  def __init__(self, channel):\n",
      "class", service.stub_class);
  printer->Indent();
  printer->Indent();
  if (service.methods.empty()) printer->Print("pass\n");
  for (const PythonMethod& method : service.methods) {
    EmitComments(method.descriptor, /*separate=*/false, printer, "#");
    printer->Print(
        "self.$method$ = channel.$factory$(\n"
        "    '$path$'",
        "method", method.attribute, "factory", FactoryOf(method.descriptor),
        "path", method.path);
    if (!method.request.empty()) {
      printer->Print(
          ",\n    request_serializer=$request$.SerializeToString,\n"
          "    response_deserializer=$reply$.FromString",
          "request", method.request, "reply", method.reply);
    }
    printer->Print(")\n");
  }
  printer->Outdent();
  printer->Outdent();
}

}  // namespace ramet::codegen
