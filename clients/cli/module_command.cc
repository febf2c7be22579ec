#include <google/protobuf/util/json_util.h>
#include <stdio.h>

#include <algorithm>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/cli/caller.h"
#include "clients/cli/commands.h"
#include "clients/cli/module_inspect.h"
#include "clients/cli/printable.h"
#include "clients/cli/remote_caller.h"
#include "ramet/v1/modules.grpc.pb.h"
#include "server/config_file.h"
#include "server/module_repository.h"

namespace ramet::cli {
namespace {

constexpr size_t kPieceBytes = 1024 * 1024;
constexpr size_t kDigestDigits = 12;  // that people are shown

void Print(const v1::ModuleInfo& info) {
  std::string images;
  for (const v1::ModuleImage& image : info.images()) {
    absl::StrAppend(&images, images.empty() ? "" : ", ", image.platform(), " ",
                    image.deflated_bytes(), "/", image.image_bytes(), " bytes");
  }
  printf("%s\t%s\tfor %s\t%s\t%s\tfrom %s%s%s%s%s\tin %s\n",
         PrintableLine(info.name()).c_str(),
         info.digest().substr(0, kDigestDigits).c_str(),
         PrintableLine(info.targets()).c_str(),
         PrintableLine(absl::StrJoin(info.services(), " ")).c_str(),
         PrintableLine(images).c_str(), PrintableLine(info.origin()).c_str(),
         info.signer().empty() ? "" : ", signed by ", info.signer().c_str(),
         info.statement_signer().empty() ? "" : ", statement signed by ",
         info.statement_signer().c_str(),
         info.contexts().empty()
             ? "no context"
             : PrintableLine(absl::StrJoin(info.contexts(), " ")).c_str());
}

void Print(const v1::ModuleSet& set) {
  for (const v1::ModuleInfo& info : set.modules()) Print(info);
}

// The signature that belongs to a bundle's file; "" when there is none.
absl::StatusOr<std::string> ReadSignature(const Flags& flags,
                                          const std::string& path) {
  if (flags.signature.empty()) {
    return server::ReadSignatureFile(path + ".minisig");
  }
  return server::ReadConfigFile("signature", flags.signature,
                                server::kMaxSignatureBytes);
}

// What is signed of a bundle for contexts.
absl::Status PrintStatement(const std::string& path) {
  const auto bytes = server::ReadBundleFile(path);
  if (!bytes.ok()) return bytes.status();
  server::ModuleRepository repository;
  const auto loaded = repository.Load(*bytes, path);
  if (!loaded.ok()) return loaded.status();
  const auto text = server::StatementOf(*(*loaded)->bundle);
  if (!text.ok()) return text.status();
  fwrite(text->data(), 1, text->size(), stdout);
  return absl::OkStatus();
}

absl::Status Inspect(const Flags& flags, const std::string& path) {
  const auto checks = MakeBundleChecks(flags);
  if (!checks.ok()) return checks.status();
  const auto bytes = server::ReadBundleFile(path);
  if (!bytes.ok()) return bytes.status();
  const auto signature = ReadSignature(flags, path);
  if (!signature.ok()) return signature.status();
  const auto statement_signature =
      server::ReadSignatureFile(path + server::kStatementSuffix);
  if (!statement_signature.ok()) return statement_signature.status();
  auto policy = MakeModulePolicy(flags);
  if (!policy.ok()) return policy.status();
  server::ModuleRepository repository(*checks);
  repository.SetPolicy(*std::move(policy));
  server::ModuleRepository::LoadOptions options;
  options.signature = *signature;
  options.statement_signature = *statement_signature;
  const auto loaded = repository.Load(*bytes, path, options);
  if (!loaded.ok()) return loaded.status();
  v1::ModuleDescription description =
      DescribeBundle(*(*loaded)->bundle, bytes->size());
  description.set_signer((*loaded)->signer);
  description.set_statement_signer((*loaded)->statement.signer_id);
  if (!flags.json) {
    fputs(DescriptionText(description).c_str(), stdout);
    return absl::OkStatus();
  }
  google::protobuf::util::JsonPrintOptions print;
  print.add_whitespace = true;
  std::string json;
  const auto printed =
      google::protobuf::util::MessageToJsonString(description, &json, print);
  if (!printed.ok()) return absl::InternalError(printed.ToString());
  fputs(json.c_str(), stdout);
  return absl::OkStatus();
}

grpc::Status Load(v1::Modules::Stub* stub, grpc::ClientContext* context,
                  const Flags& flags, const std::string& path,
                  const std::string& bytes, const std::string& signature,
                  const std::string& statement_signature) {
  v1::ModuleInfo loaded;
  const auto writer = stub->Load(context, &loaded);
  v1::LoadRequest request;
  request.mutable_options()->set_origin(path);
  request.mutable_options()->set_targets(flags.targets);
  request.mutable_options()->set_signature(signature);
  request.mutable_options()->set_statement_signature(statement_signature);
  bool taken = writer->Write(request);
  for (size_t at = 0; taken && at < bytes.size(); at += kPieceBytes) {
    request.set_bytes(bytes.substr(at, kPieceBytes));
    taken = writer->Write(request);
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (status.ok()) Print(loaded);
  return status;
}

grpc::Status Run(v1::Modules::Stub* stub, grpc::ClientContext* context,
                 const Flags& flags) {
  const std::string& command = flags.arguments[0];
  v1::ModuleSet set;
  grpc::Status status;
  if (command == "watch") {
    const auto reader = stub->Watch(context, v1::WatchModulesRequest());
    while (reader->Read(&set)) {
      Print(set);
      printf("\n");  // the end of a set
      fflush(stdout);
    }
    return reader->Finish();
  }
  if (command == "list") {
    status = stub->List(context, v1::ListModulesRequest(), &set);
  } else {
    v1::UnloadRequest request;
    request.set_what(flags.arguments[1]);
    status = stub->Unload(context, request, &set);
  }
  if (status.ok()) Print(set);
  return status;
}

}  // namespace

absl::Status RunModule(const Flags& flags) {
  const std::string& command = flags.arguments[0];
  if (command == "inspect") return Inspect(flags, flags.arguments[1]);
  if (command == "statement") return PrintStatement(flags.arguments[1]);
  const auto channel = MakeChannel(flags);
  if (!channel.ok()) return channel.status();
  const auto stub = v1::Modules::NewStub(*channel);
  grpc::ClientContext context;
  if (flags.deadline < absl::InfiniteDuration()) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + flags.deadline));
  }
  grpc::Status status;
  if (command == "load") {
    const std::string& path = flags.arguments[1];
    const auto bytes = server::ReadBundleFile(path);
    if (!bytes.ok()) return bytes.status();
    const auto signature = ReadSignature(flags, path);
    if (!signature.ok()) return signature.status();
    const auto statement_signature =
        server::ReadSignatureFile(path + server::kStatementSuffix);
    if (!statement_signature.ok()) return statement_signature.status();
    status = Load(stub.get(), &context, flags, path, *bytes, *signature,
                  *statement_signature);
  } else {
    status = Run(stub.get(), &context, flags);
  }
  return status.ok() ? absl::OkStatus() : FromGrpc(status, flags.master);
}

}  // namespace ramet::cli
