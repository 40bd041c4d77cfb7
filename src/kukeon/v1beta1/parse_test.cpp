// SPDX-License-Identifier: Apache-2.0
#include "kukeon/v1beta1/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/base/error_kinds.h"

namespace kukeon::v1beta1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::StrEq;

constexpr std::string_view cell_text = R"(apiVersion: v1beta1
kind: Cell
metadata:
  name: web
spec:
  realmId: default
  spaceId: default
  stackId: default
  containers:
    - id: app
      image: busybox
)";

std::string refusal(std::string_view text, Validation validation = Validation::strict) {
  try {
    parse_documents(text, validation);
  } catch (const Error& error) {
    return error.message();
  }
  return "accepted";
}

TEST(ParseDocuments, KeepsTheOrderOfTheStream) {
  const auto documents = parse_documents("# a licence\n---\n" + std::string{cell_text} +
                                         "---\n\n---\nkind: Realm\nmetadata: {name: default}\n");
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[0].index, 0);
  EXPECT_EQ(documents[0].kind, Kind::cell);
  EXPECT_EQ(documents[0].name(), "web");
  EXPECT_EQ(documents[0].path().key(), "default/default/default/web");
  EXPECT_EQ(std::get<CellDoc>(documents[0].doc).spec.containers[0].image, "busybox");
  EXPECT_EQ(documents[1].index, 1);
  EXPECT_EQ(documents[1].kind, Kind::realm);
}

TEST(ParseDocuments, ReadsJsonToo) {
  const auto documents = parse_documents(R"({"kind":"Realm","metadata":{"name":"r"}})");
  ASSERT_EQ(documents.size(), 1U);
  EXPECT_EQ(documents[0].name(), "r");
}

TEST(SortForApply, PutsParentsFirst) {
  auto documents = parse_documents(std::string{cell_text} +
                                   "---\nkind: Realm\nmetadata: {name: b}\n"
                                   "---\nkind: Realm\nmetadata: {name: a}\n");
  sort_for_apply(documents);
  EXPECT_EQ(documents[0].name(), "b");
  EXPECT_EQ(documents[1].name(), "a");
  EXPECT_EQ(documents[2].kind, Kind::cell);
}

TEST(ParseDocuments, WantsAtLeastOneDocument) {
  for (const auto* text : {"", "---\n---\n", "# nothing\n"}) {
    EXPECT_EQ(refusal(text), "failed to parse YAML: no documents found in input") << text;
  }
}

TEST(ParseDocuments, CollectsTheProblemsOfAllDocuments) {
  EXPECT_EQ(
      refusal("kind: Realm\nmetadata: {name: r}\n"
              "---\nkind: Space\nspec: {realmId: r}\n"
              "---\nkind: Cell\nmetadata: {name: c}\nspec: {realmId: r, spaceId: s, stackId: t}\n"
              "---\nkind: Pod\n"),
      "validation failed:\n"
      "  document 1 (Space): line 4, column 1: metadata.name is required\n"
      "  document 2 (Cell \"c\"): line 9, column 7: spec.containers is required and cannot be "
      "empty\n"
      "  document 3 (): document 3: unknown kind: Pod (one of Realm, Space, Stack, Cell, "
      "Container) at line 11, column 7");
}

TEST(ParseDocuments, SuggestsTheKindThatWasMeant) {
  EXPECT_THAT(refusal("kind: cell\n"),
              HasSubstr("document 0: unknown kind: cell (did you mean Cell?)"));
  EXPECT_THAT(refusal("kind: Cel\n"), HasSubstr("unknown kind: Cel (did you mean Cell?)"));
  EXPECT_THAT(refusal("metadata: {name: x}\n"), HasSubstr("document 0: unknown kind: (none given"));
  EXPECT_THAT(refusal("kind: CellProfile\n"), HasSubstr("unknown kind: CellProfile"));
}

TEST(ParseDocuments, SaysWhereAnUnknownFieldStands) {
  std::string text = "---\nkind: Realm\nmetadata: {name: r}\n---\n" + std::string{cell_text};
  text.replace(text.find("image"), 5, "imagee");
  EXPECT_EQ(refusal(text),
            "validation failed:\n"
            "  document 1 (Cell \"web\"): line 15, column 7: spec.containers[0]: unknown field "
            "\"imagee\" (did you mean \"image\"?)\n"
            "  document 1 (Cell \"web\"): line 14, column 7: spec.containers[0].image is required");
}

