#include "server/ssh/testing/relay.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/clock.h"

namespace ramet::server::testing {
namespace {

int64_t NowUs() { return core::Clock::Monotonic()->NowUs(); }

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

Relay::Relay(Options options)
    : options_(std::move(options)),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_(eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size),
            0);
  EXPECT_EQ(listen(listener_.get(), 16), 0);
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

Relay::~Relay() {
  const uint64_t one = 1;
  EXPECT_EQ(write(stop_.get(), &one, sizeof one),
            static_cast<ssize_t>(sizeof one));
  thread_.join();
}

void Relay::Run() {
  for (;;) {
    std::vector<pollfd> fds = {{stop_.get(), POLLIN, 0},
                               {listener_.get(), POLLIN, 0}};
    std::vector<std::pair<Connection*, Direction*>> readers;
    int64_t wake_us = -1;
    for (Connection& connection : connections_) {
      for (Direction* direction : {&connection.up, &connection.down}) {
        if (direction->from >= 0 && !direction->ended) {
          fds.push_back({direction->from, POLLIN, 0});
          readers.emplace_back(&connection, direction);
        }
        if (!direction->queue.empty()) {
          const int64_t wait =
              std::max<int64_t>(direction->queue.front().due_us - NowUs(), 0);
          wake_us = wake_us < 0 ? wait : std::min(wake_us, wait);
        }
      }
    }
    timespec timeout{wake_us / 1'000'000, wake_us % 1'000'000 * 1000};
    ppoll(fds.data(), fds.size(), wake_us < 0 ? nullptr : &timeout, nullptr);
    if (fds[0].revents != 0) return;
    for (size_t i = 0; i < readers.size(); ++i) {
      if (fds[i + 2].revents != 0) Receive(readers[i].first, readers[i].second);
    }
    if (fds[1].revents != 0) Accept();
    for (Connection& connection : connections_) {
      Deliver(&connection, &connection.up);
      Deliver(&connection, &connection.down);
    }
    connections_.remove_if([](const Connection& c) { return c.dead; });
  }
}

void Relay::Accept() {
  Connection connection;
  connection.client.Reset(
      accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  SetNoDelay(connection.client.get());
  connection.up.from = connection.client.get();
  connection.down.to = connection.client.get();
  connection.down.limit =
      options_.cut_after >= 0 ? options_.cut_after : options_.stall_after;
  if (options_.server_port != 0) {
    connection.server.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = Loopback(options_.server_port);
    EXPECT_EQ(
        connect(connection.server.get(),
                reinterpret_cast<const sockaddr*>(&address), sizeof address),
        0);
    SetNoDelay(connection.server.get());
    connection.up.to = connection.server.get();
    connection.down.from = connection.server.get();
  }
  if (!options_.greeting.empty()) {
    connection.down.queue.push_back({NowUs(), options_.greeting});
  }
  if (options_.close_after_greeting) {
    connection.down.queue.push_back({NowUs(), std::string()});
  }
  if (connection.down.limit == 0 && options_.cut_after == 0) {
    connection.down.queue.push_back({NowUs(), std::string()});
  }
  connections_.push_back(std::move(connection));
}

void Relay::Receive(Connection* connection, Direction* direction) {
  char buffer[65536];
  const ssize_t count = recv(direction->from, buffer, sizeof buffer, 0);
  const int64_t due = NowUs() + options_.delay_us;
  if (count <= 0) {
    direction->ended = true;
    direction->queue.push_back({due, std::string()});
    return;
  }
  int64_t pass = count;
  if (direction->limit >= 0) {
    pass = std::min<int64_t>(pass, direction->limit - direction->passed);
  }
  if (pass > 0) direction->queue.push_back({due, std::string(buffer, pass)});
  direction->passed += pass;
  if (direction->limit >= 0 && direction->passed == direction->limit &&
      options_.cut_after >= 0) {
    direction->ended = true;
    direction->queue.push_back({due, std::string()});
  }
}

void Relay::Deliver(Connection* connection, Direction* direction) {
  while (!connection->dead && !direction->queue.empty() &&
         direction->queue.front().due_us <= NowUs()) {
    const std::string bytes = std::move(direction->queue.front().bytes);
    direction->queue.pop_front();
    if (bytes.empty()) {
      connection->dead = true;
    } else if (direction->to >= 0 && send(direction->to, bytes.data(),
                                          bytes.size(), MSG_NOSIGNAL) < 0) {
      connection->dead = true;
    }
  }
}

}  // namespace ramet::server::testing
