#include <fstream>
#include <iterator>
#include <string>

#include "gtest/gtest.h"
#include "importer/bundle.h"

namespace ramet {
namespace {

// What a module of one small service travels as: the goal is 600 KB, and this
// is a little more than it is. What is in it is in codegen/README.md.
constexpr size_t kBudgetBytes = 360 * 1000;

TEST(ModuleSizeTest, AGreetersImagesFitTheBudget) {
  std::ifstream file("examples/greeter/greeter.rmod", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)),
                          std::istreambuf_iterator<char>());
  const auto bundle = importer::Bundle::Parse(bytes);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  EXPECT_EQ(bundle->manifest().images_size(), 2);
  for (const auto& image : bundle->manifest().images()) {
    RecordProperty(image.platform() + "_deflated_bytes",
                   static_cast<int>(image.deflated_bytes()));
    RecordProperty(image.platform() + "_image_bytes",
                   static_cast<int>(image.image_bytes()));
    EXPECT_LE(image.deflated_bytes(), kBudgetBytes) << image.platform();
  }
}

}  // namespace
}  // namespace ramet
