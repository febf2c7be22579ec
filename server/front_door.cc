#include "server/front_door.h"

#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/chain_sequencer.h"
#include "server/client_policy.h"
#include "server/door_server.h"
#include "server/listen_address.h"
#include "server/unix_listener.h"

namespace ramet::server {
namespace {

// Renewed certificates are taken within this time.
constexpr unsigned kCertificateRefreshSeconds = 60;

// How long what was cancelled has to end; it does not take any time but gRPC's.
constexpr absl::Duration kCancelGrace = absl::ZeroDuration();

// Keeps gRPC's threads until the process ends. The last server to go would wait
// for them: up to 10 s when a client has not read what was written to it, which
// is how long gRPC watches such a connection.
void KeepGrpc() {
  static const bool kept = (grpc_init(), true);
  static_cast<void>(kept);
}

std::vector<std::string> OwnServices() {
  return {"grpc.channelz.v1.Channelz",
          "grpc.health.v1.Health",
          "grpc.reflection.v1.ServerReflection",
          "grpc.reflection.v1alpha.ServerReflection",
          "ramet.v1.Contexts",
          "ramet.v1.Modules"};
}

std::shared_ptr<grpc::ServerCredentials> MutualTls(const TlsFiles& files) {
  auto provider =
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          files.key, files.certificate, files.client_ca,
          kCertificateRefreshSeconds);
  grpc::experimental::TlsServerCredentialsOptions options(provider);
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

absl::StatusOr<ClientPolicy> LoadPolicy(const std::string& file) {
  if (file.empty()) return ClientPolicy();
  return ClientPolicy::LoadFile(file);
}

}  // namespace

class FrontDoor::Impl {
 public:
  Impl(Master* master, const DoorOptions& options, ClientPolicy policy)
      : master_(master),
        options_(options),
        state_(std::make_shared<DoorState>(std::move(policy))),
        streams_(std::make_shared<OpenStreams>()),
        tree_(streams_.get()),
        logs_(streams_.get()),
        health_(&master->modules(), &master->hosted(), &tree_, streams_.get()),
        worlds_(&master->modules(), &master->hosted(), OwnServices()),
        parts_{master, options.connect, state_,   streams_, &tree_,
               &logs_, &health_,        &worlds_, &chains_, options.keepalive} {
    KeepGrpc();
    tree_.SetObserver(
        [this](const std::string& name) { health_.OnContextChange(name); });
    tree_watch_ = master_->WatchTree(
        [this](const TreeChange& change) { tree_.OnChange(change); });
    modules_watch_ =
        master_->modules().AddListener([this] { health_.OnChange(); });
    log_watch_ =
        master_->WatchLog([this](const LogLine& line) { logs_.OnLine(line); });
  }

  ~Impl() {
    Drain(kDrainGrace);
    master_->UnwatchTree(tree_watch_);
    master_->UnwatchLog(log_watch_);
    master_->modules().RemoveListener(modules_watch_);
  }

  absl::Status Listen() {
    std::vector<ListenAddress> tcp;
    for (const std::string& text : options_.listen) {
      absl::StatusOr<ListenAddress> address = ParseListenAddress(text);
      if (!address.ok()) return address.status();
      if (address->kind == ListenAddress::Kind::kTcp) {
        tcp.push_back(*std::move(address));
        continue;
      }
      const absl::Status status = ListenUnix(text);
      if (!status.ok()) return status;
    }
    const absl::Status opened =
        OpenUnixSockets(!state_->policy()->uids().empty());
    if (!opened.ok()) return opened;
    return tcp.empty() ? absl::OkStatus() : ListenTcp(std::move(tcp));
  }

  absl::Status Reload(const std::vector<std::string>& module_files) {
    absl::StatusOr<ClientPolicy> policy = LoadPolicy(options_.clients_file);
    if (!policy.ok()) return policy.status();
    absl::StatusOr<ModulePolicy> module_policy = ModulePolicy();
    if (options_.module_policy) module_policy = options_.module_policy();
    if (!module_policy.ok()) return module_policy.status();
    // What can fail goes first. Who may open the socket too early or too late
    // is still asked for by the policy.
    const bool was_open = open_to_others_;
    absl::Status status = OpenUnixSockets(!policy->uids().empty());
    if (status.ok())
      status =
          master_->ReloadModuleFiles(module_files, *std::move(module_policy));
    if (!status.ok()) {
      OpenUnixSockets(was_open).IgnoreError();
      return status;
    }
    state_->SetPolicy(*std::move(policy));
    health_.OnChange();
    return absl::OkStatus();
  }

  void Drain(absl::Duration grace) {
    if (state_->draining()) return;
    state_->StartDraining();
    health_.StartDraining();
    // Those that others wait for do not come any more.
    chains_.ExpireAll();
    const grpc::Status ending(grpc::StatusCode::UNAVAILABLE,
                              "the master is shutting down");
    streams_->EndAll(OpenStreams::Order::kEndsFirst, ending);
    state_->WaitUntilIdle(grace);
    unix_listeners_.clear();
    streams_->EndAll(OpenStreams::Order::kEndsLast, ending);
    if (tcp_server_ != nullptr) tcp_server_->Shutdown(kCancelGrace);
    absl::MutexLock lock(&mutex_);
    for (const auto& [uid, server] : unix_servers_) {
      server->Shutdown(kCancelGrace);
    }
  }