TEST(ParseDocuments, IgnoresUnknownFieldsWhereAsked) {
  const std::string text = std::string{cell_text} + "extra: 1\n";
  EXPECT_THAT(refusal(text), HasSubstr("line 12, column 1: unknown field \"extra\""));
  EXPECT_EQ(refusal(text, Validation::ignore), "accepted");
}

TEST(ParseDocuments, WarnsOfUnknownFieldsWhereAsked) {
  std::vector<std::string> warnings;
  const auto documents =
      parse_documents(std::string{cell_text} + "extra: 1\n", Validation::warn, &warnings);
  EXPECT_EQ(documents.size(), 1U);
  EXPECT_THAT(warnings,
              ElementsAre("document 0 (Cell \"web\"): line 12, column 1: unknown field \"extra\""));
  EXPECT_THAT(
      refusal(std::string{cell_text} + "extra: 1\nspec2: {}\nstatus: 5\n", Validation::warn),
      StrEq("validation failed:\n  document 0 (Cell \"web\"): line 14, column 9: status: must "
            "be a map, not a number"));
}

TEST(ParseDocuments, RefusesAWrongTypeBehindManyUnknownFields) {
  std::string text{cell_text};
  for (int i = 0; i < 200; ++i) text += "extra" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(refusal(text + "status: 5\n", Validation::warn), HasSubstr("status: must be a map"));
}

TEST(ParseValidation, KnowsThreeWords) {
  EXPECT_EQ(parse_validation(""), Validation::strict);
  EXPECT_EQ(parse_validation("warn"), Validation::warn);
  EXPECT_EQ(parse_validation("ignore"), Validation::ignore);
  EXPECT_THROW(parse_validation("Strict"), Error);
}

TEST(ParseDocuments, SaysWhereAWrongTypeStands) {
  std::string text{cell_text};
  text += "      args: sleep\n";
  const std::string message = refusal(text);
  EXPECT_THAT(message,
              StartsWith("validation failed:\n  document 0 (Cell \"web\"): line 12, column "
                         "13: spec.containers[0].args: "));
  EXPECT_THAT(message, Not(HasSubstr("required")));
}

TEST(ParseDocuments, SaysWhereABadValueStands) {
  std::string text{cell_text};
  text +=
      "      volumes:\n"
      "        - source: /a\n"
      "          target: /a\n"
      "        - source: data\n"
      "          target: /b\n";
  EXPECT_EQ(
      refusal(text),
      "validation failed:\n"
      "  document 0 (Cell \"web\"): line 15, column 19: spec.containers[0].volumes[1].source: "
      "named or managed volumes are not supported; use an absolute host path as source (volume[1] "
      "source \"data\")");
}

TEST(ParseDocuments, RefusesNamesThatWouldLeaveTheTree) {
  EXPECT_EQ(refusal("kind: Realm\nmetadata: {name: ..}\n"),
            "validation failed:\n"
            "  document 0 (Realm \"..\"): line 2, column 18: metadata.name: realm name is invalid: "
            "\"..\" must not start with '.'");
  EXPECT_THAT(refusal("kind: Realm\nmetadata:\n  name: a/b\n"),
              HasSubstr("(must not contain '_' or '/')"));
}

TEST(ParseDocuments, RefusesOtherVersions) {
  EXPECT_EQ(refusal("apiVersion: v2\nkind: Realm\nmetadata: {name: r}\n"),
            "validation failed:\n"
            "  document 0 (Realm \"r\"): line 1, column 13: unsupported apiVersion: v2 (expected "
            "v1beta1)");
}

TEST(ParseDocuments, ReportsBadYamlAndGoesOn) {
  const std::string message = refusal("kind: [\n---\nkind: Foo\n");
  EXPECT_THAT(message, HasSubstr("document 0 (): document 0: failed to parse kind: yaml: "));
  EXPECT_THAT(message, HasSubstr("document 1 (): document 1: unknown kind: Foo"));
}

TEST(ParseDocuments, RefusesWhatIsNoMap) {
  EXPECT_THAT(refusal("- kind: Realm\n"), HasSubstr("a document must be a map, not a list"));
  EXPECT_THAT(refusal("hello\n"), HasSubstr("a document must be a map, not a string"));
}

TEST(ParseDocuments, BoundsItsInput) {
  EXPECT_THAT(refusal(std::string(max_manifest_bytes + 1, '#')), HasSubstr("at most 16777216"));
}

}  // namespace
}  // namespace kukeon::v1beta1
