#ifndef SERVER_SSH_SSH_CONFIG_H_
#define SERVER_SSH_SSH_CONFIG_H_

#include <stdint.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "parent/transport.h"

namespace ramet::server {

// What holds for one host: the command line, else ssh_config(5), else the
// defaults of OpenSSH. Paths have their "~" and "%" tokens expanded.
struct SshConfig {
  std::string original_host;  // as the user wrote it
  std::string hostname;
  uint16_t port = 22;
  std::string user;
  int address_family = 0;     // AF_*; 0: any
  int connect_timeout_s = 0;  // 0: the kernel's

  std::vector<std::string> identity_files;  // in order; may not exist
  size_t given_identities = 0;  // of these, the first come from a user's -i
  bool identities_only = false;
  std::string identity_agent;  // the agent's socket; empty: none
  bool publickey = true;
  bool keyboard_interactive = true;
  bool password = true;
  bool batch_mode = false;  // nobody is asked anything
  int password_prompts = 3;

  std::vector<std::string> user_known_hosts;
  std::vector<std::string> global_known_hosts;
  std::string host_key_alias;
  bool hash_known_hosts = false;
  uint32_t host_key_check = 0;  // core::SshOptions::HostKeyCheck

  // Preferences; empty: libssh2's own.
  std::vector<std::string> kex_algorithms;
  std::vector<std::string> host_key_algorithms;
  std::vector<std::string> ciphers;
  std::vector<std::string> macs;

  // The first keyword that libssh2 can't honour ("ProxyJump"); empty: none.
  std::string unserved_keyword;
};

// What this process's account is, and what its environment says.
struct LocalUser {
  std::string name;
  std::string home;          // of the account, as ssh(1) takes it, not $HOME
  std::string agent_socket;  // $SSH_AUTH_SOCK

  static LocalUser FromProcess();
};

// The values without any configuration file.
SshConfig DefaultSshConfig(const parent::OpenRequest& request,
                           const LocalUser& user);

// Replaces in `config` what the output of `ssh -G` says. Unknown keywords are
// skipped; a malformed number is INTERNAL (not ssh's output). The command
// line's files and host key check keep their precedence.
core::Status ApplySshG(std::string_view output,
                       const parent::OpenRequest& request,
                       const LocalUser& user, SshConfig* config);

}  // namespace ramet::server

#endif  // SERVER_SSH_SSH_CONFIG_H_
