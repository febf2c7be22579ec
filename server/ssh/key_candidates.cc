#include "server/ssh/key_candidates.h"

#include <stdlib.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/ssh/known_hosts.h"
#include "transports/text_tail.h"

namespace ramet::server {
namespace {

constexpr char kRsa[] = "ssh-rsa";

bool IsServed(const std::string& type) {
  // A type that is not known yet (PEM without its public half) may be.
  return type.empty() || type == "ssh-ed25519" ||
         absl::StartsWith(type, "ecdsa-sha2-nistp");
}

// OpenSSH 8.8 and later refuse RSA with SHA-1, the only kind of libssh2 1.10.
bool TakesSha1(const std::string& server_version) {
  const std::string prefix = "OpenSSH_";
  const size_t at = server_version.find(prefix);
  if (at == std::string::npos) return true;
  return atof(server_version.c_str() + at + prefix.size()) < 8.8;
}

// The name that ssh-keygen -l prints.
std::string ShortType(const std::string& type) {
  if (type == "ssh-ed25519") return "ED25519";
  if (absl::StartsWith(type, "ecdsa-")) return "ECDSA";
  if (type == kRsa) return "RSA";
  return type.empty() ? "private" : type;
}

void Unserve(const std::string& what, KeyCandidates* candidates) {
  if (candidates->unserved.empty()) candidates->unserved = what;
}

class Collector {
 public:
  Collector(const SshConfig& config, const std::vector<AgentKey>& agent_keys,
            const std::string& server_version)
      : config_(config),
        agent_keys_(agent_keys),
        takes_sha1_(TakesSha1(server_version)) {
    for (size_t i = 0; i < config.identity_files.size(); ++i) {
      IdentityFile file;
      const core::Status status =
          ReadIdentityFile(config.identity_files[i], &file);
      if (!status.ok() && (i < config.given_identities ||
                           status.code() != core::Code::kNotFound)) {
        result_.notes.push_back(status.message());
      }
      files_.push_back(status.ok() ? file : IdentityFile());
    }
  }

  KeyCandidates Collect() {
    for (size_t i = 0; i < config_.given_identities; ++i) AddFile(files_[i]);
    for (const AgentKey& key : agent_keys_) {
      if (!config_.identities_only || IsNamed(key)) AddAgentKey(key);
    }
    for (size_t i = config_.given_identities; i < files_.size(); ++i) {
      AddFile(files_[i]);
    }
    return std::move(result_);
  }

 private:
  bool IsNamed(const AgentKey& key) const {
    return std::any_of(files_.begin(), files_.end(),
                       [&key](const IdentityFile& file) {
                         return file.public_key == key.public_key;
                       });
  }

  void AddFile(const IdentityFile& file) {
    if (file.path.empty()) return;
    if (file.has_certificate) Unserve("certificates", &result_);
    const auto in_agent = std::find_if(
        agent_keys_.begin(), agent_keys_.end(), [&file](const AgentKey& key) {
          return key.public_key == file.public_key;
        });
    const bool usable = !file.private_text.empty() && !file.encrypted;
    if (!usable && in_agent != agent_keys_.end()) return AddAgentKey(*in_agent);
    if (file.private_text.empty()) {
      result_.notes.push_back(
          file.path + ": a public key, and no agent has its other half");
      return;
    }
    KeyCandidate candidate;
    candidate.file = file;
    Add(candidate);
  }

  void AddAgentKey(const AgentKey& key) {
    KeyCandidate candidate;
    candidate.in_agent = true;
    candidate.file.path = transports::Printable(key.comment);
    candidate.file.public_key = key.public_key;
    candidate.file.type = KeyType(key.public_key);
    Add(candidate);
  }

  void Add(const KeyCandidate& candidate) {
    const IdentityFile& file = candidate.file;
    for (const KeyCandidate& other : result_.keys) {
      if (!file.public_key.empty() &&
          other.file.public_key == file.public_key) {
        return;
      }
    }
    if (file.type == kRsa) Unserve("rsa-sha2 signatures", &result_);
    if (IsServed(file.type) || (file.type == kRsa && takes_sha1_)) {
      result_.keys.push_back(candidate);
      return;
    }
    if (file.type != kRsa) Unserve(file.type + " keys", &result_);
    result_.notes.push_back(candidate.Describe() +
                            ": libssh2 can't use it with this server");
  }

  const SshConfig& config_;
  const std::vector<AgentKey>& agent_keys_;
  const bool takes_sha1_;
  std::vector<IdentityFile> files_;
  KeyCandidates result_;
};

}  // namespace

std::string KeyCandidate::Describe() const {
  std::string text = absl::StrCat(ShortType(file.type), " key ", file.path);
  if (in_agent) text += " of the agent";
  if (!file.public_key.empty()) {
    absl::StrAppend(&text, " ", KeyFingerprint(file.public_key));
  }
  return text;
}

KeyCandidates CollectKeys(const SshConfig& config,
                          const std::vector<AgentKey>& agent_keys,
                          const std::string& server_version) {
  return Collector(config, agent_keys, server_version).Collect();
}

}  // namespace ramet::server
