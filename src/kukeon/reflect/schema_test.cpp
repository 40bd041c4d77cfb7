// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/reflect/json.h"
#include "kukeon/reflect/test_documents.h"

namespace kukeon::reflect {
namespace {

using testing::Everything;

struct Head {
  std::string version;
  std::string kind;
  std::string name;
  std::string id;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{
        field("apiVersion", &Head::version, always, "Version."),
        field("kind", &Head::kind, required, "Kind."),
        field("name", &Head::name, required | immutable, "Name."),
        field("id", &Head::id, omitempty | derived, "Id."),
    };
  }
};

Schema head(std::string_view kind) {
  return {.title = "A head",
          .description = "It says what follows.",
          .type = &describe<Head>(),
          .fixed = {{"apiVersion", "v1"}, {"kind", kind}}};
}

// The schema of one member of Everything, without its description.
std::string schema_of(std::string_view name) {
  Tree tree =
      json_schema({.title = "", .description = "", .type = &describe<Everything>(), .fixed = {}});
  Tree member = *tree.find("properties")->find(name);
  member.members.erase(member.members.begin());
  return to_json(member);
}

TEST(JsonSchema, SaysWhatADocumentHolds) {
  EXPECT_EQ(to_json(json_schema(head("Head"))),
            R"({"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A head",)"
            R"("description":"It says what follows.","type":"object","properties":{)"
            R"("apiVersion":{"description":"Version.","enum":["v1","",null],"default":"v1"},)"
            R"("kind":{"description":"Kind.","const":"Head"},)"
            R"("name":{"description":"Name.","type":["string","number","boolean"]},)"
            R"("id":{"description":"Id.","type":["string","number","boolean","null"],)"
            R"("readOnly":true}},"required":["kind","name"],"additionalProperties":false})");
}

TEST(JsonSchema, KnowsEveryType) {
  EXPECT_EQ(schema_of("wide"), R"({"type":["integer","null"],"minimum":-9223372036854775808,)"
                               R"("maximum":9223372036854775807})");
  EXPECT_EQ(schema_of("huge"),
            R"({"type":["integer","null"],"minimum":0,"maximum":18446744073709551615})");
  EXPECT_EQ(schema_of("mode"), R"({"type":["integer","null"],"minimum":0,"maximum":4294967295})");
  EXPECT_EQ(schema_of("real"), R"({"type":["number","null"]})");
  EXPECT_EQ(schema_of("time"), R"({"type":["string","null"],"format":"date-time"})");
  EXPECT_EQ(schema_of("bytes"), R"({"type":["string","array","null"],"contentEncoding":"base64",)"
                                R"("items":{"type":"integer","minimum":0,"maximum":255}})");
  EXPECT_EQ(schema_of("raw"), "{}");
  EXPECT_EQ(schema_of("state"),
            R"({"anyOf":[{"enum":["Pending","Ready","Stopped","Failed","Unknown",null]},)"
            R"({"type":"integer","minimum":0,"maximum":4}],"default":"Pending"})");
  EXPECT_EQ(schema_of("labels"),
            R"({"type":["object","null"],)"
            R"("additionalProperties":{"type":["string","number","boolean","null"]}})");
  EXPECT_EQ(schema_of("table"), R"({"type":["array","null"],"items":{"type":["array","null"],)"
                                R"("items":{"type":["string","number","boolean","null"]}}})");
  EXPECT_EQ(schema_of("nested"),
            R"({"type":["object","null"],"properties":{"bridgeName":{"description":".",)"
            R"("type":["string","number","boolean","null"]}},"additionalProperties":false})");
}

TEST(JsonSchema, TakesTheWordsOfYamlForABoolean) {
  EXPECT_EQ(schema_of("yes"),
            R"({"type":["boolean","string","null"],)"
            R"("pattern":"^(y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$"})");
}

TEST(JsonSchemaOfAny, ChoosesByTheWordOfAMember) {
  const Tree tree = json_schema_of_any("Heads", "kind", {head("One"), head("Two")});
  EXPECT_EQ(to_json(*tree.find("properties")), R"({"kind":{"enum":["One","Two"]}})");
  EXPECT_EQ(to_json(tree.find("allOf")->items.at(1)),
            R"({"if":{"type":"object","properties":{"kind":{"const":"Two"}},"required":["kind"]},)"
            R"("then":{"$ref":"#/$defs/Two"}})");
  const Tree* const definition = tree.find("$defs")->find("Two");
  ASSERT_NE(definition, nullptr);
  EXPECT_EQ(to_json(*definition->find("properties")->find("kind")->find("const")), "\"Two\"");
  EXPECT_EQ(definition->find("$schema"), nullptr);
}

}  // namespace
}  // namespace kukeon::reflect
