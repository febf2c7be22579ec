#include "server/ssh/ssh_config.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "core/wire/control.h"

namespace ramet::server {
namespace {

// Keywords that change the way to the host or who one is there, with the value
// that means "not used".
constexpr struct {
  const char* keyword;
  const char* spelling;
  const char* unused;
} kUnserved[] = {
    {"proxyjump", "ProxyJump", "none"},
    {"proxycommand", "ProxyCommand", "none"},
    {"certificatefile", "CertificateFile", "none"},
    {"pkcs11provider", "PKCS11Provider", "none"},
    {"bindaddress", "BindAddress", ""},
    {"bindinterface", "BindInterface", ""},
    {"revokedhostkeys", "RevokedHostKeys", "none"},
};

std::vector<std::string> Split(absl::string_view text, char separator) {
  return absl::StrSplit(text, separator, absl::SkipEmpty());
}

// "~" and the "%" tokens of ssh_config(5).
std::string Expand(const std::string& path, const SshConfig& config,
                   const LocalUser& user) {
  std::string expanded;
  size_t i = 0;
  if (path == "~" || path.compare(0, 2, "~/") == 0) {
    expanded = user.home;
    i = 1;
  }
  for (; i < path.size(); ++i) {
    if (path[i] != '%' || i + 1 == path.size()) {
      expanded += path[i];
      continue;
    }
    switch (path[++i]) {
      case '%':
        expanded += '%';
        break;
      case 'd':
        expanded += user.home;
        break;
      case 'h':
        expanded += config.hostname;
        break;
      case 'i':
        expanded += std::to_string(getuid());
        break;
      case 'k':
        expanded += config.host_key_alias.empty() ? config.hostname
                                                  : config.host_key_alias;
        break;
      case 'n':
        expanded += config.original_host;
        break;
      case 'p':
        expanded += std::to_string(config.port);
        break;
      case 'r':
        expanded += config.user;
        break;
      case 'u':
        expanded += user.name;
        break;
      default:
        expanded += std::string("%") + path[i];
    }
  }
  return expanded;
}

std::string AgentSocket(const std::string& value, const LocalUser& user) {
  if (value == "none") return std::string();
  if (value == "SSH_AUTH_SOCK") return user.agent_socket;
  if (value.empty() || value[0] != '$') return value;
  std::string name = value.substr(1);
  if (name.size() > 2 && name.front() == '{' && name.back() == '}') {
    name = name.substr(1, name.size() - 2);
  }
  const char* const variable = getenv(name.c_str());
  return variable != nullptr ? variable : "";
}

// The configuration decides only where the command line left the default.
uint32_t HostKeyCheck(const std::string& value, uint32_t given) {
  if (given != core::SshOptions::kStrict) return given;
  if (value == "accept-new") return core::SshOptions::kAcceptNew;
  if (value == "no" || value == "off" || value == "false") {
    return core::SshOptions::kOff;
  }
  return core::SshOptions::kStrict;
}

int AddressFamily(const std::string& value) {
  if (value == "inet") return AF_INET;
  if (value == "inet6") return AF_INET6;
  return AF_UNSPEC;
}

// Values that name a yes or a no; ssh -G prints either pair.
bool IsYes(const std::string& value) {
  return value == "yes" || value == "true";
}

void ExpandPaths(const LocalUser& user, SshConfig* config) {
  for (auto* paths : {&config->identity_files, &config->user_known_hosts,
                      &config->global_known_hosts}) {
    for (std::string& path : *paths) path = Expand(path, *config, user);
  }
  config->identity_agent = Expand(config->identity_agent, *config, user);
}

// What the command line names, which nothing expands.
void ApplyCommandLine(const core::SshOptions& ssh, SshConfig* config) {
  if (!ssh.known_hosts.empty()) config->user_known_hosts = {ssh.known_hosts};
  std::vector<std::string> files = ssh.identity_files;
  for (std::string& file : config->identity_files) {
    bool given = false;
    for (const std::string& other : ssh.identity_files) {
      given = given || file == other;
    }
    if (!given) files.push_back(std::move(file));
  }
  config->identity_files = std::move(files);
  config->given_identities = ssh.identity_files.size();
}

}  // namespace

LocalUser LocalUser::FromProcess() {
  LocalUser user;
  char buffer[4096];
  passwd entry;
  passwd* found = nullptr;
  if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) == 0 &&
      found != nullptr) {
    user.name = entry.pw_name;
    user.home = entry.pw_dir;
  }
  const char* const home = getenv("HOME");
  if (user.home.empty() && home != nullptr) user.home = home;
  const char* const socket = getenv("SSH_AUTH_SOCK");
  if (socket != nullptr) user.agent_socket = socket;
  return user;
}

