#include "server/module_announcement.h"

#include <string>
#include <utility>
#include <vector>

namespace ramet::server {
namespace {

// What every program expects to have, like the services of an init system;
// nothing of the session that has started the context: no agents, no tokens.
constexpr const char* kPassedOn[] = {"PATH", "HOME", "LANG"};

std::vector<std::string> Environment(const bundle::Process& process) {
  std::vector<std::string> environment(process.environment().begin(),
                                       process.environment().end());
  for (const std::string name : kPassedOn) {
    bool declared = false;
    for (const std::string& variable : process.environment()) {
      declared = declared || variable.substr(0, variable.find('=')) == name;
    }
    if (!declared) environment.push_back(name);
  }
  return environment;
}

}  // namespace

core::LoadModule AnnounceModule(const importer::Bundle& bundle,
                                const bundle::Image& image, uint32_t idle_ms) {
  const bundle::Process& process = bundle.manifest().process();
  core::LoadModule load;
  load.name = bundle.name();
  load.digest = image.sha256();
  load.platform = image.platform();
  load.deflated_bytes = image.deflated_bytes();
  load.image_bytes = image.image_bytes();
  for (const auto& service : bundle.manifest().services()) {
    load.services.emplace_back();
    load.services.back().name = service.name();
    for (const auto& method : service.methods()) {
      load.services.back().methods.push_back(
          {method.name(), static_cast<uint32_t>(method.policy())});
    }
  }
  load.environment = Environment(process);
  load.idle_ms = process.idle_ms() != 0 ? process.idle_ms() : idle_ms;
  load.memory_bytes = process.memory_bytes();
  return load;
}

}  // namespace ramet::server
