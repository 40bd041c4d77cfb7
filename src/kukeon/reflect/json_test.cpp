// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "kukeon/base/error_kinds.h"
#include "kukeon/reflect/test_documents.h"

namespace kukeon::reflect {
namespace {

using ::testing::ElementsAre;
using testing::Everything;
using ::testing::HasSubstr;

std::string refusal(std::string_view text) {
  try {
    parse_json(text);
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::decode_failed));
    return error.what();
  }
  return "no refusal";
}

std::string string_of(std::string_view text) { return parse_json(text).text; }

template <class T>
std::string written(const T& value) {
  JsonWriter writer;
  encode(writer, value);
  return writer.take();
}

TEST(ParseJson, KeepsTheLiteralTextOfNumbersAndTheOrderOfMembers) {
  const Tree tree = parse_json(R"( {"b": 1e2, "a": [-0.50, true, null, "x"]} )");
  ASSERT_EQ(tree.kind, Tree::Kind::map);
  EXPECT_EQ(tree.members[0].first, "b");
  EXPECT_EQ(tree.members[0].second.text, "1e2");
  const Tree& list = *tree.find("a");
  ASSERT_EQ(list.items.size(), 4);
  EXPECT_EQ(list.items[0].text, "-0.50");
  EXPECT_EQ(list.items[1].kind, Tree::Kind::boolean);
  EXPECT_EQ(list.items[2].kind, Tree::Kind::null);
  EXPECT_EQ(list.items[3].text, "x");
  EXPECT_EQ(tree.find("c"), nullptr);
}

TEST(ParseJson, ReadsEscapesAndReplacesWhatIsNotUnicode) {
  EXPECT_EQ(string_of(R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")"),
            "\"\\/\b\f\n\r\t\u00e9\U0001F600");
  EXPECT_EQ(string_of(R"("\ud800")"), "\uFFFD");
  EXPECT_EQ(string_of(R"("\ud800\u0041")"),
            "\uFFFD"
            "A");
  EXPECT_EQ(string_of(R"("\ude00\ud83d")"), "\uFFFD\uFFFD");
  EXPECT_EQ(string_of(R"("\\ud800")"), "\\ud800");
  EXPECT_EQ(string_of("\"a\xff\xfe\""), "a\uFFFD\uFFFD");
}

TEST(ParseJson, SaysWhereTheTextIsWrong) {
  EXPECT_THAT(refusal("{\"a\": 1,\n \"b\" 2}"), HasSubstr("line 2, column 6: "));
  EXPECT_THAT(refusal(""), HasSubstr("line 1, column 1: "));
}

TEST(ParseJson, RefusesWhatIsNotExactlyOneValue) {
  for (const char* bad : {"{} {}",     "{}x",
                          "[1,]",      "{\"a\":1,}",
                          "{,}",       "[1 2]",
                          "{\"a\" 1}", "{a:1}",
                          "'a'",       "01",
                          "+1",        ".5",
                          "1.",        "1e",
                          "0x1",       "NaN",
                          "tru",       "nul",
                          "-",         "\"a",
                          "\"\\x\"",   "\"\\u12\"",
                          "\"\\",      "\"a\nb\"",
                          "// c\n1",   "\xEF\xBB\xBF{}",
                          "[",         "{\"a\":",
                          "]"}) {
    EXPECT_THROW(parse_json(bad), Error) << bad;
  }
  EXPECT_THAT(refusal(std::string_view{"{}\0{}", 5}), HasSubstr("column 3: a NUL byte"));
}

TEST(ParseJson, NestsAsDeepAsGoDoesAndNoDeeper) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(parse_json(nested(10000)).kind, Tree::Kind::list);
  EXPECT_THAT(refusal(nested(10001)), HasSubstr("nested deeper than 10000"));
}

TEST(JsonWriter, EscapesAsGoDoes) {
  EXPECT_EQ(json_quote("<a> & \"b\" \\ /"), R"("\u003ca\u003e \u0026 \"b\" \\ /")");
  EXPECT_EQ(json_quote("\n\r\t\b\f\x01\x1f\x7f"), "\"\\n\\r\\t\\b\\f\\u0001\\u001f\x7f\"");
  EXPECT_EQ(json_quote("\u2028 \u2029 \u00e9 \U0001F600"), "\"\\u2028 \\u2029 \u00e9 \U0001F600\"");
  EXPECT_EQ(json_quote("a\xff"
                       "b\xe2\x80"),
            R"("a\ufffdb\ufffd\ufffd")");
  EXPECT_EQ(json_quote(""), "\"\"");
}

