// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <typeindex>

#include "kukeon/base/error.h"
#include "kukeon/reflect/arbitrary.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/test_documents.h"
#include "kukeon/reflect/yaml.h"

namespace kukeon::reflect {
namespace {

using testing::Arbitrary;
using testing::Everything;
using testing::Rewriter;

TEST(RoundTrip, JsonOfAnyValueReadsBackAndIsWrittenTheSame) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const auto value = Arbitrary{seed}.value<Everything>();
    const std::string text = to_json(value);
    const auto again = from_json<Everything>(text);
    ASSERT_EQ(again, value) << "seed " << seed << ": " << text;
    ASSERT_EQ(to_json(again), text) << "seed " << seed;
    ASSERT_EQ(from_json<Everything>(to_json(value, 2)), value) << "seed " << seed;
  }
}

TEST(RoundTrip, YamlOfAnyValueReadsBackAndIsWrittenTheSame) {
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    const auto value = Arbitrary{seed}.value<Everything>();
    for (const int indent : {2, 4}) {
      const std::string text = to_yaml(value, indent);
      const auto again = from_yaml<Everything>(text);
      ASSERT_EQ(again, value) << "seed " << seed << ":\n" << text;
      ASSERT_EQ(to_yaml(again, indent), text) << "seed " << seed;
    }
  }
}

TEST(RoundTrip, AnyRewritingThatKeepsTheMeaningReadsTheSame) {
  const Rewriter::Rules rules{
      .case_of_keys = true, .unknown_members = true, .nulls = true, .duplicates = true};
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Arbitrary source{seed};
    const auto value = source.value<Everything>();
    const std::string text = Rewriter{source, rules}.rewrite(value);
    ASSERT_EQ(to_json(from_json<Everything>(text)), to_json(value))
        << "seed " << seed << ": " << text;
  }
}

TEST(RoundTrip, TheVisitOfStructsFindsThoseInListsMapsAndOptionals) {
  std::set<std::type_index> found;
  testing::for_each_struct<Everything>([&]<class T>() { found.insert(typeid(T)); });
  const std::set<std::type_index> expected{typeid(Everything), typeid(testing::Stage),
                                           typeid(testing::Network)};
  EXPECT_EQ(found, expected);
}

TEST(RoundTrip, NilAndEmptySurviveJson) {
  for (const char* text : {"null", "[]", "[null]"}) {
    EXPECT_EQ(to_json(from_json<List<StringList>>(text)), text);
  }
  for (const char* text : {"null", "{}", R"({"a":null,"b":[]})"}) {
    EXPECT_EQ(to_json(from_json<Map<StringList>>(text)), text);
  }
}

TEST(RoundTrip, EveryTruncationOfATextIsRefusedOrReadsCleanly) {
  const auto value = Arbitrary{3}.value<Everything>();
  const std::string json = to_json(value);
  for (std::size_t n = 0; n < json.size(); ++n) {
    EXPECT_THROW(parse_json(json.substr(0, n)), Error) << n;
  }
  const std::string yaml = to_yaml(value);
  for (std::size_t n = 0; n < yaml.size(); ++n) {
    try {
      parse_yaml(yaml.substr(0, n));
    } catch (const Error&) {
    }
  }
}

TEST(RoundTrip, FlippedBytesAreRefusedOrReadCleanly) {
  std::mt19937 engine{5};
  const auto value = Arbitrary{4}.value<Everything>();
  const std::string json = to_json(value);
  const std::string yaml = to_yaml(value);
  for (int i = 0; i < 60; ++i) {
    for (std::string text : {json, yaml}) {
      text[engine() % text.size()] = static_cast<char>(engine());
      try {
        from_json<Everything>(text);
      } catch (const Error&) {
      }
      try {
        from_yaml<Everything>(text);
      } catch (const Error&) {
      }
    }
  }
}

}  // namespace
}  // namespace kukeon::reflect
