// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/strings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace kukeon {
namespace {

using ::testing::ElementsAre;

TEST(Quote, EscapesWhatGoEscapes) {
  EXPECT_EQ(quote("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(quote("\n\t\r\a\b\f\v"), R"("\n\t\r\a\b\f\v")");
  EXPECT_EQ(quote(std::string_view{"\0\x1b\x7f", 3}), R"("\x00\x1b\x7f")");
}

TEST(Quote, KeepsUtf8AndShowsBrokenBytes) {
  EXPECT_EQ(quote("zelle \u00e9 \u65e5"), "\"zelle \u00e9 \u65e5\"");
  EXPECT_EQ(quote("a\xff"
                  "b\xc3"),
            R"("a\xffb\xc3")");
}

TEST(Trim, TakesWhiteSpaceOffBothEnds) {
  EXPECT_EQ(trim(" \t\r\n a b \v\f"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_EQ(join(split("a/b/c", '/'), "/"), "a/b/c");
}

TEST(AsciiCase, IsIgnoredForLettersOnly) {
  EXPECT_TRUE(equal_ignoring_ascii_case("RealmID", "realmid"));
  EXPECT_FALSE(equal_ignoring_ascii_case("a[", "A{"));
  EXPECT_FALSE(equal_ignoring_ascii_case("abc", "ab"));
  EXPECT_EQ(to_lower_ascii("AbÉ"), "abÉ");
}

TEST(ParseInteger, TakesWholeDecimalTextsOnly) {
  EXPECT_EQ(parse_integer("42"), 42);
  EXPECT_EQ(parse_integer("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  for (const char* bad : {"", " 1", "1 ", "+1", "0x1", "1.0", "9223372036854775808"}) {
    EXPECT_EQ(parse_integer(bad), std::nullopt) << bad;
  }
}

TEST(EditDistance, CountsInsertionsDeletionsAndReplacements) {
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("image", "image"), 0);
  EXPECT_EQ(edit_distance("imgae", "image"), 2);
  EXPECT_EQ(edit_distance("IMAGE", "image"), 0);
}

TEST(Nearest, FindsTheMisspeltWordAndThePrefix) {
  EXPECT_EQ(nearest("imgae", {"id", "image", "command"}), "image");
  EXPECT_EQ(nearest("comm", {"id", "image", "command"}), "command");
  EXPECT_EQ(nearest("replicas", {"id", "image", "command"}), "");
}

TEST(Nearest, SuggestsNothingForAWordThatSharesNothing) {
  EXPECT_EQ(nearest("x", {"id", "to"}), "");
  EXPECT_EQ(nearest("ab", {"id"}), "");
  EXPECT_EQ(nearest("", {"id"}), "");
  EXPECT_EQ(nearest(std::string(1'000'000, 'a'), {std::string(999'999, 'a')}), "");
}

TEST(Utf8Length, FollowsTheTableOfWellFormedSequences) {
  EXPECT_EQ(utf8_length("a", 0), 1);
  EXPECT_EQ(utf8_length("\u00e9", 0), 2);
  EXPECT_EQ(utf8_length("\u65e5", 0), 3);
  EXPECT_EQ(utf8_length("\U0001F600", 0), 4);
  for (const char* bad : {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff"}) {
    EXPECT_EQ(utf8_length(bad, 0), 0) << quote(bad);
  }
}

TEST(ToValidUtf8, ReplacesEachBrokenByte) {
  EXPECT_EQ(to_valid_utf8("a\u00e9"), "a\u00e9");
  EXPECT_EQ(to_valid_utf8("a\xff\xfe"
                          "b"),
            "a\uFFFD\uFFFDb");
  EXPECT_EQ(to_valid_utf8("\xe2\x82"), "\uFFFD\uFFFD");
}

TEST(Fnv1a, NamesTheDefaultBridgeAsTheContractDoes) {
  EXPECT_EQ(fnv1a_hex("default-default"), "703e8b3a");
  EXPECT_EQ(fnv1a_hex(""), "811c9dc5");
}

}  // namespace
}  // namespace kukeon
