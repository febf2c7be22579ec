#include "codegen/go_service.h"

#include <map>
#include <string>

#include "codegen/comments.h"
#include "codegen/options.h"

namespace ramet::codegen {
namespace {

using google::protobuf::io::Printer;

std::map<std::string, std::string> Variables(const GoService& service,
                                             const GoMethod& method,
                                             const GoFile& file) {
  return {
      {"interface", service.interface},
      {"unimplemented", service.unimplemented},
      {"name", method.name},
      {"wire_name", method.descriptor->name()},
      {"path", method.path},
      {"request", method.request},
      {"reply", method.reply},
      // Without the star.
      {"parse", file.bytes
                    ? "ramet.ParseBytes"
                    : "rametproto.Parse[" + method.request.substr(1) + "]"},
      {"serialize", file.bytes ? "ramet.SerializeBytes"
                               : "rametproto.Serialize[" + method.reply + "]"}};
}

const char* Signature(const GoMethod& method) {
  const bool requests = method.descriptor->client_streaming();
  if (method.descriptor->server_streaming()) {
    return requests ? "$name$(context.Context, *ramet.Reader[$request$], "
                      "*ramet.Writer[$reply$]) error"
                    : "$name$(context.Context, $request$, "
                      "*ramet.Writer[$reply$]) error";
  }
  return requests ? "$name$(context.Context, *ramet.Reader[$request$]) "
                    "($reply$, error)"
                  : "$name$(context.Context, $request$) ($reply$, error)";
}

const char* KindOf(const GoMethod& method) {
  if (method.descriptor->client_streaming()) {
    return method.descriptor->server_streaming() ? "BidiStream"
                                                 : "ClientStream";
  }
  return method.descriptor->server_streaming() ? "ServerStream" : "Unary";
}

// The field of ramet.Service, or nothing.
std::string Limits(const google::protobuf::ServiceDescriptor* service) {
  const LimitOptions limits = LimitsOf(service);
  std::string said;
  const auto say = [&said](const char* field, const std::string& value) {
    if (!said.empty()) said += ",";
    said += "\n      " + std::string(field) + ": " + value;
  };
  if (limits.max_concurrent_calls > 0) {
    say("MaxConcurrentCalls", std::to_string(limits.max_concurrent_calls));
  }
  if (limits.max_queued_calls) {
    say("MaxQueuedCalls", *limits.max_queued_calls > 0
                              ? std::to_string(*limits.max_queued_calls)
                              : "ramet.NoQueue");
  }
  if (limits.max_message_bytes > 0) {
    say("MaxMessageBytes", std::to_string(limits.max_message_bytes));
  }
  return said.empty() ? "" : ", Limits: ramet.Limits{" + said + "}";
}

}  // namespace

void EmitGoService(const GoService& service, const GoFile& file,
                   Printer* printer) {
  printer->Print(
      "\n"
      "// $interface$ serves $service$ in a module: implement it, and give\n"
      "// ramet.Run() what $constructor$() makes of it. Calls come on several\n"
      "// goroutines at once.\n",
      "interface", service.interface, "service", service.full_name,
      "constructor", service.constructor);
  EmitComments(service.descriptor, /*separate=*/true, printer);
  printer->Print("type $interface$ interface {\n", "interface",
                 service.interface);
  printer->Indent();
  for (const GoMethod& method : service.methods) {
    EmitComments(method.descriptor, /*separate=*/false, printer);
    printer->Print(Variables(service, method, file), Signature(method));
    printer->Print("\n");
  }
  printer->Outdent();
  printer->Print(
      "}\n"
      "\n"
      "// $unimplemented$ has all methods, and each is UNIMPLEMENTED: embed\n"
      "// it for those that you leave out.\n"
      "type $unimplemented$ struct{}\n",
      "unimplemented", service.unimplemented);
  for (const GoMethod& method : service.methods) {
    std::map<std::string, std::string> variables =
        Variables(service, method, file);
    printer->Print("\n");
    printer->Print(variables, "func ($unimplemented$) ");
    printer->Print(variables, Signature(method));
    printer->Print(" {\n");
    variables["nothing"] = method.descriptor->server_streaming() ? "" : "nil, ";
    printer->Print(variables,
                   "  return $nothing$ramet.Errorf(ramet.Unimplemented,\n"
                   "    \"$path$ is not implemented\")\n"
                   "}\n");
  }
  printer->Print(
      "\n"
      "// $constructor$ makes a service of what implements it.\n"
      "func $constructor$(service $interface$) ramet.Service {\n"
      "  return ramet.Service{Name: \"$name$\"$limits$, Methods: "
      "[]ramet.Method{",
      "constructor", service.constructor, "interface", service.interface,
      "name", service.full_name, "limits", Limits(service.descriptor));
  for (const GoMethod& method : service.methods) {
    std::map<std::string, std::string> variables =
        Variables(service, method, file);
    variables["kind"] = KindOf(method);
    variables["serial"] = IsSerial(method.descriptor) ? ".Serial()" : "";
    printer->Print(variables,
                   "\n"
                   "    ramet.$kind$(\"$wire_name$\", $parse$,\n"
                   "      $serialize$, service.$name$)$serial$,");
  }
  printer->Print(service.methods.empty() ? "}}\n}\n" : "\n  }}\n}\n");
}

}  // namespace ramet::codegen
