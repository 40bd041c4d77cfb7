// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/reflect/diff.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/test_documents.h"
#include "kukeon/reflect/yaml.h"

namespace kukeon::reflect {
namespace {

using testing::Cell;
using testing::CellState;
using ::testing::ElementsAre;
using testing::Everything;
using ::testing::IsEmpty;

std::string cause(auto&& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::decode_failed));
    return error.what();
  }
  return "no refusal";
}

std::string json_cause(std::string_view text) {
  return cause([&] { from_json<Everything>(text); });
}
std::string yaml_cause(std::string_view text) {
  return cause([&] { from_yaml<Everything>(text); });
}
Everything json(std::string_view text) { return from_json<Everything>(text); }
Everything yaml(std::string_view text) { return from_yaml<Everything>(text); }

TEST(Decode, JsonKeysMatchExactlyElseWithoutCase) {
  EXPECT_EQ(json(R"({"MAYBEYES":true})").maybe_yes, true);
  EXPECT_EQ(json(R"({"Text":"b","text":"a"})").text, "a");
  EXPECT_EQ(yaml_cause("Text: a\n"),
            R"(line 1, column 1: unknown field "Text" (did you mean "text"?))");
}

TEST(Decode, UnknownFieldsAreIgnoredOrReportedAsTheCallerSays) {
  EXPECT_EQ(json(R"({"later":[1,{"x":2}],"text":"a"})").text, "a");
  EXPECT_EQ(from_yaml<Everything>("later: 1\ntext: a\n", UnknownFields::ignore).text, "a");
  EXPECT_EQ(cause([] {
              from_json<Cell>(R"({"spec":{"containers":[{"imgae":"x"}]}})", UnknownFields::report);
            }),
            R"(spec.containers[0]: unknown field "imgae" (did you mean "image"?))");
}

TEST(Decode, ReportsEveryProblemWithItsLineAndPath) {
  EXPECT_EQ(
      cause([] {
        from_yaml<Cell>(
            "kind: [Cell]\n"
            "spec:\n"
            "    containers:\n"
            "        - imgae: busybox\n"
            "          args: none\n"
            "        - root: maybe\n"
            "    zzz: 1\n");
      }),
      "line 1, column 7: kind: must be a string, not a list\n"
      "line 4, column 11: spec.containers[0]: unknown field \"imgae\" (did you mean \"image\"?)\n"
      "line 5, column 17: spec.containers[0].args: must be a list, not a string\n"
      "line 6, column 17: spec.containers[1].root: must be true or false, not a string\n"
      "line 7, column 5: spec: unknown field \"zzz\"");
}

TEST(Decode, StopsCollectingAfterAHundredProblems) {
  std::string text = "labels:\n";
  for (int i = 0; i < 1000; ++i) text += "  k" + std::to_string(i) + ": []\n";
  const std::string all = yaml_cause(text);
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n') + 1, Decoder::max_problems);
}

TEST(Decode, OfDuplicateKeysTheLastWinsAndStructsMergeInJson) {
  EXPECT_EQ(json(R"({"text":"a","text":"b"})").text, "b");
  const Cell cell = from_json<Cell>(R"({"spec":{"id":"x"},"spec":{"realmId":"r"}})");
  EXPECT_EQ(cell.spec.id, "x");
  EXPECT_EQ(cell.spec.realm_id, "r");
  EXPECT_EQ(json(R"({"labels":{"a":"1"},"labels":{"b":"2"}})").labels.size(), 2);
  EXPECT_THAT(json(R"({"words":["a","b"],"words":["c"]})").words, ElementsAre("c"));
}

// encoding/json reads the second list into the elements of the first.
TEST(Decode, OfDuplicateListsTheElementsMergeInJson) {
  EXPECT_THAT(json(R"({"words":["a","b"],"words":[null]})").words, ElementsAre("a"));
  const Cell cell = from_json<Cell>(
      R"({"spec":{"containers":[{"id":"a"},{"id":"b"}],"containers":[{"image":"i"}]}})");
  ASSERT_EQ(cell.spec.containers.size(), 1);
  EXPECT_EQ(cell.spec.containers[0].id, "a");
  EXPECT_EQ(cell.spec.containers[0].image, "i");
}