SshConfig DefaultSshConfig(const parent::OpenRequest& request,
                           const LocalUser& user) {
  SshConfig config;
  config.original_host = request.hop.host;
  config.hostname = request.hop.host;
  if (request.hop.port != 0) config.port = request.hop.port;
  config.user = request.hop.user.empty() ? user.name : request.hop.user;
  config.identity_agent = user.agent_socket;
  config.host_key_check = request.ssh.host_key_check;
  config.user_known_hosts = {"~/.ssh/known_hosts", "~/.ssh/known_hosts2"};
  config.global_known_hosts = {"/etc/ssh/ssh_known_hosts",
                               "/etc/ssh/ssh_known_hosts2"};
  if (request.ssh.identity_files.empty()) {
    config.identity_files = {"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa",
                             "~/.ssh/id_rsa"};
  }
  ExpandPaths(user, &config);
  ApplyCommandLine(request.ssh, &config);
  return config;
}

core::Status ApplySshG(std::string_view output,
                       const parent::OpenRequest& request,
                       const LocalUser& user, SshConfig* config) {
  config->identity_files.clear();
  config->user_known_hosts.clear();
  config->global_known_hosts.clear();
  bool numbers_are_good = true;
  const auto number = [&numbers_are_good](const std::string& value, int* out) {
    if (value != "none") {
      numbers_are_good = numbers_are_good && absl::SimpleAtoi(value, out);
    }
  };
  for (absl::string_view line :
       absl::StrSplit(absl::string_view(output.data(), output.size()), '\n')) {
    const std::pair<std::string, std::string> pair =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    const std::string& key = pair.first;
    const std::string& value = pair.second;
    int port = config->port;
    if (key == "hostname") config->hostname = value;
    if (key == "port") number(value, &port);
    if (key == "user") config->user = value;
    if (key == "addressfamily") config->address_family = AddressFamily(value);
    if (key == "connecttimeout") number(value, &config->connect_timeout_s);
    if (key == "identityfile" && value != "none") {
      config->identity_files.push_back(value);
    }
    if (key == "identitiesonly") config->identities_only = IsYes(value);
    if (key == "identityagent") {
      config->identity_agent = AgentSocket(value, user);
    }
    if (key == "pubkeyauthentication") {
      config->publickey = value != "no" && value != "false";
    }
    if (key == "kbdinteractiveauthentication") {
      config->keyboard_interactive = IsYes(value);
    }
    if (key == "passwordauthentication") config->password = IsYes(value);
    if (key == "batchmode") config->batch_mode = IsYes(value);
    if (key == "numberofpasswordprompts") {
      number(value, &config->password_prompts);
    }
    if (key == "userknownhostsfile") {
      config->user_known_hosts = Split(value, ' ');
    }
    if (key == "globalknownhostsfile") {
      config->global_known_hosts = Split(value, ' ');
    }
    if (key == "hostkeyalias") config->host_key_alias = value;
    if (key == "hashknownhosts") config->hash_known_hosts = IsYes(value);
    if (key == "stricthostkeychecking") {
      config->host_key_check = HostKeyCheck(value, request.ssh.host_key_check);
    }
    if (key == "kexalgorithms") config->kex_algorithms = Split(value, ',');
    if (key == "hostkeyalgorithms") {
      config->host_key_algorithms = Split(value, ',');
    }
    if (key == "ciphers") config->ciphers = Split(value, ',');
    if (key == "macs") config->macs = Split(value, ',');
    for (const auto& unserved : kUnserved) {
      if (key == unserved.keyword && value != unserved.unused &&
          config->unserved_keyword.empty()) {
        config->unserved_keyword = unserved.spelling;
      }
    }
    numbers_are_good = numbers_are_good && port > 0 && port <= 65535;
    config->port = static_cast<uint16_t>(port);
  }
  ExpandPaths(user, config);
  ApplyCommandLine(request.ssh, config);
  if (!numbers_are_good) {
    return core::Status(core::Code::kInternal,
                        "ssh -G printed a number that is none");
  }
  return core::Status();
}

}  // namespace ramet::server
