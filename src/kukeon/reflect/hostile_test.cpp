// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <chrono>

#include "kukeon/base/error_kinds.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/test_documents.h"
#include "kukeon/reflect/yaml.h"

namespace kukeon::reflect {
namespace {

using testing::Everything;
using ::testing::HasSubstr;

// Input that another process wrote to hurt us: refused, with a reason, before it costs anything.
class Hostile : public ::testing::Test {
 protected:
  // Generous: a sanitizer on a busy machine still has to pass.
  static constexpr std::chrono::seconds quick{20};

  static std::string refusal(auto&& body) {
    const auto start = std::chrono::steady_clock::now();
    std::string cause = "no refusal";
    try {
      body();
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::decode_failed));
      cause = error.what();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, quick);
    EXPECT_LT(cause.size(), 400);
    return cause;
  }
  static std::string json(std::string_view text) {
    return refusal([&] { from_json<Everything>(text); });
  }
  static std::string yaml(std::string_view text) {
    return refusal([&] { from_yaml<Everything>(text); });
  }
  static std::string repeated(std::string_view piece, std::size_t count) {
    std::string out;
    out.reserve(piece.size() * count);
    for (std::size_t i = 0; i < count; ++i) out += piece;
    return out;
  }
};

TEST_F(Hostile, TenMegabytesOfBrackets) {
  const std::string brackets(10'000'000, '[');
  EXPECT_THAT(json(brackets), HasSubstr("nested deeper than 10000"));
  EXPECT_EQ(yaml(brackets), "the document is larger than 4194304 bytes");
  EXPECT_EQ(yaml(brackets.substr(0, 4'000'000)), "line 1, column 10001: nested too deeply");
  EXPECT_EQ(yaml(brackets.substr(0, 9'000)), "line 1, column 1: nested too deeply");
  EXPECT_NE(json(std::string(10'000'000, ']')), "no refusal");
}

TEST_F(Hostile, AHundredThousandLevels) {
  EXPECT_THAT(json(repeated("{\"a\":", 100'000)), HasSubstr("nested deeper than 10000"));
  EXPECT_NE(yaml(repeated("- ", 100'000)), "no refusal");
  EXPECT_NE(yaml(repeated("? ", 100'000)), "no refusal");
  EXPECT_NE(yaml(repeated("{a: ", 100'000)), "no refusal");
  EXPECT_NE(yaml(repeated("[{", 100'000)), "no refusal");
}

TEST_F(Hostile, ADeepValueInAFieldNobodyKnowsIsPassedOver) {
  const std::string deep = repeated("[", 9990) + repeated("]", 9990);
  EXPECT_EQ(from_json<Everything>("{\"later\":" + deep + ",\"text\":\"a\"}").text, "a");
  EXPECT_EQ(from_json<Everything>("{\"raw\":" + deep + "}").raw.text, deep);
}

TEST_F(Hostile, AnAliasBomb) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i) + repeated(fmt::format("*a{}, ", i - 1), 9) + "]\n";
  }
  EXPECT_THAT(yaml(bomb), HasSubstr("the aliases of this document expand to too much"));
}

TEST_F(Hostile, AnAliasedGiantString) {
  const std::string text =
      "a: &a \"" + std::string(100'000, 'x') + "\"\nb: [" + repeated("*a, ", 1000) + "]\n";
  EXPECT_THAT(yaml(text), HasSubstr("expand to too much"));
}

TEST_F(Hostile, ALadderOfAliasesDoesNotNestForever) {
  std::string ladder = "a0: &a0 [x]\n";
  for (int i = 1; i < 2000; ++i) ladder += fmt::format("a{}: &a{} [*a{}]\n", i, i, i - 1);
  EXPECT_NE(yaml(ladder), "no refusal");
}

TEST_F(Hostile, NestedAnchorsAreNotCopiedForever) {
  std::string anchors = "a: ";
  for (int i = 0; i < 400; ++i) anchors += fmt::format("&x{} [", i);
  EXPECT_NE(yaml(anchors + std::string(100'000, ',')), "no refusal");
}

TEST_F(Hostile, BytesThatAreNotText) {
  EXPECT_EQ(yaml("text: a\n# \xff\n"), "line 2, column 3: this is not UTF-8");
  EXPECT_EQ(yaml(std::string{"text: a\0b\n", 10}),
            "line 1, column 8: control characters are not allowed");
  EXPECT_EQ(yaml("text: a\nx: \x04\n"), "line 2, column 4: control characters are not allowed");
  EXPECT_NE(yaml(std::string{"t\0e\0x\0t\0", 8}), "no refusal");
  EXPECT_THAT(json(std::string{"{\"text\":\"a\0b\"}", 14}), HasSubstr("a NUL byte"));
  EXPECT_NE(json("{\"text\":\"a\x01\"}"), "no refusal");
  EXPECT_EQ(from_json<Everything>("{\"text\":\"\xff\"}").text, "\uFFFD");
}

TEST_F(Hostile, NumbersBeyondEveryRange) {
  EXPECT_NE(json(R"({"real":1e400})"), "no refusal");
  EXPECT_NE(json("{\"wide\":" + std::string(1'000'000, '9') + "}"), "no refusal");
  EXPECT_NE(json("{\"real\":0." + std::string(1'000'000, '0') + "x}"), "no refusal");
  EXPECT_NE(json(R"({"real":1e-400})"), "no refusal");
  EXPECT_NE(yaml("real: 1e400\n"), "no refusal");
  EXPECT_NE(yaml("wide: " + std::string(1'000'000, '9') + "\n"), "no refusal");
  EXPECT_NE(yaml("wide: 0x" + std::string(1'000'000, 'f') + "\n"), "no refusal");
  EXPECT_NE(json(R"({"real":1e99999999999999999999})"), "no refusal");
}

TEST_F(Hostile, BracketsThatCloseNothing) {
  for (const char* text :
       {"}", "]", "{}}", "[]]", "{a: 1}}\n", "a: 1\n}\n", "a: [1]]\n", ",", "a: 1\n,\n"}) {
    EXPECT_NE(refusal([&] { parse_yaml(text); }), "no refusal") << text;
  }
}

TEST_F(Hostile, EscapesThatStopHalfWay) {
  for (const char* text : {"\"\\", "\"\\u", "\"\\u0", "\"\\ud83d", "\"\\ud83d\\", "\"\\ud83d\\u",
                           "\"\\ud83d\\ude0", "\"\\ud83d\\ude0\"", "\"\\u00g0\""}) {
    EXPECT_NE(refusal([&] { parse_json(text); }), "no refusal") << text;
    EXPECT_NE(yaml(std::string{"text: "} + text + "\n"), "no refusal") << text;
  }
}

TEST_F(Hostile, ManyMembersAndManyProblemsStayCheap) {
  std::string object = "{";
  for (int i = 0; i < 30'000; ++i) object += fmt::format("\"k{}\":{},", i, i);
  object += "\"z\":0}";
  EXPECT_EQ(json(object), "no refusal");
  std::string map;
  for (int i = 0; i < 5'000; ++i) map += fmt::format("k{}: {}\n", i, i);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THROW(from_yaml<Everything>(map), Error);
  EXPECT_LT(std::chrono::steady_clock::now() - start, quick);
}

TEST_F(Hostile, MoreValuesThanADocumentHas) {
  EXPECT_THAT(json("{\"later\":[" + repeated("1,", most_values) + "1]}"),
              HasSubstr("more than 50000 values"));
  EXPECT_EQ(yaml("words:\n" + repeated("- a\n", most_values + 1)),
            "line 50002, column 3: more than 50000 values");
  // A frame holds as many as its length allows.
  EXPECT_EQ(parse_json("[" + repeated("1,", most_values) + "1]").items.size(), most_values + 1);
}

TEST_F(Hostile, ALineThatNeverEnds) {
  EXPECT_THAT(yaml("text: \"" + std::string(600'000, 'x') + "\"\n"),
              HasSubstr("more than 524288 bytes in one line"));
}

TEST_F(Hostile, AStreamThatNeverEndsAValue) {
  JsonSplitter splitter{1 << 20};
  std::string value;
  EXPECT_THROW(
      {
        for (int i = 0; i < 1000; ++i) {
          splitter.append(std::string(10'000, i == 0 ? '"' : 'x'));
          while (splitter.next(value)) {
          }
        }
      },
      Error);
}

TEST_F(Hostile, AStreamOfSingleBytesIsScannedOnce) {
  JsonSplitter splitter{1 << 24};
  std::string value;
  const auto start = std::chrono::steady_clock::now();
  splitter.append("[\"");
  for (int i = 0; i < 1'000'000; ++i) {
    splitter.append("x");
    ASSERT_FALSE(splitter.next(value));
  }
  splitter.append("\"]");
  EXPECT_TRUE(splitter.next(value));
  EXPECT_LT(std::chrono::steady_clock::now() - start, quick);
}

}  // namespace
}  // namespace kukeon::reflect