TEST(Decode, JsonKeysFoldTheTwoLettersThatAsciiSharesWithOthers) {
  EXPECT_THAT(json(R"({"word\u017f":["a"]})").words, ElementsAre("a"));
  EXPECT_EQ(from_json<Cell>("{\"\u212AIND\":\"Cell\"}").kind, "Cell");
  EXPECT_EQ(json("{\"tex\u017F\":\"a\"}").text, "");
}

TEST(Decode, JsonNullLeavesScalarsAndEmptiesTheRest) {
  const Everything value = json(
      R"({"text":"a","text":null,"wide":3,"wide":null,"maybe":3,"maybe":null,)"
      R"("words":["a"],"words":null,"labels":{"a":"b"},"labels":null,"nested":null,"time":null})");
  EXPECT_EQ(value.text, "a");
  EXPECT_EQ(value.wide, 3);
  EXPECT_EQ(value.maybe, std::nullopt);
  EXPECT_TRUE(value.words.is_null());
  EXPECT_TRUE(value.labels.is_null());
}

TEST(Decode, ANullInAListOfStringsIsEmptyInJsonAndDroppedInYaml) {
  EXPECT_THAT(json(R"({"words":["a",null,"b"]})").words, ElementsAre("a", "", "b"));
  EXPECT_THAT(yaml("words: [a, ~, b, null]\n").words, ElementsAre("a", "b"));
}

TEST(Decode, YamlNullLeavesEveryFieldAlone) {
  const Everything value = yaml("text: ~\nwords: null\nstate:\nmaybe: ~\nlabels:\nnested: Null\n");
  EXPECT_EQ(value, Everything{});
  EXPECT_TRUE(value.words.is_null());
}

TEST(Decode, EmptyListsAndMapsAreNotNull) {
  EXPECT_FALSE(json(R"({"words":[],"labels":{}})").words.is_null());
  EXPECT_FALSE(yaml("words: []\nlabels: {}\n").labels.is_null());
}

TEST(Decode, StringsAreStrictInJsonAndKeepTheLiteralInYaml) {
  EXPECT_EQ(json_cause(R"({"text":5})"), "text: must be a string, not a number");
  EXPECT_EQ(json_cause(R"({"text":true})"), "text: must be a string, not a boolean");
  EXPECT_EQ(yaml("text: 5\n").text, "5");
  EXPECT_EQ(yaml("text: 0755\n").text, "0755");
  EXPECT_EQ(yaml("text: true\n").text, "true");
  EXPECT_EQ(yaml("text: 2026-05-14\n").text, "2026-05-14");
  EXPECT_EQ(yaml("text: yes\n").text, "yes");
  EXPECT_EQ(yaml_cause("text: {a: b}\n"), "line 1, column 7: text: must be a string, not a map");
}

TEST(Decode, JsonIntegersAreDigitsOnly) {
  EXPECT_EQ(json(R"({"wide":-9223372036854775808})").wide, INT64_MIN);
  EXPECT_EQ(json(R"({"huge":18446744073709551615})").huge, UINT64_MAX);
  EXPECT_EQ(json_cause(R"({"wide":1.0})"), "wide: must be a whole number, not 1.0");
  EXPECT_EQ(json_cause(R"({"wide":1e2})"), "wide: must be a whole number, not 1e2");
  EXPECT_EQ(json_cause(R"({"wide":"1"})"), "wide: must be a whole number, not a string");
  EXPECT_EQ(json_cause(R"({"wide":9223372036854775808})"),
            "wide: 9223372036854775808 is out of range");
  EXPECT_EQ(json_cause(R"({"narrow":2147483648})"), "narrow: 2147483648 is out of range");
  EXPECT_EQ(json_cause(R"({"mode":4294967296})"), "mode: 4294967296 is out of range");
  EXPECT_EQ(json_cause(R"({"mode":-1})"), "mode: -1 is out of range");
}

