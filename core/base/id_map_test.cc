#include "core/base/id_map.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

namespace ramet::core {
namespace {

std::unique_ptr<std::string> Text(const std::string& text) {
  return std::make_unique<std::string>(text);
}

TEST(IdMapTest, FindsWhatWasInserted) {
  IdMap<std::string> map;
  map.Insert(5, Text("five"));
  map.Insert(uint64_t{1} << 40, Text("large"));
  EXPECT_EQ(*map.Insert(0, Text("zero")), "zero");
  EXPECT_EQ(*map.Find(5), "five");
  EXPECT_EQ(*map.Find(uint64_t{1} << 40), "large");
  EXPECT_EQ(*map.Find(0), "zero");
  EXPECT_EQ(map.Find(4), nullptr);
  EXPECT_TRUE(map.Has(0));
  EXPECT_FALSE(map.Has(1));
}

TEST(IdMapTest, RemoveGivesTheValue) {
  IdMap<std::string> map;
  map.Insert(5, Text("five"));
  EXPECT_EQ(map.Remove(4), nullptr);
  const auto value = map.Remove(5);
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(*value, "five");
  EXPECT_EQ(map.Remove(5), nullptr);
  EXPECT_EQ(map.size(), 0u);
}

TEST(IdMapTest, DestroysItsValues) {
  auto held = std::make_shared<int>(1);
  {
    IdMap<std::shared_ptr<int>> map;
    for (uint64_t key = 0; key < 20; ++key) {
      map.Insert(key, std::make_unique<std::shared_ptr<int>>(held));
    }
    EXPECT_EQ(held.use_count(), 21);
    map.Remove(3);
    EXPECT_EQ(held.use_count(), 20);
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(IdMapTest, DoesWhatAMapDoesInTheOrderOfTheIds) {
  std::mt19937 random(5);
  IdMap<int> map;
  std::map<uint64_t, int> model;
  for (int step = 0; step < 20000; ++step) {
    const uint64_t key = random() % 500;
    if (random() % 2 && !model.count(key)) {
      map.Insert(key, std::make_unique<int>(step));
      model[key] = step;
    } else {
      const auto removed = map.Remove(key);
      ASSERT_EQ(removed != nullptr, model.count(key) != 0);
      if (removed != nullptr) {
        ASSERT_EQ(*removed, model[key]);
      }
      model.erase(key);
    }
    ASSERT_EQ(map.size(), model.size());
    if (step % 500 != 0) continue;
    size_t i = 0;
    for (const auto& [model_key, value] : model) {
      ASSERT_EQ(map.key_at(i), model_key);
      ASSERT_EQ(*map.at(i), value);
      ++i;
    }
  }
}

}  // namespace
}  // namespace ramet::core
