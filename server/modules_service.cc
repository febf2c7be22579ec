#include "server/modules_service.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/descriptor_world.h"
#include "server/server_stream.h"

namespace ramet::server {
namespace {

std::string Method(const char* name) {
  return absl::StrCat("ramet.v1.Modules/", name);
}

grpc::Status InvalidArgument(const std::string& text) {
  return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, text);
}

void Fill(const LoadedModule& loaded, v1::ModuleInfo* out) {
  const importer::Bundle& bundle = *loaded.bundle;
  out->set_name(bundle.name());
  out->set_digest(absl::BytesToHexString(bundle.digest()));
  for (const auto& service : bundle.manifest().services()) {
    out->add_services(service.name());
  }
  for (const auto& image : bundle.manifest().images()) {
    v1::ModuleImage* const added = out->add_images();
    added->set_platform(image.platform());
    added->set_deflated_bytes(image.deflated_bytes());
    added->set_image_bytes(image.image_bytes());
    added->set_sha256(absl::BytesToHexString(image.sha256()));
  }
  out->set_origin(loaded.origin);
  out->set_targets(loaded.targets);
  out->set_signer(loaded.signer);
  out->set_statement_signer(loaded.statement.signer_id);
}

// The set, whenever it is another than the last one that was taken.
class SetSource final : public StreamSource<v1::ModuleSet> {
 public:
  explicit SetSource(ModuleRepository* modules) : modules_(modules) {}
  ~SetSource() override { modules_->RemoveListener(listener_); }

  void set_listener(uint64_t listener) { listener_ = listener; }

  Next TakeNext(v1::ModuleSet* reply, grpc::Status*) override {
    // Before the set: a change in between is told once more.
    const uint64_t generation = modules_->generation();
    if (generation == taken_) return Next::kNothing;
    taken_ = generation;
    reply->Clear();
    for (const auto& loaded : modules_->loaded()) {
      Fill(*loaded, reply->add_modules());
    }
    return Next::kMessage;
  }

 private:
  ModuleRepository* const modules_;
  std::atomic<uint64_t> listener_{0};
  uint64_t taken_ = 0;
};

// One of a limited number.
class Upload {
 public:
  explicit Upload(std::atomic<int>* all) : all_(all), number_(++*all) {}
  ~Upload() { --*all_; }
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;
  int number() const { return number_; }

 private:
  std::atomic<int>* const all_;
  const int number_;
};

}  // namespace

grpc::Status ModulesService::Describe(grpc::ServerContext* context,
                                      const v1::DescribeRequest* request,
                                      v1::DescribeReply* reply) {
  const auto admission = gatekeeper_->Admit(*context, Method("Describe"));
  if (!admission.ok()) return ToGrpc(admission.status());
  const auto bundle = master_->modules().FindService(request->service());
  if (bundle == nullptr && master_->hosted().Has(request->service())) {
    const auto files = DescriptorWorld::FilesOfGenerated({request->service()});
    reply->set_file_descriptor_set(files.SerializeAsString());
    return grpc::Status::OK;
  }
  if (bundle == nullptr) {
    return grpc::Status(
        grpc::StatusCode::NOT_FOUND,
        "unknown service " + request->service() + ": no loaded bundle has it");
  }
  reply->set_file_descriptor_set(bundle->manifest().file_descriptor_set());
  return grpc::Status::OK;
}

grpc::Status ModulesService::List(grpc::ServerContext* context,
                                  const v1::ListModulesRequest*,
                                  v1::ModuleSet* reply) {
  const auto admission = gatekeeper_->Admit(*context, Method("List"));
  if (!admission.ok()) return ToGrpc(admission.status());
  const auto visible = gatekeeper_->VisibleTo(*context, Method("List"));
  const auto contexts = master_->ModuleContexts();
  for (const auto& loaded : master_->modules().loaded()) {
    v1::ModuleInfo* const info = reply->add_modules();
    Fill(*loaded, info);
    const auto names = contexts.find(loaded->bundle->digest());
    if (names == contexts.end()) continue;
    for (const std::string& name : names->second) {
      if (visible(name)) info->add_contexts(name);
    }
  }
  return grpc::Status::OK;
}

