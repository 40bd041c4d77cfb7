// SPDX-License-Identifier: Apache-2.0
#include "kukeon/v1beta1/document_kinds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <utility>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/reflect/yaml.h"
#include "kukeon/v1beta1/cell_profile.h"
#include "kukeon/v1beta1/golden_texts.h"
#include "kukeon/v1beta1/parse.h"

namespace kukeon::v1beta1 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(std::string_view word) {
  try {
    find_document_kind(word);
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::invalid_argument));
    return error.message();
  }
  return "found";
}

const reflect::Member& member_of(std::string_view kind, std::string_view name) {
  const auto* const spec = find_document_kind(kind).type().find("spec")->type;
  return *spec->find(name);
}

TEST(DocumentKinds, HaveEveryKindThatIsApplied) {
  for (const Kind kind : model::all_kinds) {
    EXPECT_EQ(find_document_kind(model::word_of(kind)).word, model::word_of(kind));
  }
}

TEST(DocumentKinds, DescribeTheirDocuments) {
  for (const DocumentKind& kind : document_kinds()) {
    const reflect::Type& type = kind.type();
    EXPECT_EQ(&kind.type(), &type) << kind.word;
    EXPECT_NE(type.find("apiVersion"), nullptr) << kind.word;
    EXPECT_NE(type.find("kind"), nullptr) << kind.word;
    EXPECT_NE(type.find("metadata"), nullptr) << kind.word;
    EXPECT_TRUE(kind.description.ends_with('.')) << kind.word;
  }
}

TEST(DocumentKinds, AnswerToWordsAndAliasesInAnyCase) {
  for (const std::string_view word : {"Cell", "cell", "CELL", "cells", "Cells", "ce"}) {
    EXPECT_EQ(find_document_kind(word).word, "Cell") << word;
  }
  EXPECT_EQ(find_document_kind("sp").word, "Space");
  EXPECT_EQ(find_document_kind("st").word, "Stack");
}

TEST(DocumentKinds, SuggestWhatWasMeant) {
  EXPECT_EQ(refusal("cel"), R"(unknown kind "cel" (did you mean "cell"?))");
  EXPECT_EQ(refusal("Contaner"), R"(unknown kind "Contaner" (did you mean "container"?))");
  EXPECT_EQ(refusal("relams"), R"(unknown kind "relams" (did you mean "realms"?))");
  EXPECT_EQ(
      refusal("deployment"),
      R"(unknown kind "deployment" (one of realm, space, stack, cell, container, cellprofile, )"
      "serverconfiguration, clientconfiguration)");
  EXPECT_THAT(refusal(""), HasSubstr("one of"));
}

TEST(ContainerDocument, NamesItsParentsWhereAContainerOfACellHasThemFromTheCell) {
  for (const std::string_view name : {"realmId", "spaceId", "stackId", "cellId"}) {
    EXPECT_TRUE(member_of("container", name).tags.has(reflect::Tag::required)) << name;
    EXPECT_FALSE(member_of("container", name).tags.has(reflect::Tag::derived)) << name;
    const auto& within = *member_of("cell", "containers").type->element->find(name);
    EXPECT_TRUE(within.tags.has(reflect::Tag::derived)) << name;
  }
  EXPECT_FALSE(member_of("container", "id").tags.has(reflect::Tag::required));
  EXPECT_TRUE(member_of("container", "image").tags.has(reflect::Tag::required));
}

// The documents that tests/schema/schema_test.py holds against the schemas: the parser judges them
// the same way.
std::vector<fs::path> documents_in(std::string_view folder) {
  std::vector<fs::path> paths;
  const fs::path testdata{KUKEON_TEST_SOURCE_DIR "/tests/schema/testdata"};
  for (const auto& entry : fs::directory_iterator{testdata / folder}) {
    paths.push_back(entry.path());
  }
  EXPECT_FALSE(paths.empty()) << folder;
  return paths;
}

TEST(SchemaTestdata, IsAcceptedByTheParserWhereItIsValid) {
  for (const fs::path& path : documents_in("valid")) {
    EXPECT_NO_THROW(parse_documents(read_file(path))) << path;
  }
}

TEST(SchemaTestdata, IsRefusedByTheParserWhereItIsInvalid) {
  for (const fs::path& path : documents_in("invalid")) {
    EXPECT_THROW(parse_documents(read_file(path)), Error) << path;
  }
}

// The fields of each structure, by what holds them.
using Fields = std::set<std::pair<const reflect::Type*, std::string_view>>;

void add_fields(const reflect::Type& type, Fields& fields) {
  for (const reflect::Member& member : type.members) {
    if (member.tags.has(reflect::Tag::derived)) continue;
    fields.emplace(&type, member.name);
    add_fields(reflect::innermost(*member.type), fields);
  }
}

void add_fields_in(const reflect::Tree& tree, const reflect::Type& type, Fields& fields) {
  for (const reflect::Tree& item : tree.items) add_fields_in(item, type, fields);
  for (const auto& [key, value] : tree.members) {
    const reflect::Member* const member = type.find(key);
    if (member == nullptr) continue;  // a label
    fields.emplace(&type, member->name);
    add_fields_in(value, reflect::innermost(*member->type), fields);
  }
}

TEST(Examples, HaveEveryFieldOfEveryKindThatIsApplied) {
  const std::string text = read_file(KUKEON_TEST_SOURCE_DIR "/examples/every-field.yaml");
  EXPECT_EQ(parse_documents(text).size(), model::all_kinds.size());
  Fields written;
  for (const reflect::YamlPiece& piece : reflect::split_yaml_documents(text)) {
    const reflect::Tree tree = reflect::parse_yaml(piece.text);
    add_fields_in(tree, find_document_kind(tree.find("kind")->text).type(), written);
  }
  Fields all;
  for (const char* kind : {"realm", "space", "stack", "cell"}) {
    add_fields(find_document_kind(kind).type(), all);
  }
  for (const auto& [type, name] : all) {
    EXPECT_TRUE(written.contains({type, name})) << name << " is missing in every-field.yaml";
  }
}

TEST(Examples, HaveAProfileThatCanBeUsed) {
  const auto passed = [](std::string_view name) {
    return name == "TASK" ? std::optional<std::string>{"tests"} : std::nullopt;
  };
  const auto nothing = [](std::string_view) { return std::optional<std::string>{}; };
  const CellProfile profile = read_cell_profile(
      read_file(KUKEON_TEST_SOURCE_DIR "/examples/profiles/agent.yaml"), passed, nothing);
  const ContainerSpec& agent = profile.spec.cell.containers.at(0);
  EXPECT_EQ(agent.args.back(), "echo \"working on tests\"");
  EXPECT_EQ(agent.resources->memory_limit_bytes, 268435456);
}

TEST(SchemaTestdata, HasTheGoldenDocuments) {
  const fs::path valid{KUKEON_TEST_SOURCE_DIR "/tests/schema/testdata/valid"};
  EXPECT_EQ(read_file(valid / "golden_cell.json"), golden::cell_json);
  EXPECT_EQ(read_file(valid / "golden_cell.yaml"), golden::cell_yaml);
}

}  // namespace
}  // namespace kukeon::v1beta1
