#ifndef SERVER_SSH_KEY_CANDIDATES_H_
#define SERVER_SSH_KEY_CANDIDATES_H_

#include <string>
#include <vector>

#include "server/ssh/agent_client.h"
#include "server/ssh/identity_file.h"
#include "server/ssh/ssh_config.h"

namespace ramet::server {

// A key that may open the door.
struct KeyCandidate {
  bool in_agent = false;
  IdentityFile file;  // in_agent: path is the agent's comment
  // "ED25519 key /home/me/.ssh/id_ed25519 SHA256:…"
  std::string Describe() const;
};

struct KeyCandidates {
  std::vector<KeyCandidate> keys;  // in the order of trying
  // Why a key that a user might expect is not among them.
  std::vector<std::string> notes;
  // Not empty: what the ssh binary has and libssh2 has not ("rsa-sha2
  // signatures", "certificates").
  std::string unserved;
};

// The keys of identity files and agent: first the files that a user named, then
// the agent's keys, then other files. A key in both is the agent's when its
// file is encrypted. Keys that libssh2 can't use are left out; RSA keys too
// when the server (by its version string) takes no SHA-1 signatures.
KeyCandidates CollectKeys(const SshConfig& config,
                          const std::vector<AgentKey>& agent_keys,
                          const std::string& server_version);

}  // namespace ramet::server

#endif  // SERVER_SSH_KEY_CANDIDATES_H_
