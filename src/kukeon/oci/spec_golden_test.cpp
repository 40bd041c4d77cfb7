// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "kukeon/oci/spec_cases.h"
#include "kukeon/reflect/json.h"

// Every case of testdata/specs has the specification that stands beside it. KUKEON_ACCEPT=1 in the
// environment writes it instead: review it like code.
namespace kukeon::oci {
namespace {

const fs::path folder{KUKEON_TEST_SOURCE_DIR "/src/kukeon/oci/testdata/specs"};
constexpr std::size_t width = 118;

bool accepts() {
  const char* const word = std::getenv("KUKEON_ACCEPT");
  return word != nullptr && std::string_view{word} == "1";
}

bool is_scalar(const reflect::Tree& tree) {
  return tree.kind != reflect::Tree::Kind::map && tree.kind != reflect::Tree::Kind::list;
}

// A list of words, as many in a line as fit.
void fill(const reflect::Tree& list, std::size_t indent, std::string& out) {
  const std::string start = "\n" + std::string(indent + 2, ' ');
  std::size_t column = width;
  out += '[';
  for (const auto& item : list.items) {
    const std::string text = reflect::to_json(item);
    if (column + text.size() + 2 > width) {
      out += start;
      column = indent + 2;
    }
    out += text;
    out += &item == &list.items.back() ? "" : ",";
    column += text.size() + 1;
  }
  out += "\n" + std::string(indent, ' ') + ']';
}

// JSON with a member or an item a line, unless all of it fits into one.
void lay_out(const reflect::Tree& tree, std::size_t column, std::size_t indent, std::string& out) {
  using Kind = reflect::Tree::Kind;
  const std::string compact = reflect::to_json(tree);
  if (is_scalar(tree) || compact.size() + column <= width) {
    out += compact;
    return;
  }
  if (tree.kind == Kind::list && std::ranges::all_of(tree.items, is_scalar)) {
    return fill(tree, indent, out);
  }
  const bool map = tree.kind == Kind::map;
  const std::size_t count = map ? tree.members.size() : tree.items.size();
  const std::string start = "\n" + std::string(indent + 2, ' ');
  out += map ? '{' : '[';
  for (std::size_t i = 0; i < count; ++i) {
    out += start;
    std::size_t before = indent + 3;  // and the comma after it
    if (map) {
      const std::string key = reflect::json_quote(tree.members[i].first) + ": ";
      out += key;
      before += key.size();
    }
    lay_out(map ? tree.members[i].second : tree.items[i], before, indent + 2, out);
    if (i + 1 < count) out += ',';
  }
  out += "\n" + std::string(indent, ' ') + (map ? '}' : ']');
}

class SpecGolden : public testing::TestWithParam<SpecCase> {};

TEST_P(SpecGolden, IsWhatStandsBesideIt) {
  const SpecCase& c = GetParam();
  std::string text;
  try {
    const Spec spec = build(input_of(c));
    EXPECT_EQ(parse_spec(to_json(spec)), spec);
    lay_out(reflect::parse_json(to_json(spec)), 0, 0, text);
    text += '\n';
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), c.error);
    return;
  }
  ASSERT_EQ("", c.error) << "it was built";
  const fs::path file = folder / (c.name + ".json");
  if (accepts()) write_file_in_place(file, text);
  EXPECT_EQ(read_file_if_exists(file).value_or("(no such file)"), text)
      << "KUKEON_ACCEPT=1 writes it";
}

INSTANTIATE_TEST_SUITE_P(Case, SpecGolden, testing::ValuesIn(read_spec_cases(folder)),
                         [](const auto& each) { return each.param.name; });

TEST(SpecGoldens, HaveNamesOfTheirOwnAndNoFileWithoutACase) {
  std::set<std::string> names;
  std::size_t built = 0;
  for (const auto& c : read_spec_cases(folder)) {
    EXPECT_TRUE(names.insert(c.name).second) << c.name << " is used twice";
    if (c.error.empty()) ++built;
  }
  EXPECT_GE(built, 60U);
  for (const auto& entry : fs::directory_iterator{folder}) {
    if (entry.path().extension() != ".json" || names.contains(entry.path().stem())) continue;
    if (accepts()) {
      fs::remove(entry.path());
    } else {
      ADD_FAILURE() << entry.path() << " belongs to no case; KUKEON_ACCEPT=1 removes it";
    }
  }
}

}  // namespace
}  // namespace kukeon::oci
