#include "codegen/client_stub.h"

#include <map>
#include <string>

#include "codegen/comments.h"

namespace ramet::codegen {
namespace {

using google::protobuf::io::Printer;

std::map<std::string, std::string> Variables(const ServiceNames& service,
                                             const MethodNames& method) {
  return {{"class", service.stub_class},    {"method", method.method},
          {"start", method.start},          {"path", method.path},
          {"request", method.request_type}, {"reply", method.reply_type}};
}

// The blocking and the async form of one method.

const char* Declarations(MethodKind kind) {
  switch (kind) {
    case MethodKind::kUnary:
      return "::absl::StatusOr<$reply$> $method$(\n"
             "    const $request$& request,\n"
             "    const ::ramet::stub::CallOptions& options = {}) const;\n"
             "::ramet::stub::PendingCall<$reply$> $start$(\n"
             "    const $request$& request,\n"
             "    const ::ramet::stub::CallOptions& options = {}) const;\n"
             "\n";
    case MethodKind::kServerStream:
      return "::ramet::stub::ClientReader<$reply$> $method$(\n"
             "    const $request$& request,\n"
             "    const ::ramet::stub::CallOptions& options = {}) const;\n"
             "::ramet::stub::StreamCall<$request$> $start$(\n"
             "    const $request$& request,\n"
             "    ::std::shared_ptr<\n"
             "        ::ramet::stub::StreamListener<$reply$>> listener,\n"
             "    const ::ramet::stub::CallOptions& options = {}) const;\n"
             "\n";
    case MethodKind::kClientStream:
      return "::ramet::stub::ClientWriter<$request$,\n"
             "                            $reply$> $method$(\n"
             "    const ::ramet::stub::CallOptions& options = {}) const;\n"
             "::ramet::stub::StreamCall<$request$> $start$(\n"
             "    ::std::shared_ptr<\n"
             "        ::ramet::stub::StreamListener<$reply$>> listener,\n"
             "    const ::ramet::stub::CallOptions& options = {}) const;\n"
             "\n";
    case MethodKind::kBidiStream:
      return "::ramet::stub::ClientReaderWriter<$request$,\n"
             "                                  $reply$> $method$(\n"
             "    const ::ramet::stub::CallOptions& options = {}) const;\n"
             "::ramet::stub::StreamCall<$request$> $start$(\n"
             "    ::std::shared_ptr<\n"
             "        ::ramet::stub::StreamListener<$reply$>> listener,\n"
             "    const ::ramet::stub::CallOptions& options = {}) const;\n"
             "\n";
  }
  return "";
}

const char* Definitions(MethodKind kind) {
  switch (kind) {
    case MethodKind::kUnary:
      return "::absl::StatusOr<$reply$> $class$::$method$(\n"
             "    const $request$& request,\n"
             "    const ::ramet::stub::CallOptions& options) const {\n"
             "  return ::ramet::stub::CallUnary<$reply$>(\n"
             "      ramet_context_, \"$path$\", request, options);\n"
             "}\n"
             "\n"
             "::ramet::stub::PendingCall<$reply$> $class$::$start$(\n"
             "    const $request$& request,\n"
             "    const ::ramet::stub::CallOptions& options) const {\n"
             "  return ::ramet::stub::StartUnary<$reply$>(\n"
             "      ramet_context_, \"$path$\", request, options);\n"
             "}\n"
             "\n";
    case MethodKind::kServerStream:
      return "::ramet::stub::ClientReader<$reply$> $class$::$method$(\n"
             "    const $request$& request,\n"
             "    const ::ramet::stub::CallOptions& options) const {\n"
             "  return ::ramet::stub::ClientReader<$reply$>(\n"
             "      ::ramet::stub::StartServerStream(\n"
             "          ramet_context_, \"$path$\", request, options));\n"
             "}\n"
             "\n"
             "::ramet::stub::StreamCall<$request$> $class$::$start$(\n"
             "    const $request$& request,\n"
             "    ::std::shared_ptr<\n"
             "        ::ramet::stub::StreamListener<$reply$>> listener,\n"
             "    const ::ramet::stub::CallOptions& options) const {\n"
             "  return ::ramet::stub::StartServerStreamCall<$reply$>(\n"
             "      ramet_context_, \"$path$\", request, options,\n"
             "      ::std::move(listener));\n"
             "}\n"
             "\n";
    case MethodKind::kClientStream:
      return "::ramet::stub::ClientWriter<$request$,\n"
             "                            $reply$> $class$::$method$(\n"
             "    const ::ramet::stub::CallOptions& options) const {\n"
             "  return ::ramet::stub::ClientWriter<$request$,\n"
             "                                     $reply$>(\n"
             "      ::ramet::stub::ClientStream::Start(\n"
             "          ramet_context_, \"$path$\", options));\n"
             "}\n"
             "\n"
             "::ramet::stub::StreamCall<$request$> $class$::$start$(\n"
             "    ::std::shared_ptr<\n"
             "        ::ramet::stub::StreamListener<$reply$>> listener,\n"
             "    const ::ramet::stub::CallOptions& options) const {\n"
             "  return ::ramet::stub::StartStreamCall<$request$,\n"
             "                                        $reply$>(\n"
             "      ramet_context_, \"$path$\", options, "
             "::std::move(listener));\n"
             "}\n"
             "\n";
    case MethodKind::kBidiStream:
      return "::ramet::stub::ClientReaderWriter<$request$,\n"
             "                                  $reply$> $class$::$method$(\n"
             "    const ::ramet::stub::CallOptions& options) const {\n"
             "  return ::ramet::stub::ClientReaderWriter<$request$,\n"
             "                                           $reply$>(\n"
             "      ::ramet::stub::ClientStream::Start(\n"
             "          ramet_context_, \"$path$\", options));\n"
             "}\n"
             "\n"
             "::ramet::stub::StreamCall<$request$> $class$::$start$(\n"
             "    ::std::shared_ptr<\n"
             "        ::ramet::stub::StreamListener<$reply$>> listener,\n"
             "    const ::ramet::stub::CallOptions& options) const {\n"
             "  return ::ramet::stub::StartStreamCall<$request$,\n"
             "                                        $reply$>(\n"
             "      ramet_context_, \"$path$\", options, "
             "::std::move(listener));\n"
             "}\n"
             "\n";
  }
  return "";
}

}  // namespace

void EmitStubClass(const ServiceNames& service, Printer* printer) {
  printer->Print(
      "// Calls $service$ in the context that it is made from. Cheap to copy;\n"
      "// any thread may use it.\n",
      "service", service.full_name);
  EmitComments(service.descriptor, /*separate=*/true, printer);
  printer->Print(
      "class $class$ {\n"
      " public:\n"
      "  explicit $class$(::ramet::stub::Context context);\n"
      "\n",
      "class", service.stub_class);
  printer->Indent();
  for (const MethodNames& method : service.methods) {
    EmitComments(method.descriptor, /*separate=*/false, printer);
    printer->Print(Variables(service, method), Declarations(method.kind));
  }
  printer->Outdent();
  printer->Print(
      " private:\n"
      "  ::ramet::stub::Context ramet_context_;\n"
      "};\n"
      "\n");
}

void EmitStubDefinitions(const ServiceNames& service, Printer* printer) {
  printer->Print(
      "$class$::$class$(::ramet::stub::Context context)\n"
      "    : ramet_context_(::std::move(context)) {}\n"
      "\n",
      "class", service.stub_class);
  for (const MethodNames& method : service.methods) {
    printer->Print(Variables(service, method), Definitions(method.kind));
  }
}

}  // namespace ramet::codegen
