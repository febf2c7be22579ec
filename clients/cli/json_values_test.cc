#include "clients/cli/json_values.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ramet::cli {
namespace {

std::vector<std::string> Take(JsonValues* values) {
  std::vector<std::string> taken;
  std::string value;
  while (values->Next(&value)) taken.push_back(value);
  return taken;
}

const std::vector<std::string> kObjects = {"{}", R"({"a": {"b": "}{"}})",
                                           R"({"quote": "\"}", "slash": "\\"})",
                                           "{\"lines\":\n1}"};

TEST(JsonValuesTest, CutsObjectsWhateverIsBetweenThem) {
  for (const char* between : {"", " ", "\n", "\r\n\t "}) {
    JsonValues values;
    for (const std::string& object : kObjects) values.Add(object + between);
    EXPECT_EQ(Take(&values), kObjects);
    EXPECT_EQ(values.unfinished(), "");
  }
}

TEST(JsonValuesTest, TakesThemByteByByte) {
  JsonValues values;
  std::vector<std::string> taken;
  for (const std::string& object : kObjects) {
    for (char byte : object) {
      values.Add({&byte, 1});
      for (std::string& value : Take(&values)) taken.push_back(value);
    }
  }
  EXPECT_EQ(taken, kObjects);
}

TEST(JsonValuesTest, ShowsAnObjectThatDoesNotEnd) {
  JsonValues values;
  values.Add("{\"a\": 1} {\"b\": \"}\" \n");
  EXPECT_EQ(Take(&values), std::vector<std::string>{"{\"a\": 1}"});
  EXPECT_EQ(values.unfinished(), "{\"b\": \"}\"");
}

TEST(JsonValuesTest, GivesWhatIsNoObjectToTheParser) {
  JsonValues values;
  values.Add("[1, 2]\n{}\n} x");
  EXPECT_EQ(Take(&values), (std::vector<std::string>{"[1, 2]", "{}"}));
  EXPECT_EQ(values.unfinished(), "} x");
}

}  // namespace
}  // namespace ramet::cli
