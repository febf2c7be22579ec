#ifndef TRANSPORTS_OPENSSH_ARGV_H_
#define TRANSPORTS_OPENSSH_ARGV_H_

#include <string>
#include <vector>

#include "parent/transport.h"

namespace ramet::transports {

// How OpensshTransport uses the ssh program; see there.
struct OpensshOptions {
  std::string program = "ssh";  // looked up in PATH
  // The request's files are this machine's, so one that can't be read is ssh's
  // to complain about. False: they are the master's, and those that are not
  // here are left out.
  bool files_are_ours = false;
  // ssh may ask for passwords and passphrases through $SSH_ASKPASS. It has no
  // terminal, whatever this process has.
  bool may_ask = false;
};

// The command line of ssh(1) for one stream: no terminal, no forwarding, no
// multiplexing, no escape character. Options are those of OpenSSH 6.8; newer
// ones go under IgnoreUnknown. Reads the file system for what is readable.
std::vector<std::string> OpensshArgv(const parent::OpenRequest& request,
                                     const OpensshOptions& options);

// `value` as one word of an ssh_config line: quoted, "%" doubled.
std::string SshConfigWord(const std::string& value);

}  // namespace ramet::transports

#endif  // TRANSPORTS_OPENSSH_ARGV_H_
