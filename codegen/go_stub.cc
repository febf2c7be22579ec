#include "codegen/go_stub.h"

#include <map>
#include <string>

#include "codegen/comments.h"

namespace ramet::codegen {
namespace {

using google::protobuf::io::Printer;

const char* Definition(const GoMethod& method) {
  if (method.descriptor->client_streaming()) {
    return "func (s *$stub$) $name$(ctx context.Context,\n"
           "  options ...ramet.CallOption) "
           "*ramet.ClientStreamCall[$request$, $reply$] {\n"
           "  return ramet.StartCall(ctx, s.target, \"$path$\",\n"
           "    $serialize$, $parse$, options)\n"
           "}\n";
  }
  if (method.descriptor->server_streaming()) {
    return "func (s *$stub$) $name$(ctx context.Context, request $request$,\n"
           "  options ...ramet.CallOption) "
           "*ramet.ClientStreamCall[$request$, $reply$] {\n"
           "  return ramet.StartOne(ctx, s.target, \"$path$\",\n"
           "    $serialize$, $parse$, request, options)\n"
           "}\n";
  }
  return "func (s *$stub$) $name$(ctx context.Context, request $request$,\n"
         "  options ...ramet.CallOption) ($reply$, error) {\n"
         "  return ramet.CallUnary(ctx, s.target, \"$path$\",\n"
         "    $serialize$, $parse$, request, options)\n"
         "}\n";
}

}  // namespace

void EmitGoStub(const GoService& service, const GoFile& file,
                Printer* printer) {
  printer->Print(
      "\n"
      "// $stub$ calls $service$ in a context, e.g. in\n"
      "// ramet.CallOf(ctx).Master().\n",
      "stub", service.stub, "service", service.full_name);
  EmitComments(service.descriptor, /*separate=*/true, printer);
  printer->Print(
      "type $stub$ struct{ target ramet.Target }\n"
      "\n"
      "func $new_stub$(target ramet.Target) *$stub$ {\n"
      "  return &$stub${target}\n"
      "}\n",
      "stub", service.stub, "new_stub", service.new_stub);
  for (const GoMethod& method : service.methods) {
    printer->Print("\n");
    EmitComments(method.descriptor, /*separate=*/false, printer);
    printer->Print(
        std::map<std::string, std::string>{
            {"stub", service.stub},
            {"name", method.name},
            {"path", method.path},
            {"request", method.request},
            {"reply", method.reply},
            {"serialize", file.bytes
                              ? "ramet.SerializeBytes"
                              : "rametproto.Serialize[" + method.request + "]"},
            {"parse",
             file.bytes ? "ramet.ParseBytes"
                        : "rametproto.Parse[" + method.reply.substr(1) + "]"}},
        Definition(method));
  }
}

}  // namespace ramet::codegen
