// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "kukeon/base/error_kinds.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/test_documents.h"

namespace kukeon::reflect {
namespace {

using ::testing::ElementsAre;
using testing::Everything;
using ::testing::HasSubstr;
using testing::Stage;

std::string refusal(std::string_view text) {
  try {
    parse_yaml(text);
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::decode_failed));
    return error.what();
  }
  return "no refusal";
}

// `s: <how it is written>`
std::string written(const std::string& text) {
  YamlWriter writer;
  writer.begin_map();
  writer.key("s");
  writer.string(text);
  writer.end_map();
  return writer.take();
}

std::string read_back(const std::string& yaml) {
  const Tree tree = parse_yaml(yaml);
  EXPECT_EQ(tree.members.at(0).second.kind, Tree::Kind::string) << yaml;
  return tree.members.at(0).second.text;
}

TEST(YamlWriter, LeavesPlainWhatReadsBackAsAString) {
  for (const char* text : {"web",      "docker.io/library/busybox:latest",
                           "a:b",      "a#b",
                           "K=V",      "http://x:80/y",
                           "/data",    "a b",
                           "$HOME",    "-x",
                           "--flag",   ":x",
                           "?x",       "a, b",
                           "a[0]",     "x{a}",
                           "null-ish", "yesterday",
                           "1e400",    "12:60",
                           "0x",       "1.2.3",
                           "v1",       "2026-13-01",

                           "=",        "zelle \u00e9 \u65e5",
                           "a\\b",     "say \"hi\"",
                           "it's",     "1,000",
                           "_1"}) {
    EXPECT_EQ(written(text), std::string{"s: "} + text + "\n");
    EXPECT_EQ(read_back(written(text)), text);
  }
}

TEST(YamlWriter, DoubleQuotesWhatWouldReadAsAnotherType) {
  for (const char* text : {"",
                           "~",
                           "null",
                           "Null",
                           "NULL",
                           "true",
                           "True",
                           "FALSE",
                           "y",
                           "Y",
                           "n",
                           "N",
                           "yes",
                           "Yes",
                           "NO",
                           "on",
                           "Off",
                           "0",
                           "1",
                           "-1",
                           "+1",
                           "0755",
                           "0x1f",
                           "0o17",
                           "0b11",
                           "1_000",
                           "08",
                           "1.5",
                           ".5",
                           "5.",
                           "1e3",
                           ".inf",
                           "-.Inf",
                           ".nan",
                           "12:30",
                           "1:30:59.5",
                           "3600",
                           "1__0",
                           "-0",
                           "1E5",
                           "+.inf",
                           "2026-05-14",
                           "2026-5-4",
                           "100000000000000000000",
                           "2026-05-14T21:10:38Z",
                           "2026-05-14 21:10:38",
                           "<<"}) {
    EXPECT_EQ(written(text), std::string{"s: \""} + text + "\"\n");
    EXPECT_EQ(read_back(written(text)), text);
  }
}

TEST(YamlWriter, SingleQuotesOtherSpecials) {
  for (const char* text : {"> ", "#x", "a #b", "a: b", "a:", "- x", "-",    "? x", ":",  ",x",
                           "[x", "]x", "{x",   "}x",   "&x", "*x",  "!x",   "|",   ">x", "\"x",
                           "%x", "@x", "`x",   " x",   "x ", "---", "---x", "...", "%"}) {
    EXPECT_EQ(written(text), std::string{"s: '"} + text + "'\n");
    EXPECT_EQ(read_back(written(text)), text);
  }
  EXPECT_EQ(written("'x"), "s: '''x'\n");
  EXPECT_EQ(written("a: 'b'"), "s: 'a: ''b'''\n");
}