grpc::Status ModulesService::Load(grpc::ServerContext* context,
                                  grpc::ServerReader<v1::LoadRequest>* reader,
                                  v1::ModuleInfo* reply) {
  const auto admission = gatekeeper_->Admit(*context, Method("Load"));
  if (!admission.ok()) return ToGrpc(admission.status());
  const Upload upload(&uploads_);
  if (upload.number() > kMaxUploads) {
    return grpc::Status(
        grpc::StatusCode::RESOURCE_EXHAUSTED,
        absl::StrCat(kMaxUploads, " bundles are being loaded already"));
  }
  v1::LoadRequest request;
  if (!reader->Read(&request) || !request.has_options()) {
    return InvalidArgument("a bundle's options come first");
  }
  const v1::LoadOptions sent = request.options();
  if (sent.origin().size() > kMaxTextBytes ||
      sent.targets().size() > kMaxTextBytes) {
    return InvalidArgument(absl::StrCat("a pattern and an origin have at most ",
                                        kMaxTextBytes, " bytes"));
  }
  if (sent.statement_signature().size() > kMaxSignatureBytes) {
    return InvalidArgument(
        absl::StrCat("a signature has at most ", kMaxSignatureBytes, " bytes"));
  }
  std::string bytes;
  while (reader->Read(&request)) {
    if (request.has_options()) {
      return InvalidArgument("a bundle's options come once");
    }
    if (bytes.size() + request.bytes().size() > kMaxUploadBytes) {
      return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                          absl::StrCat("a bundle that is sent has at most ",
                                       kMaxUploadBytes, " bytes"));
    }
    bytes += request.bytes();
  }
  // Half of a bundle is none, and its sender has gone.
  if (context->IsCancelled()) return grpc::Status::CANCELLED;
  ModuleRepository::LoadOptions options;
  if (!sent.targets().empty()) options.targets = sent.targets();
  options.signature = sent.signature();
  options.statement_signature = sent.statement_signature();
  const auto loaded =
      master_->LoadModule(std::move(bytes), "sent: " + sent.origin(), options);
  if (!loaded.ok()) return ToGrpc(loaded.status());
  Fill(**loaded, reply);
  return grpc::Status::OK;
}

grpc::Status ModulesService::Unload(grpc::ServerContext* context,
                                    const v1::UnloadRequest* request,
                                    v1::ModuleSet* reply) {
  const auto admission = gatekeeper_->Admit(*context, Method("Unload"));
  if (!admission.ok()) return ToGrpc(admission.status());
  const auto removed = master_->UnloadModules(request->what());
  if (!removed.ok()) return ToGrpc(removed.status());
  for (const auto& loaded : *removed) Fill(*loaded, reply->add_modules());
  return grpc::Status::OK;
}

grpc::ServerWriteReactor<v1::ModuleSet>* ModulesService::Watch(
    grpc::CallbackServerContext* context, const v1::WatchModulesRequest*) {
  using Stream = ServerStream<v1::ModuleSet>;
  const absl::Status admitted =
      gatekeeper_->Admit(*context, Method("Watch")).status();
  if (!admitted.ok()) return Stream::Failed(streams_.get(), ToGrpc(admitted));
  const auto source = std::make_shared<SetSource>(&master_->modules());
  const auto stream =
      Stream::Create(source, streams_.get(), OpenStreams::Order::kEndsFirst);
  source->set_listener(master_->modules().AddListener(
      [streams = streams_, weak = std::weak_ptr<OpenStream>(stream)] {
        streams->Wake(weak);
      }));
  streams_->Wake(stream);
  return stream.get();
}

}  // namespace ramet::server