  Figures GetFigures() const {
    Figures figures;
    const TreeHub::Counts contexts = tree_.Count();
    figures.contexts_ready = contexts.ready;
    figures.contexts_connecting = contexts.connecting;
    figures.open_streams = streams_->count();
    figures.refused_by_policy = state_->refused_by_policy;
    figures.refused_while_draining = state_->refused_while_draining;
    figures.log_lines_dropped = logs_.dropped();
    figures.draining = state_->draining();
    return figures;
  }

  const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  absl::Status ListenUnix(const std::string& address) {
    auto listener = UnixListener::Listen(
        address,
        [this](uint32_t uid) {
          return state_->policy()->Knows(CallerOfUid(uid));
        },
        [this](core::UniqueFd connection, uint32_t uid) {
          ServerOf(uid)->Add(std::move(connection));
        });
    if (!listener.ok()) return listener.status();
    unix_listeners_.push_back(*std::move(listener));
    addresses_.push_back(address);
    return absl::OkStatus();
  }

  absl::Status ListenTcp(std::vector<ListenAddress> tcp) {
    if (options_.tls.certificate.empty() || options_.tls.key.empty() ||
        options_.tls.client_ca.empty()) {
      return absl::InvalidArgumentError(
          tcp[0].ToString() +
          " needs mutual TLS: --tls-cert, --tls-key and --tls-client-ca");
    }
    if (options_.clients_file.empty()) {
      return absl::InvalidArgumentError(
          tcp[0].ToString() +
          " needs --clients: without that file nobody may do anything there");
    }
    const absl::Status files = CheckTlsFiles(options_.tls);
    if (!files.ok()) return files;
    auto server = DoorServer::Listen(parts_, MutualTls(options_.tls), &tcp);
    if (!server.ok()) return server.status();
    tcp_server_ = *std::move(server);
    for (const ListenAddress& address : tcp) {
      addresses_.push_back(address.ToString());
    }
    return absl::OkStatus();
  }

  // To other users, or not any more.
  absl::Status OpenUnixSockets(bool open) {
    if (open == open_to_others_) return absl::OkStatus();
    open_to_others_ = open;
    for (const auto& listener : unix_listeners_) {
      const absl::Status status = listener->SetOpenToOthers(open);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // The owner's and root's connections share one server: both may do all.
  DoorServer* ServerOf(uint32_t uid) {
    Caller caller = CallerOfUid(uid);
    const int64_t key = caller.owner ? kOwner : int64_t{uid};
    absl::MutexLock lock(&mutex_);
    std::unique_ptr<DoorServer>& server = unix_servers_[key];
    if (server == nullptr) {
      server = std::make_unique<DoorServer>(parts_, std::move(caller));
    }
    return server.get();
  }

  static constexpr int64_t kOwner = -1;

  Master* const master_;
  const DoorOptions options_;
  const std::shared_ptr<DoorState> state_;
  const std::shared_ptr<OpenStreams> streams_;
  TreeHub tree_;
  LogHub logs_;
  HealthState health_;
  DescriptorWorlds worlds_;
  ChainSequencer chains_;
  const DoorParts parts_;
  uint64_t tree_watch_ = 0;
  uint64_t log_watch_ = 0;
  uint64_t modules_watch_ = 0;
  std::vector<std::string> addresses_;
  bool open_to_others_ = false;
  std::unique_ptr<DoorServer> tcp_server_;
  absl::Mutex mutex_;
  std::map<int64_t, std::unique_ptr<DoorServer>> unix_servers_
      ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<UnixListener>> unix_listeners_;
};

FrontDoor::FrontDoor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

FrontDoor::~FrontDoor() = default;

absl::StatusOr<std::unique_ptr<FrontDoor>> FrontDoor::Listen(
    Master* master, const DoorOptions& options) {
  absl::StatusOr<ClientPolicy> policy = LoadPolicy(options.clients_file);
  if (!policy.ok()) return policy.status();
  auto impl = std::make_unique<Impl>(master, options, *std::move(policy));
  const absl::Status status = impl->Listen();
  if (!status.ok()) return status;
  return std::unique_ptr<FrontDoor>(new FrontDoor(std::move(impl)));
}

const std::vector<std::string>& FrontDoor::addresses() const {
  return impl_->addresses();
}

absl::Status FrontDoor::Reload(const std::vector<std::string>& module_files) {
  return impl_->Reload(module_files);
}

void FrontDoor::Drain(absl::Duration grace) { impl_->Drain(grace); }

FrontDoor::Figures FrontDoor::GetFigures() const { return impl_->GetFigures(); }

}  // namespace ramet::server
