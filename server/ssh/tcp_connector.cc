#include "server/ssh/tcp_connector.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>

#include <mutex>
#include <thread>
#include <utility>

namespace ramet::server {
namespace {

// A peer that vanished without a word is noticed after
// kKeepIdleS + kKeepCount * kKeepIntervalS seconds, or when data stays
// unacknowledged for kUserTimeoutMs.
constexpr int kKeepIdleS = 15;
constexpr int kKeepIntervalS = 15;
constexpr int kKeepCount = 3;
constexpr int kUserTimeoutMs = 60'000;
// Texts of addresses that failed, before the rest is left out.
constexpr size_t kMaxErrorBytes = 500;

void SetOption(int socket, int level, int option, int value) {
  // Comfort only: what a kernel lacks changes nothing here.
  (void)setsockopt(socket, level, option, &value, sizeof value);
}

std::string NumericText(const sockaddr_storage& address, socklen_t size) {
  char text[NI_MAXHOST];
  const int error =
      getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, text,
                  sizeof text, nullptr, 0, NI_NUMERICHOST);
  return error == 0 ? text : "?";
}

}  // namespace

// What the resolving thread and the connector share.
struct TcpConnector::Lookup {
  std::mutex mutex;
  core::EventLoop* loop = nullptr;    // guarded; null once forgotten
  TcpConnector* connector = nullptr;  // the loop's thread only
  std::vector<Address> addresses;
  std::string error;
};

TcpConnector::TcpConnector(core::EventLoop* loop, Target target, Callback done)
    : loop_(loop), target_(std::move(target)), done_(std::move(done)) {
  std::vector<Address> addresses;
  std::string error;
  if (Resolve(target_, AI_NUMERICHOST, &addresses, &error)) {
    timer_ = loop_->RunAfter(0, [this, addresses] {
      timer_ = 0;
      OnResolved(addresses, std::string());
    });
  } else {
    StartLookup();
  }
}

TcpConnector::~TcpConnector() {
  loop_->CancelTimer(timer_);
  if (watched_) loop_->Unwatch(socket_.get());
  if (lookup_ != nullptr) {
    lookup_->connector = nullptr;
    std::lock_guard<std::mutex> lock(lookup_->mutex);
    lookup_->loop = nullptr;
  }
}

bool TcpConnector::Resolve(const Target& target, int flags,
                           std::vector<Address>* addresses,
                           std::string* error) {
  addrinfo hints;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = target.address_family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int code = getaddrinfo(
      target.host.c_str(), std::to_string(target.port).c_str(), &hints, &list);
  if (code != 0) {
    *error = code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code);
    return false;
  }
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    Address address;
    memset(&address, 0, sizeof address);
    memcpy(&address.bytes, entry->ai_addr, entry->ai_addrlen);
    address.size = entry->ai_addrlen;
    address.family = entry->ai_family;
    addresses->push_back(address);
  }
  freeaddrinfo(list);
  return true;
}

void TcpConnector::StartLookup() {
  lookup_ = std::make_shared<Lookup>();
  lookup_->loop = loop_;
  lookup_->connector = this;
  std::thread([lookup = lookup_, target = target_] {
    Resolve(target, 0, &lookup->addresses, &lookup->error);
    std::lock_guard<std::mutex> lock(lookup->mutex);
    if (lookup->loop == nullptr) return;
    lookup->loop->Post([lookup] {
      if (lookup->connector != nullptr) {
        lookup->connector->OnResolved(lookup->addresses, lookup->error);
      }
    });
  }).detach();
}

void TcpConnector::OnResolved(const std::vector<Address>& addresses,
                              const std::string& error) {
  if (addresses.empty()) {
    return Finish(
        core::Status(core::Code::kUnavailable,
                     "cannot resolve " + target_.host + ": " +
                         (error.empty() ? std::string("no address") : error)));
  }
  resolved_ = true;
  addresses_ = addresses;
  if (on_connect_) on_connect_();
  TryNext();
}

void TcpConnector::TryNext() {
  while (next_ < addresses_.size()) {
    const Address& address = addresses_[next_++];
    socket_.Reset(
        socket(address.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_.valid()) {
      AddressFailed(strerror(errno));
      continue;
    }
    SetOption(socket_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
    SetOption(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
    SetOption(socket_.get(), IPPROTO_TCP, TCP_KEEPIDLE, kKeepIdleS);
    SetOption(socket_.get(), IPPROTO_TCP, TCP_KEEPINTVL, kKeepIntervalS);
    SetOption(socket_.get(), IPPROTO_TCP, TCP_KEEPCNT, kKeepCount);
    SetOption(socket_.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
    if (connect(socket_.get(),
                reinterpret_cast<const sockaddr*>(&address.bytes),
                address.size) == 0 ||
        errno == EINPROGRESS) {
      loop_->Watch(socket_.get(), EPOLLOUT, this);
      watched_ = true;
      if (target_.timeout_s > 0) {
        timer_ =
            loop_->RunAfter(target_.timeout_s * int64_t{1'000'000}, [this] {
              timer_ = 0;
              AddressFailed(strerror(ETIMEDOUT));
              TryNext();
            });
      }
      return;
    }
    AddressFailed(strerror(errno));
  }
  Finish(
      core::Status(core::Code::kUnavailable, "cannot connect to " + errors_));
}

void TcpConnector::AddressFailed(const std::string& why) {
  loop_->CancelTimer(timer_);
  timer_ = 0;
  if (watched_) loop_->Unwatch(socket_.get());
  watched_ = false;
  socket_.Reset();
  if (errors_.size() > kMaxErrorBytes) return;
  const Address& address = addresses_[next_ - 1];
  if (!errors_.empty()) errors_ += ", ";
  errors_ += NumericText(address.bytes, address.size) + " port " +
             std::to_string(target_.port) + ": " + why;
}

void TcpConnector::OnReady(uint32_t events) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    AddressFailed(strerror(error));
    return TryNext();
  }
  Finish(core::Status());
}

void TcpConnector::Finish(const core::Status& status) {
  loop_->CancelTimer(timer_);
  timer_ = 0;
  if (watched_) loop_->Unwatch(socket_.get());
  watched_ = false;
  const Callback done = done_;
  done(status, std::move(socket_));
}

}  // namespace ramet::server
