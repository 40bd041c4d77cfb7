// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "kukeon/base/error.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/test_documents.h"
#include "kukeon/reflect/yaml.h"

namespace kukeon::reflect {
namespace {

using testing::CellState;
using testing::Everything;
using testing::Stage;

// Random values of every member type, with a taste for what is hard to write.
class Source {
 public:
  explicit Source(unsigned seed) : engine_{seed} {}

  Everything everything() {
    Everything value;
    value.yes = flip();
    value.wide = integer<std::int64_t>();
    value.narrow = integer<std::int32_t>();
    value.mode = integer<std::uint32_t>();
    value.huge = integer<std::uint64_t>();
    value.real = std::ldexp(static_cast<double>(integer<std::int32_t>()), below(200) - 100);
    value.text = text();
    value.time.unix_seconds = Timestamp::zero_seconds + std::int64_t{below(1'000'000'000)} * 300;
    value.time.nanoseconds = flip() ? below(1'000'000'000) : 0;
    value.state = static_cast<CellState>(below(5));
    if (flip()) value.bytes = Bytes{text()};
    if (flip()) value.maybe = integer<std::int64_t>();
    if (flip()) value.maybe_yes = flip();
    if (flip()) value.maybe_stage = Stage{text()};
    value.words = list<StringList>([&] { return text(); });
    value.numbers = list<List<int>>([&] { return below(1000) - 500; });
    value.table = list<List<StringList>>([&] { return list<StringList>([&] { return text(); }); });
    value.stages = list<List<Stage>>([&] { return Stage{text()}; });
    value.labels = map<Labelset>([&] { return text(); });
    value.groups = map<Map<List<int>>>([&] { return list<List<int>>([&] { return below(9); }); });
    value.named = map<Map<Stage>>([&] { return Stage{text()}; });
    value.nested.bridge_name = text();
    value.raw.text = flip() ? R"({"a":[1,2.5,"x",null,{}]})" : "[]";
    value.password = text();
    return value;
  }

  std::string text() {
    static const std::vector<std::string> pieces{
        "a",          "web",    " ",      "\n",     "\n\n",   "\t",
        ": ",         " #",     "#",      "-",      "- ",     "'",
        "\"",         "\\",     "{",      "}",      "[",      "]",
        ",",          "&",      "*",      "!",      "|",      ">",
        "%",          "@",      "`",      "?",      "yes",    "no",
        "null",       "~",      "1",      "0x",     ".5",     "e3",
        "2026-05-14", "12:30",  "<<",     "=",      "\r",     "\x01",
        "\x7f",       "\u00e9", "\u0085", "\u2028", "\uFEFF", "\U0001F600",
        "<",          "/",      "---",    "...",    "\x1b",   std::string(1, '\0')};
    std::string out;
    for (int n = below(5); n > 0; --n)
      out += pieces[static_cast<std::size_t>(below(static_cast<int>(pieces.size())))];
    return out;
  }

 private:
  int below(int bound) { return std::uniform_int_distribution{0, bound - 1}(engine_); }
  bool flip() { return below(2) == 0; }
  template <class Integer>
  Integer integer() {
    return std::uniform_int_distribution<Integer>{std::numeric_limits<Integer>::min(),
                                                  std::numeric_limits<Integer>::max()}(engine_);
  }
  template <class L>
  L list(auto&& item) {
    L out = L::empty_list();
    for (int n = below(4); n > 0; --n) out.push_back(item());
    return out;
  }
  template <class M>
  M map(auto&& item) {
    M out = M::empty_map();
    for (int n = below(4); n > 0; --n) out[text()] = item();
    return out;
  }

  std::mt19937 engine_;
};

TEST(RoundTrip, JsonOfAnyValueReadsBackAndIsWrittenTheSame) {
  Source source{1};
  for (int i = 0; i < 150; ++i) {
    const Everything value = source.everything();
    const std::string text = to_json(value);
    const auto again = from_json<Everything>(text);
    ASSERT_EQ(again, value) << text;
    ASSERT_EQ(to_json(again), text);
    ASSERT_EQ(from_json<Everything>(to_json(value, 2)), value);
  }
}

TEST(RoundTrip, YamlOfAnyValueReadsBackAndIsWrittenTheSame) {
  Source source{2};
  for (int i = 0; i < 150; ++i) {
    const Everything value = source.everything();
    for (const int indent : {2, 4}) {
      const std::string text = to_yaml(value, indent);
      const auto again = from_yaml<Everything>(text);
      ASSERT_EQ(again, value) << text;
      ASSERT_EQ(to_yaml(again, indent), text);
    }
  }
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
  Source source{3};
  const Everything value = source.everything();
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
  Source source{4};
  std::mt19937 engine{5};
  const Everything value = source.everything();
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