TEST(JsonWriter, WritesNumbersAsGoDoes) {
  EXPECT_EQ(written(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(written(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(written(0.0), "0");
  EXPECT_EQ(written(-1.5), "-1.5");
  EXPECT_EQ(written(100.0), "100");
  EXPECT_EQ(written(0.000001), "0.000001");
  EXPECT_EQ(written(1e-7), "1e-7");
  EXPECT_EQ(written(1.25e-10), "1.25e-10");
  EXPECT_EQ(written(1e20), "100000000000000000000");
  EXPECT_EQ(written(1e21), "1e+21");
  EXPECT_EQ(written(9223372036854775807.0), "9223372036854776000");
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_THROW(written(std::numeric_limits<double>::infinity()), Error);
}

TEST(JsonWriter, TellsNilFromEmpty) {
  EXPECT_EQ(written(StringList{}), "null");
  EXPECT_EQ(written(StringList::empty_list()), "[]");
  EXPECT_EQ(written(Labelset{}), "null");
  EXPECT_EQ(written(Labelset::empty_map()), "{}");
  EXPECT_EQ(written(Bytes{}), "null");
  EXPECT_EQ(written(Bytes{""}), "\"\"");
  EXPECT_EQ(written(std::optional<std::int64_t>{}), "null");
  EXPECT_EQ(written(JsonText{}), "null");
}

TEST(JsonWriter, SortsMapKeysBytewise) {
  Labelset labels;
  for (const char* key : {"b", "a", "B", "\u00e9", "a.b"}) labels[key] = "";
  EXPECT_EQ(written(labels), "{\"B\":\"\",\"a\":\"\",\"a.b\":\"\",\"b\":\"\",\"\u00e9\":\"\"}");
}

TEST(JsonWriter, IndentsAsGosMarshalIndent) {
  testing::Metadata value{.name = "x", .labels = {}};
  value.labels["a"] = "1";
  EXPECT_EQ(to_json(value, 2), "{\n  \"name\": \"x\",\n  \"labels\": {\n    \"a\": \"1\"\n  }\n}");
  value.labels = Labelset::empty_map();
  EXPECT_EQ(to_json(value, 2), "{\n  \"name\": \"x\",\n  \"labels\": {}\n}");
  EXPECT_EQ(to_json(StringList{"a", "b"}, 2), "[\n  \"a\",\n  \"b\"\n]");
  EXPECT_EQ(to_json(JsonText{R"({"a":[1,{}]})"}, 2), "{\n  \"a\": [\n    1,\n    {}\n  ]\n}");
}

TEST(Base64, IsReadAsGoReadsIt) {
  const auto bytes_of = [](std::string_view json) { return from_json<Bytes>(json).data; };
  EXPECT_EQ(bytes_of(R"("aGk=")"), "hi");
  EXPECT_EQ(bytes_of(R"("aGkx")"), "hi1");
  EXPECT_EQ(bytes_of(R"("aA==")"), "h");
  EXPECT_EQ(bytes_of(R"("")"), "");
  EXPECT_EQ(bytes_of(R"("a\r\nGk\n=\n")"), "hi");
  EXPECT_EQ(bytes_of(R"("aA=\n=")"), "h");
  EXPECT_EQ(bytes_of("[104,105,null]"), std::string_view("hi\0", 3));
  EXPECT_TRUE(from_json<Bytes>("null").is_null());
  EXPECT_FALSE(from_json<Bytes>(R"("")").is_null());
  EXPECT_FALSE(from_json<Bytes>("[]").is_null());
}

TEST(Base64, SaysWhereItIsWrong) {
  const auto cause = [](std::string_view json) -> std::string {
    try {
      from_json<Bytes>(json);
    } catch (const Error& error) {
      return error.what();
    }
    return "no refusal";
  };
  EXPECT_EQ(cause(R"("!!")"), "illegal base64 data at input byte 0");
  EXPECT_EQ(cause(R"("aGk!")"), "illegal base64 data at input byte 3");
  EXPECT_EQ(cause(R"("aGk")"), "illegal base64 data at input byte 0");
  EXPECT_EQ(cause(R"("aGkxaG")"), "illegal base64 data at input byte 4");
  EXPECT_EQ(cause(R"("a===")"), "illegal base64 data at input byte 1");
  EXPECT_EQ(cause(R"("aGk=x")"), "illegal base64 data at input byte 4");
  EXPECT_EQ(cause(R"("aGkx aGkx")"), "illegal base64 data at input byte 4");
  EXPECT_EQ(cause("[256]"), "[0]: 256 is out of range");
  EXPECT_EQ(cause("[1.0]"), "[0]: must be a whole number, not 1.0");
  EXPECT_EQ(cause("7"), "must be base64 text, not a number");
}

TEST(Base64, SurvivesEveryByteAndLength) {
  std::string data;
  for (int i = 0; i < 300; ++i) {
    const Bytes bytes{data};
    ASSERT_EQ(from_json<Bytes>(to_json(bytes)), bytes) << i;
    data += static_cast<char>(i * 7);
  }
}

class Splitter : public ::testing::Test {
 protected:
  // What comes out when the text arrives in pieces of `size` bytes.
  static std::vector<std::string> split(std::string_view text, std::size_t size) {
    JsonSplitter splitter{1000};
    std::vector<std::string> values;
    std::string value;
    for (std::size_t at = 0; at < text.size(); at += size) {
      splitter.append(text.substr(at, size));
      while (splitter.next(value)) values.push_back(value);
    }
    return values;
  }
};

TEST_F(Splitter, CutsValuesHoweverTheyArrive) {
  const std::string_view text =
      " {\"a\":\"}{\\\"\"}{\"b\":[1,{}]}\n[\"]\"] \"x\\\\\"12 null\ttrue\n{} ";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    EXPECT_THAT(split(text, size), ElementsAre(R"({"a":"}{\""})", R"({"b":[1,{}]})", R"(["]"])",
                                               R"("x\\")", "12", "null", "true", "{}"))
        << "in pieces of " << size;
  }
}

TEST_F(Splitter, KnowsWhetherAValueIsUnfinished) {
  JsonSplitter splitter{1000};
  std::string value;
  EXPECT_FALSE(splitter.in_value());
  splitter.append("{} \n");
  EXPECT_TRUE(splitter.next(value));
  EXPECT_FALSE(splitter.next(value));
  EXPECT_FALSE(splitter.in_value());
  splitter.append("{\"a\"");
  EXPECT_TRUE(splitter.in_value());
  EXPECT_FALSE(splitter.next(value));
  EXPECT_TRUE(splitter.in_value());
}

TEST_F(Splitter, RefusesWhatCannotStartAValue) {
  for (const char* bad : {"}", "]", ",", ":", "\x01", "\xff", "=", "A"}) {
    JsonSplitter splitter{1000};
    std::string value;
    splitter.append(bad);
    EXPECT_THROW(splitter.next(value), Error) << bad;
  }
}

TEST_F(Splitter, RefusesAValueLongerThanTheLimit) {
  JsonSplitter splitter{100};
  std::string value;
  splitter.append("\"" + std::string(98, 'x') + "\"");
  EXPECT_TRUE(splitter.next(value));
  splitter.append("\"" + std::string(99, 'x') + "\"");
  EXPECT_THROW(splitter.next(value), Error);

  JsonSplitter endless{100};
  endless.append("[" + std::string(100, ' '));
  EXPECT_THROW(endless.next(value), Error);
}

TEST_F(Splitter, ManyValuesInOnePieceComeOutInOrder) {
  JsonSplitter splitter{1 << 20};
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "{\"id\":" + std::to_string(i) + "}\n";
  splitter.append(text);
  std::string value;
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(splitter.next(value));
    ASSERT_EQ(value, "{\"id\":" + std::to_string(i) + "}");
  }
  EXPECT_FALSE(splitter.next(value));
}

}  // namespace
}  // namespace kukeon::reflect
