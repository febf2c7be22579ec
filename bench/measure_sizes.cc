#include <stdio.h>

#include <string>
#include <string_view>

#include "bench/ramet_commands.h"
#include "bench/session.h"
#include "parent/agent_image.h"
#include "parent/first_stage.h"
#include "server/embedded_agent.h"
#include "server/module_repository.h"

namespace ramet::bench {

void MeasureSizes(const Arguments& arguments) {
  const auto agent = server::EmbeddedAgent::Create();
  CheckOk(agent.status(), "no agent");
  const parent::AgentImage& image = (*agent)->own();
  std::string raw;
  std::string packed;
  if (!parent::ReadImage(image.image_fd, &raw).ok() ||
      !parent::ReadImage(image.packed_fd, &packed).ok()) {
    CheckOk(absl::InternalError("unreadable"), "the agent");
  }
  const size_t first_stage =
      parent::FirstStageCommand(parent::MakeNonce(), image.uname, packed.size())
          .size();

  server::ModuleRepository modules;
  CheckOk(modules.LoadFile(arguments.Text("module")), "the module");
  const auto bundle = modules.FindService("demo.v1.Greeter");
  if (bundle == nullptr) {
    CheckOk(absl::NotFoundError("no demo.v1.Greeter"), "the module");
  }
  const auto module_image = bundle->FindImage(image.platform);
  CheckOk(module_image.status(), "the module");
  printf(
      "{\"first_stage\": %zu, \"agent\": %zu, \"agent_packed\": %zu, "
      "\"module\": %u, \"module_deflated\": %u}\n",
      first_stage, raw.size(), packed.size(), (*module_image)->image_bytes(),
      (*module_image)->deflated_bytes());
}

}  // namespace ramet::bench
