#ifndef SERVER_SSH_TESTING_RELAY_H_
#define SERVER_SSH_TESTING_RELAY_H_

#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <thread>

#include "core/base/unique_fd.h"

namespace ramet::server::testing {

// A wire between a client and a server on loopback that delays, cuts or stalls,
// because a test machine's kernel may not be able to. Runs in a thread.
class Relay {
 public:
  struct Options {
    uint16_t server_port = 0;  // 0: nobody is there; what is sent is dropped
    int64_t delay_us = 0;      // each way
    std::string greeting;      // sent at once, instead of a server's
    bool close_after_greeting = false;
    int64_t cut_after = -1;    // closes after so many bytes of the server
    int64_t stall_after = -1;  // passes no more than so many of them
  };

  explicit Relay(Options options);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  uint16_t port() const { return port_; }

 private:
  struct Chunk {
    int64_t due_us;
    std::string bytes;  // empty: the end
  };
  struct Direction {
    int from = -1;
    int to = -1;
    int64_t passed = 0;
    int64_t limit = -1;  // bytes; -1: none
    bool ended = false;
    std::deque<Chunk> queue;
  };
  struct Connection {
    core::UniqueFd client;
    core::UniqueFd server;
    Direction up;
    Direction down;
    bool dead = false;
  };

  void Run();
  void Accept();
  void Receive(Connection* connection, Direction* direction);
  void Deliver(Connection* connection, Direction* direction);

  const Options options_;
  core::UniqueFd listener_;
  core::UniqueFd stop_;
  uint16_t port_ = 0;
  std::list<Connection> connections_;
  std::thread thread_;
};

}  // namespace ramet::server::testing

#endif  // SERVER_SSH_TESTING_RELAY_H_