TEST(YamlWriter, EscapesWhatCannotStandInTheText) {
  EXPECT_EQ(written("a\tb"), "s: \"a\\tb\"\n");
  EXPECT_EQ(written(std::string{"\0\a\b\v\f\r\x1b\x01\x7f", 9}),
            "s: \"\\0\\a\\b\\v\\f\\r\\e\\x01\\x7F\"\n");
  EXPECT_EQ(written("\u2028\u2029\uFEFF"), "s: \"\\L\\P\\uFEFF\"\n");
  EXPECT_EQ(written("\U0001F600"), "s: \"\\U0001F600\"\n");
  EXPECT_EQ(written("\t\"\\"), "s: \"\\t\\\"\\\\\"\n");
  EXPECT_EQ(written("a\xff"), "s: !!binary Yf8=\n");
  EXPECT_EQ(read_back(written("a\xff")), "a\xff");
}

TEST(YamlWriter, WritesLinesAsABlock) {
  EXPECT_EQ(written("a\nb"), "s: |-\n    a\n    b\n");
  EXPECT_EQ(written("a\nb\n"), "s: |\n    a\n    b\n");
  EXPECT_EQ(written("a\n\n  b\n\n"), "s: |+\n    a\n\n      b\n\n");
  EXPECT_EQ(written("#!/bin/sh\n\techo hi\n"), "s: |\n    #!/bin/sh\n    \techo hi\n");
  EXPECT_EQ(written(" a\nb"), "s: \" a\\nb\"\n");
  EXPECT_EQ(written("a \nb"), "s: \"a \\nb\"\n");
  EXPECT_EQ(written("\n"), "s: \"\\n\"\n");
  for (const char* text : {"a\nb", "a\nb\n", "a\n\n  b\n\n", " a\nb", "a \nb", "\n", "\n\n", "a\n ",
                           "a\n\n\n", "- a\n- b\n", "a: b\n# c\n", "\na"}) {
    EXPECT_EQ(read_back(written(text)), text);
  }
}

TEST(YamlWriter, IndentsAsYamlV3DoesAtFourAndAtTwo) {
  Everything value;
  value.table.push_back({"a", "b"});
  value.stages.push_back({"x"});
  value.stages.push_back({"two\nlines"});
  value.groups["g"].push_back(1);
  YamlWriter four{4};
  four.begin_map();
  four.key("table");
  encode(four, value.table);
  four.key("stages");
  encode(four, value.stages);
  four.key("groups");
  encode(four, value.groups);
  four.end_map();
  EXPECT_EQ(four.take(),
            "table:\n"
            "    - - a\n"
            "      - b\n"
            "stages:\n"
            "    - script: x\n"
            "    - script: |-\n"
            "        two\n"
            "        lines\n"
            "groups:\n"
            "    g:\n"
            "        - 1\n");

  EXPECT_EQ(to_yaml(List<testing::Tty>{{.prompt = "p", .on_init = {{"x"}}, .log_file = ""}}, 2),
            "- prompt: p\n"
            "  onInit:\n"
            "    - script: x\n");
}

TEST(YamlWriter, WritesScalarsAndEmptyThingsAtTheTop) {
  EXPECT_EQ(to_yaml(std::string{"x"}), "x\n");
  EXPECT_EQ(to_yaml(StringList{}), "[]\n");
  EXPECT_EQ(to_yaml(Labelset{}), "{}\n");
  EXPECT_EQ(to_yaml(testing::Network{}), "{}\n");
  EXPECT_EQ(to_yaml(List<testing::Network>{{}, {}}), "- {}\n- {}\n");
  EXPECT_EQ(to_yaml(List<StringList>{{}, {"a"}}), "- []\n- - a\n");
}

TEST(YamlWriter, WritesNumbersAsYamlV3Does) {
  const auto yaml = [](double value) { return to_yaml(value); };
  EXPECT_EQ(yaml(1.5), "1.5\n");
  EXPECT_EQ(yaml(100000), "100000\n");
  EXPECT_EQ(yaml(1e6), "1e+06\n");
  EXPECT_EQ(yaml(1234567), "1.234567e+06\n");
  EXPECT_EQ(yaml(0.0001), "0.0001\n");
  EXPECT_EQ(yaml(0.00001), "1e-05\n");
  EXPECT_EQ(yaml(std::numeric_limits<double>::infinity()), ".inf\n");
  EXPECT_EQ(yaml(-std::numeric_limits<double>::infinity()), "-.inf\n");
}