TEST(Decode, YamlIntegersComeInManyBases) {
  for (const auto& [text, value] : std::vector<std::pair<std::string, int>>{{"0755", 493},
                                                                            {"0x1f", 31},
                                                                            {"0o17", 15},
                                                                            {"0b101", 5},
                                                                            {"1_000", 1000},
                                                                            {"+5", 5},
                                                                            {"-12", -12},
                                                                            {"1e3", 1000},
                                                                            {"1.0", 1},
                                                                            {"-012", -10},
                                                                            {"08", 8}}) {
    EXPECT_EQ(yaml("wide: " + text + "\n").wide, value) << text;
  }
  EXPECT_EQ(yaml("mode: 0755\n").mode, 493);
  for (const char* text : {"1.5", "\"5\"", "abc", "0x", "1_a", "9223372036854775808", "1e400",
                           ".inf", "[1]", "true", "2026-05-14"}) {
    EXPECT_NE(yaml_cause(std::string{"wide: "} + text + "\n"), "no refusal") << text;
  }
}

TEST(Decode, YamlBooleansIncludeTheOldWords) {
  for (const char* word :
       {"true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON"}) {
    EXPECT_TRUE(yaml(std::string{"yes: "} + word + "\n").yes) << word;
  }
  for (const char* word : {"false", "False", "n", "N", "no", "No", "NO", "off", "Off", "OFF"}) {
    EXPECT_FALSE(yaml(std::string{"yes: "} + word + "\n").yes) << word;
  }
  for (const char* word : {"yEs", "1", "\"true\"", "maybe", "''"}) {
    EXPECT_NE(yaml_cause(std::string{"yes: "} + word + "\n"), "no refusal") << word;
  }
  EXPECT_EQ(json_cause(R"({"yes":"true"})"), "yes: must be true or false, not a string");
  EXPECT_EQ(json_cause(R"({"yes":1})"), "yes: must be true or false, not a number");
}

TEST(Decode, TimesAreRfc3339AndInYamlAlsoBareDates) {
  const std::string time = "2026-05-14T21:10:38.5Z";
  EXPECT_EQ(json("{\"time\":\"" + time + "\"}").time.to_string(), time);
  EXPECT_EQ(yaml("time: " + time + "\n").time.to_string(), time);
  EXPECT_EQ(yaml("time: \"" + time + "\"\n").time.to_string(), time);
  EXPECT_EQ(yaml("time: 2026-05-14\n").time.to_string(), "2026-05-14T00:00:00Z");
  EXPECT_EQ(yaml("time: 2026-5-4 1:2:3.5\n").time.to_string(), "2026-05-04T01:02:03.5Z");
  EXPECT_NE(json_cause(R"({"time":"2026-05-14"})"), "no refusal");
  EXPECT_EQ(json_cause(R"({"time":""})"),
            "time: must be a time like 2026-05-14T21:10:38Z, not \"\"");
  EXPECT_NE(yaml_cause("time: \"\"\n"), "no refusal");
}

TEST(Decode, JsonStatesAreLabelsOrIntegersInRange) {
  EXPECT_EQ(json(R"({"state":"Ready"})").state, CellState::ready);
  EXPECT_EQ(json(R"({"state":4})").state, CellState::unknown);
  const std::vector<std::pair<std::string, std::string>> refused{
      {"null", "cell state: expected string or int, got null"},
      {"\"\"", "cell state: unknown label \"\""},
      {"\"ready\"", "cell state: unknown label \"ready\""},
      {"\"2\"", "cell state: unknown label \"2\""},
      {"2.0", "cell state: expected string or int, got 2.0"},
      {"true", "cell state: expected string or int, got true"},
      {"{}", "cell state: expected string or int, got {}"},
      {"[1]", "cell state: expected string or int, got [1]"},
      {"5", "cell state: int 5 out of range"},
      {"-1", "cell state: int -1 out of range"},
  };
  for (const auto& [text, message] : refused) {
    EXPECT_EQ(json_cause("{\"state\":" + text + "}"), "state: " + message) << text;
  }
}

