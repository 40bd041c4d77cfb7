// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/reflect/test_documents.h"

namespace kukeon::reflect {
namespace {

using testing::Everything;

const Type& type_of(std::string_view name) { return *describe<Everything>().find(name)->type; }

enum class Level { low, high };

// Values that a new struct holds, and rules that come from outside.
struct Settings {
  bool on = true;
  std::uint8_t level = 7;
  Level word = Level::high;
  std::string path = "/run/x";
  std::string token;
  List<Level> levels;
  testing::Network network;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{
        field("on", &Settings::on, omitempty | live, "Whether it is on."),
        field("level", &Settings::level, required, "How much."),
        field("word", &Settings::word, recreate, "Which."),
        field("path", &Settings::path, immutable, "Where."),
        field("token", &Settings::token, secret, "What nobody sees."),
        field("levels", &Settings::levels, derived, "Several."),
        field("network", &Settings::network, live, "Its network."),
    };
  }
};

}  // namespace
}  // namespace kukeon::reflect

template <>
struct kukeon::reflect::Labels<kukeon::reflect::Level> {
  static constexpr std::string_view what = "level";
  static constexpr std::array<std::string_view, 2> words{"low", "high"};
};

namespace kukeon::reflect {
namespace {

using ::testing::ElementsAre;

TEST(Describe, KeepsTheOrderTheTagsAndTheWordsOfTheTable) {
  const Type& type = describe<Settings>();
  EXPECT_EQ(type.shape, Shape::structure);
  std::vector<std::string_view> names;
  for (const Member& member : type.members) names.push_back(member.name);
  EXPECT_THAT(names, ElementsAre("on", "level", "word", "path", "token", "levels", "network"));
  EXPECT_EQ(type.find("level")->doc, "How much.");
  EXPECT_TRUE(type.find("level")->tags.has(Tag::required));
  EXPECT_EQ(type.find("Level"), nullptr);
}

TEST(Describe, IsMadeOnce) {
  EXPECT_EQ(&describe<Settings>(), &describe<Settings>());
  EXPECT_EQ(describe<Settings>().find("network")->type, &describe<testing::Network>());
}

TEST(Describe, NamesEveryType) {
  const auto name = [](std::string_view field) { return type_name(type_of(field)); };
  EXPECT_EQ(name("yes"), "boolean");
  EXPECT_EQ(name("wide"), "integer");
  EXPECT_EQ(name("real"), "number");
  EXPECT_EQ(name("text"), "string");
  EXPECT_EQ(name("time"), "time");
  EXPECT_EQ(name("state"), "string");
  EXPECT_EQ(name("bytes"), "base64");
  EXPECT_EQ(name("raw"), "any");
  EXPECT_EQ(name("table"), "[][]string");
  EXPECT_EQ(name("stages"), "[]Object");
  EXPECT_EQ(name("labels"), "map[string]string");
  EXPECT_EQ(name("groups"), "map[string][]integer");
  EXPECT_EQ(name("nested"), "Object");
}

TEST(Describe, TakesAValueThatMayBeAbsentForTheValue) {
  EXPECT_EQ(&type_of("maybe"), &describe<std::int64_t>());
  EXPECT_EQ(&type_of("maybeYes"), &describe<bool>());
  EXPECT_EQ(&type_of("maybeStage"), &describe<testing::Stage>());
}

TEST(Describe, KnowsTheRangeOfAnInteger) {
  EXPECT_EQ(type_of("wide").least, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(type_of("narrow").most, 2147483647U);
  EXPECT_EQ(type_of("mode").least, 0);
  EXPECT_EQ(type_of("mode").most, 4294967295U);
  EXPECT_EQ(type_of("huge").most, std::numeric_limits<std::uint64_t>::max());
}

TEST(Describe, KnowsTheWordsOfAnEnumeration) {
  EXPECT_THAT(type_of("state").words,
              ElementsAre("Pending", "Ready", "Stopped", "Failed", "Unknown"));
}

TEST(Describe, KnowsWhatANewStructHolds) {
  const Type& type = describe<Settings>();
  EXPECT_EQ(type.find("on")->fallback, "true");
  EXPECT_EQ(type.find("level")->fallback, "7");
  EXPECT_EQ(type.find("word")->fallback, "\"high\"");
  EXPECT_EQ(type.find("path")->fallback, "\"/run/x\"");
  EXPECT_EQ(type.find("token")->fallback, "");
  EXPECT_EQ(type.find("levels")->fallback, "");
  EXPECT_EQ(type.find("network")->fallback, "");
}

TEST(Innermost, PassesThroughListsAndMaps) {
  EXPECT_EQ(innermost(type_of("groups")).shape, Shape::integer);
  EXPECT_EQ(brackets_of(type_of("groups")), "[][]");
  EXPECT_EQ(&innermost(type_of("nested")), &type_of("nested"));
  EXPECT_EQ(brackets_of(type_of("nested")), "");
}

TEST(ChangeOf, TakesTheOuterClassUnlessTheFieldHasItsOwn) {
  EXPECT_EQ(change_of(Tag::always), Change::unsaid);
  EXPECT_EQ(change_of(Tag::required, Change::recreate), Change::recreate);
  EXPECT_EQ(change_of(Tag::live, Change::recreate), Change::live);
  EXPECT_EQ(change_of(Tag::immutable, Change::live), Change::refused);
}

TEST(ChangeOf, StaysWithTheDaemonBelowWhatTheDaemonFillsIn) {
  EXPECT_EQ(change_of(Tag::omitempty | Tag::derived), Change::derived);
  EXPECT_EQ(change_of(Tag::live, Change::derived), Change::derived);
}

TEST(ValueNotes, TellWordsRangesDefaultsAndSecrets) {
  const auto notes = [](std::string_view name) {
    return value_notes(*describe<Settings>().find(name));
  };
  EXPECT_EQ(notes("on"), "Default: true.");
  EXPECT_EQ(notes("level"), "From 0 to 255. Default: 7.");
  EXPECT_EQ(notes("word"), "One of low, high (default).");
  EXPECT_EQ(notes("path"), "Default: \"/run/x\".");
  EXPECT_EQ(notes("token"), "Hidden in plans, logs and errors.");
  EXPECT_EQ(notes("levels"), "One of low, high.");
  EXPECT_EQ(notes("network"), "");
}

TEST(ValueNotes, DoNotTellTheFullRangeOfAWideInteger) {
  EXPECT_EQ(value_notes(*describe<Everything>().find("wide")), "");
  EXPECT_EQ(value_notes(*describe<Everything>().find("huge")), "0 or more.");
}

}  // namespace
}  // namespace kukeon::reflect
