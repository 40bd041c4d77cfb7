// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/base/error_kinds.h"

namespace kukeon::model {
namespace {

using testing::HasSubstr;

Error refusal(Kind kind, std::string_view name) {
  try {
    check_name(kind, name);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "accepted " << name;
  return Error{kinds::unknown, ""};
}

TEST(CheckName, TrimsWhiteSpaceAroundAName) {
  EXPECT_EQ(check_name(Kind::cell, " \tweb-1.2\n"), "web-1.2");
}

TEST(CheckName, TakesUpperCaseDotsAndUtf8) {
  EXPECT_EQ(check_name(Kind::realm, "Prod.EU"), "Prod.EU");
  EXPECT_EQ(check_name(Kind::cell, "küche"), "küche");
}

TEST(CheckName, SaysWhichNameIsMissing) {
  const Error error = refusal(Kind::stack, "  ");
  EXPECT_TRUE(error.is(kinds::stack_name_required));
  EXPECT_EQ(error.message(), "stack name is required");
}

TEST(CheckName, RefusesSeparatorsWithTheWordsOfTheContract) {
  EXPECT_EQ(
      refusal(Kind::realm, "a_b").message(),
      R"(realm name is invalid: "a_b" contains disallowed character (must not contain '_' or '/'))");
  const Error error = refusal(Kind::cell, "a/b");
  EXPECT_TRUE(error.is(kinds::invalid_name));
  EXPECT_EQ(
      error.message(),
      R"(name is invalid: cell name "a/b" contains disallowed character (must not contain '_' or '/'))");
}

TEST(CheckName, RefusesWhatIsNoSafeDirectoryEntry) {
  using namespace std::string_view_literals;
  for (const std::string_view name : std::initializer_list<std::string_view>{
           ".", "..", ".hidden", "a\\b", "a b", "a\tb", "a\nb", "a\x01", "a\x7f", "a\0b"sv,
           "metadata.json", "secrets", "network.conflist", "etc-hosts"}) {
    EXPECT_TRUE(refusal(Kind::space, name).is(kinds::invalid_name)) << name;
  }
  EXPECT_THAT(refusal(Kind::space, "a\0b"sv).message(), HasSubstr(R"("a\x00b")"));
}

TEST(CheckName, RefusesNamesOfMoreThan128Bytes) {
  EXPECT_EQ(check_name(Kind::cell, std::string(128, 'a')).size(), 128U);
  const std::string message = refusal(Kind::cell, std::string(300, 'a')).message();
  EXPECT_THAT(message, HasSubstr("300 bytes long (at most 128)"));
  EXPECT_LT(message.size(), 120U);
}

TEST(CheckNames, JudgesEveryPartDownToTheDeepest) {
  EXPECT_EQ(check_names({.realm = " r", .space = "s "}), (Path{.realm = "r", .space = "s"}));
  EXPECT_THROW(check_names({.realm = "r", .stack = "t"}), Error);
}

TEST(Path, KnowsItsKindAndItsParents) {
  const Path cell{.realm = "r", .space = "s", .stack = "t", .cell = "c"};
  EXPECT_EQ(cell.kind(), Kind::cell);
  EXPECT_EQ(cell.name(), "c");
  EXPECT_EQ(cell.key(), "r/s/t/c");
  EXPECT_EQ(cell.parent().key(), "r/s/t");
  EXPECT_EQ(cell.up_to(Kind::space).key(), "r/s");
  EXPECT_EQ(Path{.realm = "r"}.parent(), Path{});
}

TEST(Path, ContainsWhatLiesBelowIt) {
  const Path space{.realm = "r", .space = "s"};
  EXPECT_TRUE(space.contains({.realm = "r", .space = "s", .stack = "t"}));
  EXPECT_TRUE(space.contains(space));
  EXPECT_FALSE(space.contains({.realm = "r", .space = "s2", .stack = "t"}));
  EXPECT_FALSE(space.contains({.realm = "r"}));
  EXPECT_TRUE(Path{}.contains(space));
}

TEST(Identifiers, AreThoseOfTheContract) {
  EXPECT_EQ(containerd_namespace("default"), "default.kukeon.io");
  EXPECT_EQ(container_id("s", "t", "c", "app"), "s_t_c_app");
  EXPECT_EQ(root_container_id("s", "t", "c"), "s_t_c_root");
  EXPECT_EQ(container_id_prefix("s", "t", "c"), "s_t_c_");
  EXPECT_EQ(network_name("default", "default"), "default-default");
  EXPECT_EQ(bridge_name("default-default"), "k-703e8b3a");
  EXPECT_EQ(bridge_name(""), "");
}

TEST(Identifiers, PlaceACgroupBelowTheConfiguredRoot) {
  EXPECT_EQ(cgroup_group("/kukeon", {.realm = "r", .space = "s", .stack = "t", .cell = "c"}),
            "/kukeon/r/s/t/c");
  EXPECT_EQ(cgroup_group("/k", {.realm = "r"}), "/k/r");
  EXPECT_EQ(cgroup_group("/k", {}), "/k");
}

TEST(Identifiers, KnowOurNamespaces) {
  EXPECT_TRUE(is_our_namespace("default.kukeon.io"));
  EXPECT_FALSE(is_our_namespace(".kukeon.io"));
  EXPECT_FALSE(is_our_namespace("kukeon.io"));
  EXPECT_FALSE(is_our_namespace("k8s.io"));
  EXPECT_FALSE(is_our_namespace("xkukeon.io"));
}

TEST(Identifiers, MustBeOnesThatContainerdTakes) {
  EXPECT_NO_THROW(check_containerd_identifier("container id", "s_t_c-1_app.x"));
  for (const std::string& id :
       {std::string{}, std::string{"a--b"}, std::string{"a-_b"}, std::string{"-a"},
        std::string{"a."}, std::string{"ä"}, std::string(77, 'a')}) {
    EXPECT_THROW(check_containerd_identifier("container id", id), Error) << id;
  }
}

TEST(Labels, AreManagedByTheirEnding) {
  EXPECT_TRUE(is_managed_label("realm.kukeon.io"));
  EXPECT_FALSE(is_managed_label("kukeon.io/profile"));
  EXPECT_FALSE(is_managed_label("app"));
}

TEST(Kinds, AreReadAsDocumentsWriteThem) {
  EXPECT_EQ(parse_kind("Cell"), Kind::cell);
  EXPECT_EQ(parse_kind("cell"), std::nullopt);
  EXPECT_EQ(lower_word_of(Kind::container), "container");
  EXPECT_EQ(not_found(Kind::space), kinds::space_not_found);
}

}  // namespace
}  // namespace kukeon::model
