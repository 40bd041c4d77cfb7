// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>
#include <typeindex>

#include "kukeon/base/error_kinds.h"
#include "kukeon/reflect/arbitrary.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/yaml.h"
#include "kukeon/v1beta1/documents.h"
#include "kukeon/v1beta1/local_documents.h"
#include "kukeon/v1beta1/scheme.h"

namespace kukeon::v1beta1 {
namespace {

using reflect::from_json;
using reflect::from_yaml;
using reflect::to_json;
using reflect::to_yaml;
using reflect::testing::Arbitrary;
using reflect::testing::for_each_struct;
using reflect::testing::Rewriter;

constexpr std::uint32_t values_per_type = 200;
constexpr std::uint32_t rewritings_per_type = 40;

// Calls check.operator()<T>() once for every document and every struct that occurs in one.
void for_each_type(auto&& check) {
  std::set<std::type_index> seen;
  const auto once = [&]<class T>() {
    if (!seen.insert(typeid(T)).second) return;
    SCOPED_TRACE(typeid(T).name());
    check.template operator()<T>();
  };
  for_each_struct<RealmDoc>(once);
  for_each_struct<SpaceDoc>(once);
  for_each_struct<StackDoc>(once);
  for_each_struct<CellDoc>(once);
  for_each_struct<ContainerDoc>(once);
  for_each_struct<CellProfile>(once);
  for_each_struct<ServerConfiguration>(once);
  for_each_struct<ClientConfiguration>(once);
}

TEST(GeneratedValues, CoverEveryDocumentAndItsParts) {
  std::set<std::type_index> types;
  for_each_type([&]<class T>() { types.insert(typeid(T)); });
  for (const std::type_index each :
       {std::type_index{typeid(CellDoc)}, std::type_index{typeid(EgressAllowRule)},
        std::type_index{typeid(VolumeMount)}, std::type_index{typeid(ContainerStatus)}}) {
    EXPECT_TRUE(types.contains(each)) << each.name();
  }
  EXPECT_GE(types.size(), 31U);
}

TEST(GeneratedValues, ReadBackFromJsonAndAreWrittenTheSame) {
  for_each_type([]<class T>() {
    for (std::uint32_t seed = 0; seed < values_per_type; ++seed) {
      const T value = Arbitrary{seed}.value<T>();
      for (const int indent : {0, 2}) {
        const std::string text = to_json(value, indent);
        const T again = from_json<T>(text, reflect::UnknownFields::report);
        ASSERT_EQ(again, value) << "seed " << seed << ": " << text;
        ASSERT_EQ(to_json(again, indent), text) << "seed " << seed;
      }
    }
  });
}

TEST(GeneratedValues, ReadBackFromYamlAndAreWrittenTheSame) {
  for_each_type([]<class T>() {
    for (std::uint32_t seed = 0; seed < values_per_type; ++seed) {
      const T value = Arbitrary{seed}.value<T>();
      const int indent = seed % 2 == 0 ? 2 : 4;
      const std::string text = to_yaml(value, indent);
      const T again = from_yaml<T>(text);
      ASSERT_EQ(again, value) << "seed " << seed << ":\n" << text;
      ASSERT_EQ(to_yaml(again, indent), text) << "seed " << seed;
    }
  });
}

void expect_no_change(Rewriter::Rules rules) {
  for_each_type([&]<class T>() {
    for (std::uint32_t seed = 0; seed < rewritings_per_type; ++seed) {
      Arbitrary source{seed};
      const T value = source.value<T>();
      const std::string text = Rewriter{source, rules}.rewrite(value);
      ASSERT_EQ(to_json(from_json<T>(text)), to_json(value)) << "seed " << seed << ": " << text;
    }
  });
}

TEST(RewrittenJson, MeansTheSameWithKeysInAnotherCase) { expect_no_change({.case_of_keys = true}); }

TEST(RewrittenJson, MeansTheSameWithUnknownMembers) { expect_no_change({.unknown_members = true}); }

TEST(RewrittenJson, MeansTheSameWithNullsThatTakeNothingAway) { expect_no_change({.nulls = true}); }

TEST(RewrittenJson, MeansTheSameWithMembersGivenTwice) { expect_no_change({.duplicates = true}); }

TEST(RewrittenJson, MeansTheSameWithAllOfThis) {
  expect_no_change(
      {.case_of_keys = true, .unknown_members = true, .nulls = true, .duplicates = true});
}

// Makes true what conversion checks (model.md 4.3); all else stays as it came.
void make_convertible(auto& spec) { static_cast<void>(spec); }

void make_convertible(ContainerSpec& container) {
  container.attachable = container.attachable || container.tty.has_value();
}

void make_convertible(CellSpec& spec) {
  std::string root;
  std::string shell;
  for (std::size_t i = 0; i < spec.containers.size(); ++i) {
    ContainerSpec& container = spec.containers[i];
    make_convertible(container);
    container.id += std::to_string(i);
    container.root = container.root && root.empty();
    if (container.root) root = container.id;
    if (container.attachable) shell = container.id;
  }
  if (!spec.root_container_id.empty()) spec.root_container_id = root;
  if (spec.tty) spec.tty->default_container = shell;
}

template <class Doc>
void expect_stable_conversion() {
  for (std::uint32_t seed = 0; seed < values_per_type; ++seed) {
    Doc doc = Arbitrary{seed}.value<Doc>();
    doc.api_version = seed % 2 == 0 ? "" : api_version_v1beta1;
    make_convertible(doc.spec);
    const Doc once = from_model(to_model(doc));
    const Doc twice = from_model(to_model(once));
    ASSERT_EQ(to_json(twice), to_json(once)) << "seed " << seed << ": " << to_json(doc);
    ASSERT_EQ(once.metadata, doc.metadata) << "seed " << seed;
    // In containers an empty terminal goes, and in their documents the containerd id.
    if constexpr (!std::is_same_v<Doc, CellDoc> && !std::is_same_v<Doc, ContainerDoc>) {
      ASSERT_EQ(once.spec, doc.spec) << "seed " << seed;
    }
  }
}

TEST(Conversion, ChangesNothingAfterTheFirstTime) {
  expect_stable_conversion<RealmDoc>();
  expect_stable_conversion<SpaceDoc>();
  expect_stable_conversion<StackDoc>();
  expect_stable_conversion<CellDoc>();
  expect_stable_conversion<ContainerDoc>();
}

TEST(Conversion, OfAnyCellIsDoneOrRefusedWithAReason) {
  for (std::uint32_t seed = 0; seed < values_per_type; ++seed) {
    CellDoc doc = Arbitrary{seed}.value<CellDoc>();
    doc.api_version.clear();
    try {
      const CellDoc once = from_model(to_model(doc));
      ASSERT_EQ(to_json(from_model(to_model(once))), to_json(once)) << "seed " << seed;
    } catch (const Error& error) {
      ASSERT_TRUE(error.is(kinds::conversion_failed)) << "seed " << seed << ": " << error.what();
    }
  }
}

}  // namespace
}  // namespace kukeon::v1beta1
