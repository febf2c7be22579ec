#include "transports/openssh_argv.h"

#include <unistd.h>

#include <utility>

#include "core/base/strings.h"
#include "core/wire/control.h"

namespace ramet::transports {
namespace {

// A peer that says nothing for 3 * 15 s is gone.
constexpr char kAliveInterval[] = "ServerAliveInterval=15";
constexpr char kAliveCount[] = "ServerAliveCountMax=3";

bool Exists(const std::string& path) { return access(path.c_str(), R_OK) == 0; }

bool CanBeMade(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return access(path.c_str(), F_OK) != 0 && access(folder.c_str(), W_OK) == 0;
}

// Two words of the command line. One function for all: inlined, the strings'
// making and destroying would be half of the code here.
[[gnu::noinline]] void Add(std::vector<std::string>* argv, const char* flag,
                           core::Piece value) {
  argv->push_back(core::Concat({flag}));
  std::string text;
  value.AppendTo(&text);
  argv->push_back(std::move(text));
}

void AddKnownHosts(const core::SshOptions& ssh, const OpensshOptions& options,
                   std::vector<std::string>* argv) {
  if (ssh.host_key_check == core::SshOptions::kOff) {
    // With files, ssh would add the key, and give up passwords for a changed
    // one.
    Add(argv, "-o", "StrictHostKeyChecking=no");
    Add(argv, "-o", "UserKnownHostsFile=/dev/null");
    Add(argv, "-o", "GlobalKnownHostsFile=/dev/null");
    return;
  }
  const bool accept_new = ssh.host_key_check == core::SshOptions::kAcceptNew;
  Add(argv, "-o",
      accept_new ? "StrictHostKeyChecking=accept-new"
                 : "StrictHostKeyChecking=yes");
  if (ssh.known_hosts.empty()) return;
  if (options.files_are_ours || Exists(ssh.known_hosts) ||
      (accept_new && CanBeMade(ssh.known_hosts))) {
    // Below the master it comes on top of what that machine's user knows.
    Add(argv, "-o",
        core::Concat({"UserKnownHostsFile=", SshConfigWord(ssh.known_hosts),
                      options.files_are_ours ? "" : " ~/.ssh/known_hosts"}));
  }
}

}  // namespace

std::string SshConfigWord(const std::string& value) {
  std::string word = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') word += '\\';
    if (c == '%') word += '%';
    word += c;
  }
  word += '"';
  return word;
}

std::vector<std::string> OpensshArgv(const parent::OpenRequest& request,
                                     const OpensshOptions& options) {
  std::vector<std::string> argv;
  Add(&argv, options.program.c_str(), "-T");
  Add(&argv, "-x", "-a");
  Add(&argv, "-e", "none");
  const core::SshOptions& ssh = request.ssh;
  if (!ssh.config_file.empty() &&
      (options.files_are_ours || Exists(ssh.config_file))) {
    Add(&argv, "-F", ssh.config_file);
  }
  for (const char* option :
       {options.may_ask ? "BatchMode=no" : "BatchMode=yes", "LogLevel=ERROR",
        "ClearAllForwardings=yes", "ControlMaster=no", "ControlPath=none",
        "PermitLocalCommand=no", "IgnoreUnknown=RemoteCommand",
        "RemoteCommand=none", kAliveInterval, kAliveCount}) {
    Add(&argv, "-o", option);
  }
  AddKnownHosts(ssh, options, &argv);
  for (const std::string& file : ssh.identity_files) {
    if (options.files_are_ours || Exists(file)) Add(&argv, "-i", file);
  }
  if (!request.hop.user.empty()) Add(&argv, "-l", request.hop.user);
  if (request.hop.port != 0) Add(&argv, "-p", request.hop.port);
  Add(&argv, "--", request.hop.host);
  argv.push_back(request.command);
  return argv;
}

}  // namespace ramet::transports
