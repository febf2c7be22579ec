#ifndef SERVER_SSH_SSH_CONFIG_QUERY_H_
#define SERVER_SSH_SSH_CONFIG_QUERY_H_

#include <functional>
#include <memory>
#include <string>

#include "core/loop/byte_stream.h"
#include "core/loop/event_loop.h"
#include "parent/transport.h"
#include "server/ssh/ssh_config.h"
#include "transports/process_stream.h"

namespace ramet::server {

// Asks `ssh -G` what ssh_config(5) says about a host: nobody parses these files
// right by hand. Without an ssh program the answer is DefaultSshConfig.
//
// Ownership: destroying it ends the program and forgets the callback.
// Threads: the loop's.
class SshConfigQuery final : private core::ByteStream::Listener {
 public:
  // What ssh prints at most; a configuration is a few KiB.
  static constexpr size_t kMaxOutputBytes = 1 << 20;

  // FAILED_PRECONDITION: ssh refuses the configuration, with its words.
  using Callback =
      std::function<void(const core::Status& status, const SshConfig& config)>;

  // `done` comes from the loop, and may destroy the query.
  SshConfigQuery(core::EventLoop* loop, const std::string& program,
                 const parent::OpenRequest& request, const LocalUser& user,
                 Callback done);
  ~SshConfigQuery() override;

  // The command line that asks.
  static std::vector<std::string> Argv(const std::string& program,
                                       const parent::OpenRequest& request);

 private:
  void OnReadable() override;
  void OnWritable() override {}
  void Finish();

  const parent::OpenRequest request_;
  const LocalUser user_;
  const Callback done_;
  std::string output_;
  std::unique_ptr<transports::ProcessStream> process_;
};

}  // namespace ramet::server

#endif  // SERVER_SSH_SSH_CONFIG_QUERY_H_
