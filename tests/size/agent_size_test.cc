#include <string>

#include "gtest/gtest.h"
#include "parent/agent_image.h"
#include "parent/first_stage.h"
#include "server/embedded_agent.h"

namespace ramet {
namespace {

// DESIGN's budget for what travels to a bare target at the first connect.
constexpr size_t kBudgetBytes = 64 * 1024;

TEST(AgentSizeTest, WhatTravelsToABareTargetFitsTheBudget) {
  const auto agent = server::EmbeddedAgent::Create();
  ASSERT_TRUE(agent.ok()) << agent.status();
  ASSERT_EQ((*agent)->images().size(), 2u);
  for (const parent::AgentImage& image : (*agent)->images()) {
    std::string packed;
    ASSERT_TRUE(parent::ReadImage(image.packed_fd, &packed).ok());
    const std::string command = parent::FirstStageCommand(
        parent::MakeNonce(), image.uname, packed.size());
    RecordProperty(image.platform + "_image_bytes",
                   static_cast<int>(packed.size()));
    RecordProperty(image.platform + "_command_bytes",
                   static_cast<int>(command.size()));
    EXPECT_LE(packed.size() + command.size(), kBudgetBytes)
        << image.platform << ": " << packed.size() << " bytes of image and "
        << command.size() << " of first stage";
  }
}

}  // namespace
}  // namespace ramet