TEST(YamlWriter, QuotesKeysAsItQuotesStrings) {
  Labelset labels;
  for (const char* key : {"", "y", "1", "a: b", "<<", "two\nlines", "kukeon.io/profile"}) {
    labels[key] = "v";
  }
  labels[std::string(200, 'k')] = "v";
  const std::string yaml = to_yaml(labels);
  EXPECT_EQ(yaml,
            "\"\": v\n"
            "\"1\": v\n"
            "\"<<\": v\n"
            "'a: b': v\n"
            "? " +
                std::string(200, 'k') +
                "\n: v\n"
                "kukeon.io/profile: v\n"
                "? |-\n    two\n    lines\n: v\n"
                "\"y\": v\n");
  EXPECT_EQ(from_yaml<Labelset>(yaml), labels);
}

TEST(YamlWriter, TurnsJsonTextIntoYaml) {
  EXPECT_EQ(to_yaml(JsonText{R"({"a":[1,"2",{"b":null}],"c":{}})"}),
            "a:\n    - 1\n    - \"2\"\n    - b: null\nc: {}\n");
}

TEST(ParseYaml, MarksSayWhereThingsStand) {
  const Tree tree = parse_yaml("a: 1\nb:\n  - x\n  - c: y\n");
  EXPECT_EQ(tree.member_marks[1].line, 2);
  const Tree& list = *tree.find("b");
  EXPECT_EQ(list.items[0].mark.line, 3);
  EXPECT_EQ(list.items[0].mark.column, 5);
  EXPECT_EQ(list.items[1].find("c")->mark.line, 4);
  EXPECT_EQ(parse_yaml("a: 1\n", 40).member_marks[0].line, 40);
}

TEST(ParseYaml, TellsPlainFromQuoted) {
  const Tree tree = parse_yaml("[5, \"5\", '5', !!str 5, true, \"true\", ~, \"~\", , x]");
  std::vector<Tree::Kind> kinds;
  for (const Tree& item : tree.items) kinds.push_back(item.kind);
  using enum Tree::Kind;
  EXPECT_THAT(kinds, ElementsAre(number, string, string, string, boolean, string, null, string,
                                 null, string));
}

TEST(ParseYaml, AnEmptyTextIsNull) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "---\n...\n"}) {
    EXPECT_EQ(parse_yaml(text).kind, Tree::Kind::null) << text;
  }
}

TEST(ParseYaml, RefusesADuplicateKeyAndNamesBothLines) {
  EXPECT_EQ(refusal("a: 1\nb: 2\na: 3\n"),
            "line 3, column 1: mapping key \"a\" already defined at line 1");
  EXPECT_EQ(refusal("x:\n  - {k: 1, \"k\": 2}\n"),
            "line 2, column 12: mapping key \"k\" already defined at line 2");
}

TEST(ParseYaml, SaysWhereTheTextIsWrong) {
  EXPECT_THAT(refusal("a: 1\nb: [1, 2\nc: 3\n"), HasSubstr("line "));
  EXPECT_THAT(refusal("a: b: c\n"), HasSubstr("line 1, column "));
  for (const char* bad :
       {"a: *nope\n", "\ta: 1\n", "a: \"x\n", "a: 'x\n", "a: [\n", "a: {\n", "a: @x\n", "a: `x\n",
        "a: %x\n", "a: \"\\q\"\n", "a: 1\n b: 2\n", "- a\nb: c\n", "{a: 1}}\n", "[a: [x\n",
        "? [a]\n: b\n", "~: x\n", "a: !!int x\n", "a: !!binary '!!'\n"}) {
    EXPECT_NE(refusal(bad), "no refusal") << bad;
  }
}

