// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/reflect/test_documents.h"

namespace kukeon::reflect {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

struct Limits {
  std::int64_t memory = 0;
  std::string id;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{
        field("memory", &Limits::memory, omitempty, "Bytes."),
        field("id", &Limits::id, omitempty | derived, "Its id; filled in by the daemon."),
    };
  }
};

struct Item {
  std::string image;
  Limits limits;
  Map<Limits> named;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{
        field("image", &Item::image, required | recreate, "Image to run."),
        field("limits", &Item::limits, omitempty | live, "Limits of it."),
        field("named", &Item::named, omitempty | immutable, "More limits."),
    };
  }
};

struct Doc {
  List<Item> items;
  Limits status;

  static constexpr auto fields() {
    using enum Tag;
    return std::tuple{
        field("items", &Doc::items, required, "The items."),
        field("status", &Doc::status, always | derived, "What is."),
    };
  }
};

std::string explain_doc(std::string_view path, Fields fields = Fields::direct,
                        std::size_t columns = 80) {
  return explain({"Doc", "v1", "A document.", &describe<Doc>()}, path, columns, fields);
}

std::string refusal(std::string_view path) {
  try {
    explain_doc(path);
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::invalid_argument));
    return error.message();
  }
  return "explained";
}

TEST(Explain, ShowsADocumentAndItsFields) {
  EXPECT_EQ(explain_doc(""), R"(KIND:     Doc
VERSION:  v1

DESCRIPTION:
  A document.

FIELDS:
  items <[]Object> -required-
    The items.

  status <Object>
    What is. Filled in by the daemon.
)");
}

TEST(Explain, PassesThroughLists) {
  EXPECT_EQ(explain_doc("items.limits"), R"(KIND:     Doc
VERSION:  v1

FIELD:    items[].limits <Object>

DESCRIPTION:
  Limits of it. A change takes effect at once.

FIELDS:
  memory <integer>
    Bytes.

  id <string>
    Its id; filled in by the daemon.
)");
}

TEST(Explain, TakesAPathWithBrackets) {
  const std::string plain = explain_doc("items.image");
  EXPECT_EQ(explain_doc("items[].image"), plain);
  EXPECT_EQ(explain_doc("items[0].image"), plain);
  EXPECT_THAT(plain, HasSubstr("FIELD:    items[].image <string> -required-\n"));
  EXPECT_THAT(plain, EndsWith("\n  Image to run. A change replaces the container.\n"));
}

TEST(Explain, PassesThroughMaps) {
  EXPECT_THAT(explain_doc("items.named.memory"), HasSubstr("items[].named[].memory <integer>"));
}

TEST(Explain, SaysWhatAChangeDoesWhereTheFieldAroundItDoesNot) {
  EXPECT_THAT(explain_doc("items.named"), HasSubstr("More limits. A change is refused.\n"));
  EXPECT_THAT(explain_doc("items.named"), HasSubstr("    Bytes.\n"));
  EXPECT_THAT(explain_doc("items.named.memory"), HasSubstr("Bytes. A change is refused.\n"));
}

TEST(Explain, ShowsTheTreeOfEverythingBelow) {
  EXPECT_THAT(explain_doc("", Fields::recursive), EndsWith(R"(
FIELDS:
  items <[]Object> -required-
    image <string> -required-
    limits <Object>
      memory <integer>
      id <string>
    named <map[string]Object>
      memory <integer>
      id <string>
  status <Object>
    memory <integer>
    id <string>
)"));
}

TEST(Explain, KeepsToTheColumnsOfTheTerminal) {
  const std::string text = explain_doc("items", Fields::direct, 30);
  EXPECT_THAT(text, HasSubstr("    Image to run. A change\n    replaces the container.\n"));
}

TEST(Explain, RefusesAFieldThatIsNotThereAndNamesThoseThatAre) {
  EXPECT_EQ(refusal("item"),
            R"(doc has no field "item" (did you mean "items"?); it has: items, status)");
  EXPECT_EQ(refusal("items.picture"),
            R"(doc.items[] has no field "picture"; it has: image, limits, named)");
  EXPECT_THAT(refusal("items..image"), HasSubstr(R"(doc.items[] has no field "")"));
}

TEST(Explain, RefusesToGoIntoAValue) {
  EXPECT_EQ(refusal("items.image.tag"),
            R"(doc.items[].image is a value of type string: there is no field "tag" in it)");
}

TEST(Explain, RefusesBracketsThatDoNotFit) {
  EXPECT_THAT(refusal("items[.image"), HasSubstr("brackets that do not match"));
  EXPECT_THAT(refusal("items[]x.image"), HasSubstr("brackets that do not match"));
  EXPECT_THAT(refusal("status[]"), HasSubstr(R"("status" is neither a list nor a map)"));
}

TEST(Explain, CutsAWordThatIsTooLongToRepeat) {
  EXPECT_THAT(refusal(std::string(5000, 'x')), Not(HasSubstr(std::string(101, 'x'))));
}

TEST(Wrapped, BreaksAtBlanksAndLeavesLongWordsWhole) {
  EXPECT_EQ(wrapped("", 2, 10), "");
  EXPECT_EQ(wrapped("one two three", 2, 9), "  one two\n  three\n");
  EXPECT_EQ(wrapped("one two three", 2, 8), "  one\n  two\n  three\n");
  EXPECT_EQ(wrapped("a extraordinarily b", 0, 5), "a\nextraordinarily\nb\n");
}

TEST(Wrapped, CountsLettersNotBytes) { EXPECT_EQ(wrapped("größe äöü", 0, 9), "größe äöü\n"); }

}  // namespace
}  // namespace kukeon::reflect
