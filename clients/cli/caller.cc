#include "clients/cli/caller.h"

#include <stdio.h>

#include <algorithm>
#include <utility>

#include "clients/cli/embedded_caller.h"
#include "clients/cli/printable.h"
#include "clients/cli/remote_caller.h"

namespace ramet::cli {

absl::StatusOr<std::unique_ptr<Caller>> MakeCaller(const Flags& flags) {
  if (!flags.master.empty()) return RemoteCaller::Create(flags);
  return EmbeddedCaller::Create(flags);
}

absl::StatusOr<std::unique_ptr<server::Master>> MakeMaster(
    const Flags& flags, server::MasterOptions options) {
  options.module_idle = flags.module_idle;
  absl::StatusOr<server::BundleChecks> checks = MakeBundleChecks(flags);
  if (!checks.ok()) return checks.status();
  options.bundle_checks = *std::move(checks);
  absl::StatusOr<server::ModulePolicy> policy = MakeModulePolicy(flags);
  if (!policy.ok()) return policy.status();
  options.module_policy = *std::move(policy);
  options.heartbeat.interval_ms =
      static_cast<uint32_t>(absl::ToInt64Milliseconds(flags.heartbeat));
  options.unidirectional = flags.unidirectional;
  options.log_level = static_cast<core::LogLevel>(flags.log_level);
  if (!flags.quiet) {
    options.log = [](const server::LogLine& line) {
      fprintf(stderr, "[%s] %s: %s\n", line.context.c_str(),
              PrintableLine(line.source).c_str(),
              PrintableLine(line.text).c_str());
    };
  }
  auto master = server::Master::Create(std::move(options));
  if (!master.ok()) return master.status();
  for (const std::string& module : flags.modules) {
    const absl::Status status = (*master)->LoadModuleFile(module);
    if (!status.ok()) return status;
  }
  return master;
}

absl::StatusOr<server::BundleChecks> MakeBundleChecks(const Flags& flags) {
  server::BundleChecks checks;
  for (const std::string& path : flags.signers) {
    absl::StatusOr<server::MinisignKey> key =
        server::MinisignKey::LoadFile(path);
    if (!key.ok()) return key.status();
    checks.keys.push_back(*std::move(key));
  }
  if (flags.max_image_mib != 0) {
    checks.max_image_bytes = uint64_t{flags.max_image_mib} << 20;
  }
  return checks;
}

absl::StatusOr<server::ModulePolicy> MakeModulePolicy(const Flags& flags) {
  absl::StatusOr<server::ModulePolicy> policy = server::ModulePolicy();
  if (!flags.module_policy.empty()) {
    policy = server::ModulePolicy::LoadFile(flags.module_policy);
    if (!policy.ok()) return policy;
  }
  std::vector<v1::ModuleRule> rules;
  if (flags.lock_modules) {
    v1::ModuleRule& rule = rules.emplace_back();
    rule.set_name("--lock-modules");
    rule.set_locked(true);
    rule.set_allow_loaded(true);
  }
  if (!flags.lock_signers.empty()) {
    v1::ModuleRule& rule = rules.emplace_back();
    rule.set_name("--lock-signature");
    rule.set_locked(true);
    for (const std::string& path : flags.lock_signers) {
      const auto key = server::MinisignKey::LoadFile(path);
      if (!key.ok()) return key.status();
      rule.add_allow("key:" + key->text());
    }
  }
  if (!flags.allow_modules.empty() || !flags.deny_modules.empty()) {
    v1::ModuleRule& rule = rules.emplace_back();
    for (const std::string& pattern : flags.allow_modules) {
      rule.add_allow(pattern);
    }
    for (const std::string& pattern : flags.deny_modules) {
      rule.add_deny(pattern);
    }
  }
  for (v1::ModuleRule& rule : rules) {
    const absl::Status added = policy->Add(std::move(rule));
    if (!added.ok()) return added;
  }
  return policy;
}

server::ConnectOptions MakeConnectOptions(const Flags& flags) {
  server::ConnectOptions options;
  options.ssh = flags.ssh;
  options.platform = flags.platform;
  options.cache_dir = flags.cache;
  options.cache_mib = flags.cache_mib;
  options.timeout = std::min(options.timeout, flags.deadline);
  return options;
}

}  // namespace ramet::cli