TEST(ParseYaml, RefusesASecondDocument) {
  EXPECT_EQ(
      refusal("a: 1\n--- # not a separator\nb: 2\n"),
      "line 3, column 1: a second document: separate documents by a line that holds only ---");
  EXPECT_EQ(parse_yaml("a: 1\n---\n").kind, Tree::Kind::map);
  EXPECT_EQ(parse_yaml("---\na: 1\n...\n").kind, Tree::Kind::map);
}

TEST(ParseYaml, FollowsAnchorsAndAliases) {
  const Tree tree = parse_yaml("a: &x {k: v}\nb: *x\nc: [*x, &y 5, *y]\n&z d: *z\n");
  EXPECT_EQ(to_json(tree), R"({"a":{"k":"v"},"b":{"k":"v"},"c":[{"k":"v"},5,5],"d":"d"})");
  EXPECT_EQ(refusal("a: &x [*x]\n"), "line 1, column 8: an anchor's value contains itself");
}

TEST(ParseYaml, MergesMapsUnderTheirOwnMembers) {
  EXPECT_EQ(to_json(parse_yaml("base: &b {image: x, user: root}\nc:\n  <<: *b\n  user: me\n")),
            R"({"base":{"image":"x","user":"root"},"c":{"user":"me","image":"x"}})");
  EXPECT_EQ(to_json(parse_yaml("c: {<<: [{a: 1}, {a: 2, b: 2}], c: 3}\n")),
            R"({"c":{"c":3,"a":1,"b":2}})");
  EXPECT_EQ(to_json(parse_yaml("c: {\"<<\": 1}\n")), R"({"c":{"\u003c\u003c":1}})");
  EXPECT_EQ(refusal("c: {<<: 5}\n"),
            "line 1, column 9: map merge requires a map or a list of maps as the value");
}

TEST(ParseYaml, ReadsTheEscapesOfTheReference) {
  EXPECT_EQ(read_back("s: \"\\N\\_\\L\\x85\\u00e9\\U0001F600\\e\\0\"\n"),
            std::string("\u0085\u00A0\u2028\u0085\u00e9\U0001F600\x1b\0", 17));
}

TEST(ParseYaml, TakesWindowsLineEnds) {
  EXPECT_EQ(to_json(parse_yaml("a: 1\r\nb: x\r\n")), R"({"a":1,"b":"x"})");
}

std::vector<std::string> texts(std::string_view stream) {
  std::vector<std::string> out;
  for (const YamlPiece& piece : split_yaml_documents(stream)) out.push_back(piece.text);
  return out;
}

TEST(SplitYamlDocuments, CutsAtLinesOfThreeDashesOnly) {
  EXPECT_THAT(texts("a: 1\n---\nb: 2\n  --- \t\nc: 3\n"), ElementsAre("a: 1", "b: 2", "c: 3"));
  EXPECT_THAT(texts("a: 1\n--- # c\nb: 2\n"), ElementsAre("a: 1\n--- # c\nb: 2"));
  EXPECT_THAT(texts("a: 1\r\n---\r\nb: 2\r\n"), ElementsAre("a: 1", "b: 2"));
  EXPECT_THAT(texts("---"), ElementsAre());
  EXPECT_THAT(texts("----\na"), ElementsAre("----\na"));
}

TEST(SplitYamlDocuments, DropsEmptyPiecesAndRemembersLines) {
  const auto pieces = split_yaml_documents("\n\n---\n\n  a: 1\n  b: 2\n---\n---\nc: 3");
  ASSERT_EQ(pieces.size(), 2);
  EXPECT_EQ(pieces[0].text, "  a: 1\n  b: 2");
  EXPECT_EQ(pieces[0].first_line, 5);
  EXPECT_EQ(pieces[1].first_line, 9);
  EXPECT_THAT(texts(" \n\t\n"), ElementsAre());
}

}  // namespace
}  // namespace kukeon::reflect