TEST(Decode, YamlStatesAreLabelsOrPlainDecimalIntegers) {
  for (const char* text : {"2", "02", "+2", "Stopped", "\"Stopped\""}) {
    EXPECT_EQ(yaml(std::string{"state: "} + text + "\n").state, CellState::stopped) << text;
  }
  for (const char* text :
       {"0x2", "0o2", "1_0", "\"2\"", "\"\"", "true", "2.0", "[Ready]", "{}", "ready", "99"}) {
    EXPECT_NE(yaml_cause(std::string{"state: "} + text + "\n"), "no refusal") << text;
  }
}

TEST(Decode, AnOutOfRangeStateIsWrittenAsUnknown) {
  Everything value;
  value.state = static_cast<CellState>(77);
  EXPECT_EQ(from_json<Everything>(to_json(value)).state, CellState::unknown);
}

TEST(Decode, JsonTextIsKeptCompactAndNullIsAbsent) {
  EXPECT_EQ(json(R"({"raw": {"b": [1.50, "\u003c"], "a": null}})").raw.text,
            R"({"b":[1.50,"\u003c"],"a":null})");
  EXPECT_EQ(json(R"({"raw":1,"raw":null})").raw.text, "");
  EXPECT_EQ(yaml("raw: {mode: 0755, on: True}\n").raw.text, R"({"mode":493,"on":true})");
}

TEST(Decode, TheTopLevelMustBeAMap) {
  EXPECT_EQ(json_cause("[]"), "must be a map, not a list");
  EXPECT_EQ(json("null"), Everything{});
  EXPECT_EQ(yaml_cause("just words\n"), "line 1, column 1: must be a map, not a string");
}

TEST(Decode, ALongValueIsCutInTheMessage) {
  EXPECT_LT(json_cause("{\"time\":\"" + std::string(10'000, 'x') + "\"}").size(), 200);
  EXPECT_LT(cause([] {
              from_json<Everything>("{\"" + std::string(100'000, 'k') + "\":1}",
                                    UnknownFields::report);
            }).size(),
            300);
}

TEST(Diff, NamesTheFieldsThatDifferWithTheirClass) {
  Cell before;
  before.spec.realm_id = "default";
  Cell after = before;
  after.spec.realm_id = "other";
  after.spec.auto_delete = true;
  after.status.reason = "ignored: status is derived";

  const std::vector<Difference> differences = diff(before, after);
  ASSERT_EQ(differences.size(), 2);
  EXPECT_EQ(differences[0].path, "spec.realmId");
  EXPECT_EQ(differences[0].before, "\"default\"");
  EXPECT_EQ(differences[0].after, "\"other\"");
  EXPECT_TRUE(differences[0].tags.has(Tag::immutable));
  EXPECT_EQ(differences[1].path, "spec.autoDelete");
  EXPECT_TRUE(differences[1].tags.has(Tag::live));
}

TEST(Diff, SeesNoDifferenceBetweenNilAndEmpty) {
  Everything before;
  Everything after;
  after.words = StringList::empty_list();
  after.labels = Labelset::empty_map();
  EXPECT_THAT(diff(before, after), IsEmpty());
}

TEST(Diff, HidesSecrets) {
  Everything before;
  Everything after;
  after.password = "hunter2";
  const std::vector<Difference> differences = diff(before, after);
  ASSERT_EQ(differences.size(), 1);
  EXPECT_EQ(differences[0].before, "(secret)");
  EXPECT_EQ(differences[0].after, "(secret)");
}

}  // namespace
}  // namespace kukeon::reflect
