// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/arbitrary.h"
#include "kukeon/reflect/json.h"
#include "kukeon/v1beta1/documents.h"
#include "kukeon/v1beta1/scheme.h"

// Our JSON beside that of Go's encoding/json: tests/conformance/documents declares the same
// documents in Go, with tags of its own, and reads and writes what we send it.
namespace kukeon::v1beta1 {
namespace {

using reflect::Tree;
using reflect::testing::Arbitrary;
using reflect::testing::Rewriter;

// One document as a line for the Go program.
struct Text {
  std::string_view kind;
  std::string json;
};

// The bytes it is written as, or nothing when it is refused.
struct Answer {
  bool accepted = false;
  std::string text;  // of a refusal: why
};

class DocumentsInGo : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::string_view{KUKEON_GO_DOCUMENTS}.empty()) {
      GTEST_SKIP() << "go was not there when the build was configured (scripts/deps --test)";
    }
  }

  static std::vector<std::string> run_go(std::vector<std::string> arguments,
                                         std::string_view input = {}) {
    arguments.insert(arguments.begin(), KUKEON_GO_DOCUMENTS);
    const Output output =
        run({.argv = std::move(arguments)}, std::chrono::minutes{2}, input, std::size_t{256} << 20);
    EXPECT_TRUE(output.exit.ok()) << output.err;
    std::vector<std::string> lines = split(output.out, '\n');
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    return lines;
  }

  static std::vector<Answer> ask_go(const std::vector<Text>& texts) {
    std::string input;
    for (const Text& text : texts) input += fmt::format("{} {}\n", text.kind, text.json);
    std::vector<Answer> answers;
    for (std::string& line : run_go({"filter"}, input)) {
      const bool refused = line.starts_with('!');
      answers.push_back({!refused, refused ? line.substr(1) : std::move(line)});
    }
    EXPECT_EQ(answers.size(), texts.size());
    answers.resize(texts.size());
    return answers;
  }
};

template <class Doc>
std::string_view kind_of() {
  return model::word_of(Doc::document_kind);
}

// Calls use.operator()<Doc>() for each kind.
void for_each_kind(auto&& use) {
  use.template operator()<RealmDoc>();
  use.template operator()<SpaceDoc>();
  use.template operator()<StackDoc>();
  use.template operator()<CellDoc>();
  use.template operator()<ContainerDoc>();
}

Answer our_answer(const Text& text) {
  Answer answer;
  for_each_kind([&]<class Doc>() {
    if (text.kind != kind_of<Doc>()) return;
    try {
      answer = {true, reflect::to_json(reflect::from_json<Doc>(text.json))};
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::decode_failed)) << error.what();
      answer = {false, error.what()};
    }
  });
  return answer;
}

// With the states that reach a peer of version 0.5.0, which the Go program is.
template <class Doc>
Doc arbitrary_document(Arbitrary& source) {
  Doc doc = source.value<Doc>();
  if constexpr (std::is_same_v<Doc, CellDoc>) {
    doc.status.state = promised(doc.status.state);
    for (ContainerStatus& each : doc.status.containers) each.state = promised(each.state);
  } else if constexpr (std::is_same_v<Doc, ContainerDoc>) {
    doc.status.state = promised(doc.status.state);
  }
  return doc;
}

std::string shown(std::string_view text) {
  constexpr std::size_t most = 800;
  return to_valid_utf8(text.substr(0, most)) + (text.size() > most ? "…" : "");
}

TEST_F(DocumentsInGo, AreWrittenAsWeWriteThem) {
  std::vector<Text> texts;
  for_each_kind([&]<class Doc>() {
    for (std::uint32_t seed = 0; seed < 100; ++seed) {
      Arbitrary source{seed};
      texts.push_back({kind_of<Doc>(), reflect::to_json(arbitrary_document<Doc>(source))});
    }
  });
  const std::vector<Answer> answers = ask_go(texts);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_EQ(answers[i].text, texts[i].json) << texts[i].kind << ", seed " << i % 100;
  }
}

TEST_F(DocumentsInGo, OfItsOwnMakingAreReadAndWrittenTheSame) {
  for (const int seed : {1, 2, 3, 4}) {
    const std::vector<std::string> lines = run_go({"generate", std::to_string(seed), "125"});
    ASSERT_EQ(lines.size(), 125U);
    for (const std::string& line : lines) {
      const std::size_t space = line.find(' ');
      const Text text{std::string_view{line}.substr(0, space), line.substr(space + 1)};
      ASSERT_EQ(our_answer(text).text, text.json) << text.kind << ", seed " << seed;
    }
  }
}

// Values that fit some fields and not others, and those that nearly fit.
constexpr std::array replacements{"null",
                                  "true",
                                  "false",
                                  "0",
                                  "-0",
                                  "1",
                                  "-1",
                                  "1.0",
                                  "1e2",
                                  "1E400",
                                  "0.1",
                                  "2.0",
                                  "3",
                                  "99",
                                  "65535",
                                  "65536",
                                  "4294967295",
                                  "4294967296",
                                  "9223372036854775807",
                                  "9223372036854775808",
                                  "-9223372036854775808",
                                  "-9223372036854775809",
                                  "18446744073709551615",
                                  "18446744073709551616",
                                  "1e-400",
                                  "\"\"",
                                  "\"x\"",
                                  "\"Ready\"",
                                  "\"ready\"",
                                  "\"\\u0052eady\"",
                                  "\"Unknown\"",
                                  "\"2\"",
                                  "\"5\"",
                                  "\"2026-05-14T21:10:38Z\"",
                                  "[]",
                                  "[null]",
                                  "[\"a\",null]",
                                  "[[]]",
                                  "[{}]",
                                  "[1]",
                                  "{}",
                                  "{\"a\":null}",
                                  "{\"a\":\"b\"}",
                                  "{\"a\":1}",
                                  "{\"name\":\"n\",\"ID\":\"i\"}"};

// The document with one value in it replaced, or joined by a second member of the same name.
class Mutator {
 public:
  explicit Mutator(Arbitrary& source) : source_{source} {}

  // The n-th member of a document, counting depth first; false when there are fewer.
  bool mutate(Tree& tree, std::size_t& n) {
    for (std::size_t i = 0; i < tree.members.size(); ++i) {
      if (n == 0) {
        change(tree, i);
        return true;
      }
      --n;
      if (mutate(tree.members[i].second, n)) return true;
    }
    for (Tree& item : tree.items) {
      if (mutate(item, n)) return true;
    }
    return false;
  }

 private:
  void change(Tree& tree, std::size_t at) {
    Tree value = replacement();
    switch (source_.below(4)) {
      case 0: {
        std::pair<std::string, Tree> copy{tree.members[at].first, std::move(value)};
        tree.members.insert(tree.members.begin() + static_cast<std::ptrdiff_t>(at),
                            std::move(copy));
        return;
      }
      case 1:
        tree.members.emplace_back(tree.members[at].first, std::move(value));
        return;
      default:
        tree.members[at].second = std::move(value);
    }
  }

  Tree replacement() {
    const std::string_view text = replacements[source_.below(replacements.size())];
    if (text.find_first_of("0123456789") != 0 && text[0] != '-') return reflect::parse_json(text);
    Tree number;  // not all that are written are ones that we read
    number.kind = Tree::Kind::number;
    number.text = text;
    return number;
  }

  Arbitrary& source_;
};

// Texts that nobody would write by accident; `later` is a member that no document has.
std::vector<Text> hand_written() {
  std::vector<Text> texts;
  const auto realm = [&](std::string json) { texts.push_back({"Realm", std::move(json)}); };
  for (const char* whole : {"",
                            " ",
                            "null",
                            "true",
                            "1",
                            "\"x\"",
                            "[]",
                            "{}",
                            "{",
                            "}",
                            "{}{}",
                            "{} x",
                            "[{}]",
                            "nul",
                            "{\"kind\"}",
                            "{\"kind\":}",
                            "{\"kind\":\"x\",}",
                            "{,}",
                            "{\"a\":1 \"b\":2}",
                            "{'kind':1}",
                            "{kind:1}",
                            "\xEF\xBB\xBF{}",
                            "{}\t\r ",
                            "{/**/}",
                            "{\"\":\"\"}",
                            "{\"\xff\":1}",
                            "\xff",
                            "{\"kind\":\"a\"}\xff",
                            "{\"kind\":\"a\x7f\"}",
                            "{\"kind\":\"a\tb\"}",
                            "\xC2\xA0{}"}) {
    realm(whole);
  }
  for (const char* number : {"01", "1.", ".5", "-", "+1", "1e", "1e+", "--1", "1_0", "0x1", "NaN",
                             "Infinity", "-Infinity", "1.5.5", "1e5", "-0.0", "0e0", "1 2"}) {
    realm(fmt::format("{{\"later\":{}}}", number));
  }
  realm("{\"later\":" + std::string(300, '9') + "}");
  for (const char* text : {R"(\u)",
                           R"(\u0)",
                           R"(\u00g0)",
                           R"(\x41)",
                           R"(\')",
                           R"(\/)",
                           R"(\ud83d)",
                           R"(\ude00)",
                           R"(\ud83d\ude00)",
                           R"(\ud83d\ud83d\ude00)",
                           R"(\ud83dx)",
                           R"(\ud83d\n)",
                           R"(\ud83d\u0041)",
                           R"(\uDEAD\uBEEF)",
                           R"(\\ud83d)",
                           R"(\\\ud83d)",
                           R"(\u0000)",
                           R"(\u2028)",
                           R"(\b\f\v)",
                           R"(\b\f\n\r\t\"\\)",
                           R"(\)",
                           "\xff",
                           "\xC0\x80",
                           "\xED\xA0\x80",
                           "\xED\xB0\x80",
                           "\xF4\x90\x80\x80",
                           "\xF0\x9F\x98",
                           "\xE2\x82",
                           "\xE2\x82"
                           "a",
                           "\xEF\xBF\xBE",
                           "\x1f",
                           "\u2028\u2029",
                           "<>&",
                           "\xF0\x9F\x98\x80",
                           "\xC3\x28",
                           "\x80",
                           "\xFE\xFE\xFF\xFF"}) {
    realm(fmt::format("{{\"metadata\":{{\"name\":\"{}\"}}}}", text));
    realm(fmt::format("{{\"metadata\":{{\"labels\":{{\"{}\":\"v\"}}}}}}", text));
    realm(fmt::format("{{\"later\":\"{}\"}}", text));
  }
  for (const char* key : {"NAME", "nAmE", "nam\\u0065", "name\\u0000", "\\u004eame", "na\u212Ae",
                          "name ", "\u017Fpec", "N\u0041ME", "name\xff"}) {
    realm(fmt::format("{{\"metadata\":{{\"{}\":\"v\"}}}}", key));
    realm(fmt::format("{{\"metadata\":{{\"name\":\"exact\",\"{}\":\"v\"}}}}", key));
  }
  for (const char* key : {"\u017Fpec", "\u017FTATUS", "SPEC", "\u017Ftatu\u017F", "\u212Aind"}) {
    realm(fmt::format("{{\"{}\":{{\"state\":\"Ready\",\"name\u017Fpace\":\"n\"}}}}", key));
    realm(fmt::format("{{\"{}\":\"K\"}}", key));
  }
  for (const char* time : {"2026-05-14T21:10:38Z",
                           "2026-05-14T21:10:38.1Z",
                           "2026-05-14T21:10:38.120Z",
                           "2026-05-14T21:10:38.123456789Z",
                           "2026-05-14T21:10:38.1234567891Z",
                           "2026-05-14T21:10:38.9999999999Z",
                           "2026-05-14T21:10:38.0000000001Z",
                           "2026-05-14T21:10:38.Z",
                           "2026-05-14T21:10:38.000Z",
                           "2026-05-14T21:10:38.5",
                           "2026-05-14T21:10:38+00:00",
                           "2026-05-14T21:10:38-00:00",
                           "2026-05-14T21:10:38+02:00",
                           "2026-05-14T21:10:38.25-07:30",
                           "2026-05-14T21:10:38+23:59",
                           "2026-05-14T21:10:38-23:59",
                           "2026-05-14T21:10:38+0200",
                           "2026-05-14T21:10:38+02",
                           "2026-05-14T21:10:38z",
                           "2026-05-14t21:10:38Z",
                           "2026-05-14 21:10:38Z",
                           "2026-05-14T21:10Z",
                           "2026-05-14",
                           "2026-5-14T21:10:38Z",
                           "2026-05-14T24:00:00Z",
                           "2026-05-14T23:60:00Z",
                           "2026-05-14T23:59:60Z",
                           "2026-02-29T00:00:00Z",
                           "2024-02-29T00:00:00Z",
                           "2100-02-29T00:00:00Z",
                           "2000-02-29T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-01-00T00:00:00Z",
                           "2026-04-31T00:00:00Z",
                           "0000-01-01T00:00:00Z",
                           "0001-01-01T00:00:00Z",
                           "0001-01-01T00:00:00+01:00",
                           "0001-01-01T00:00:00.000000001Z",
                           "9999-12-31T23:59:59.999999999Z",
                           "9999-12-31T23:59:59-23:59",
                           "0000-01-01T00:00:00+23:59",
                           "10000-01-01T00:00:00Z",
                           "-001-01-01T00:00:00Z",
                           "02026-05-14T21:10:38Z",
                           "2026-05-14T21:10:38Zx",
                           " 2026-05-14T21:10:38Z",
                           "2026-05-14T21:10:38Z ",
                           "",
                           "now",
                           "0",
                           "2026-05-14T21:10:38ZZ",
                           "2026-05-14T1:10:38Z",
                           "2026-05-14T21:10:38,5Z",
                           "2026-05-14T21:10:38+24:00",
                           "2026-05-14T21:10:38+00:60",
                           "2026-05-14T21:1:38Z",
                           "2026-05-14T21:10:8Z",
                           "2026-05-14T21:10:38+2:00",
                           "2026-05-14T21:10:38Z07:00"}) {
    realm(fmt::format("{{\"status\":{{\"createdAt\":\"{}\"}}}}", time));
  }
  for (const std::size_t levels : {100U, 9998U, 9999U, 10000U, 10001U, 20000U}) {
    const std::string lists = std::string(levels, '[') + std::string(levels, ']');
    realm("{\"later\":" + lists + "}");
    realm("{\"metadata\":{\"labels\":" + lists + "}}");
    realm(lists);
    std::string maps;
    for (std::size_t i = 0; i < levels; ++i) maps += "{\"a\":";
    realm(maps + "1" + std::string(levels, '}'));
  }
  const auto add = [&](std::string_view kind, const char* json) { texts.push_back({kind, json}); };
  // Lists given twice.
  add("Cell", R"({"spec":{"containers":[{"id":"a","image":"i"}],"containers":[{"command":"c"}]}})");
  add("Cell", R"({"spec":{"containers":[{"id":"a"},{"id":"b"}],"containers":[{"image":"i"}]}})");
  add("Cell", R"({"spec":{"containers":[{"id":"a"}],"containers":[null,{"image":"i"}]}})");
  add("Cell", R"({"spec":{"containers":[{"id":"a"}],"containers":[]}})");
  add("Cell", R"({"spec":{"containers":[{"id":"a"}],"containers":null,"containers":[{}]}})");
  add("Cell", R"({"spec":{"containers":[{"args":["x","y"]}],"containers":[{"args":[null]}]}})");
  add("Container", R"({"spec":{"args":["a","b"],"args":[null]}})");
  add("Container", R"({"spec":{"args":["a","b"],"args":[null,null,null]}})");
  add("Container", R"({"spec":{"tty":{"prompt":"p"},"tty":{"logFile":"/l"}}})");
  add("Container", R"({"spec":{"tty":{"prompt":"p"},"tty":null,"tty":{"logFile":"/l"}}})");
  add("Container", R"({"spec":{"resources":{"cpuShares":1},"resources":{"cpuShares":null}}})");
  add("Space", R"({"spec":{"network":{"egress":{"allow":[{"ports":[1,2]}]}}}})");
  add("Space", R"({"spec":{"network":{"egress":{"allow":[{"ports":[null,2]}]}}}})");
  add("Space", R"({"spec":{"defaults":{"container":{"readOnlyRootFilesystem":null}}}})");
  add("Realm", R"({"metadata":{"labels":{"a":"1","b":"2"}},"metadata":{"labels":{"a":null}}})");
  add("Realm", R"({"metadata":{"labels":{"a":"1"},"LABELS":{"b":"2"},"labels":null}})");
  return texts;
}

std::vector<Text> hostile_texts() {
  std::vector<Text> texts = hand_written();
  for_each_kind([&]<class Doc>() {
    const auto add = [&](std::string json) {
      std::ranges::replace(json, '\n', ' ');  // a line each
      texts.push_back({kind_of<Doc>(), std::move(json)});
    };
    for (std::uint32_t seed = 0; seed < 120; ++seed) {
      Arbitrary source{seed};
      const Doc doc = arbitrary_document<Doc>(source);
      const std::string json = reflect::to_json(doc);

      const Rewriter::Rules rules{.case_of_keys = source.flip(),
                                  .unknown_members = source.flip(),
                                  .nulls = source.flip(),
                                  .duplicates = source.flip()};
      add(Rewriter{source, rules}.rewrite(doc));

      for (int i = 0; i < 3; ++i) {
        Tree tree = reflect::parse_json(json);
        std::size_t member = source.below(60);
        if (Mutator{source}.mutate(tree, member)) add(reflect::to_json(tree));
      }

      std::string broken = json;
      for (std::size_t n = 1 + source.below(3); n > 0; --n) {
        const std::size_t at = source.below(broken.size());
        switch (source.below(3)) {
          case 0:
            broken[at] = static_cast<char>(source.below(256));
            break;
          case 1:
            broken.erase(at, 1 + source.below(3));
            break;
          default:
            broken.insert(at, 1, "\"\\{}[]:,0e.-x\x80\xff"[source.below(16)]);
        }
      }
      add(std::move(broken));
    }
  });
  // Each member of one full document of each kind, null once.
  for_each_kind([&]<class Doc>() {
    Arbitrary source{7};
    const std::string json = reflect::to_json(arbitrary_document<Doc>(source));
    std::string longest = json;
    for (std::uint32_t seed = 0; seed < 50; ++seed) {
      Arbitrary other{seed};
      std::string text = reflect::to_json(arbitrary_document<Doc>(other));
      if (text.size() > longest.size()) longest = std::move(text);
    }
    const Tree tree = reflect::parse_json(longest);
    for (std::size_t n = 0; n < 400; ++n) {
      Tree copy = tree;
      std::size_t member = n;
      const auto nulled = [&](auto&& self, Tree& at) -> bool {
        for (auto& [key, value] : at.members) {
          if (member-- == 0) {
            value = Tree{};
            value.text = "null";
            return true;
          }
          if (self(self, value)) return true;
        }
        return std::ranges::any_of(at.items, [&](Tree& item) { return self(self, item); });
      };
      if (!nulled(nulled, copy)) break;
      texts.push_back({kind_of<Doc>(), reflect::to_json(copy)});
    }
  });
  return texts;
}

// Where we are stricter on purpose than encoding/json: a number that no double holds is refused
// even in a member nobody knows, and so are times that are not RFC 3339 (an hour of one digit, a
// comma before the fraction, a zone of 24 hours or 60 minutes and more).
bool is_known_strictness(std::string_view refusal) {
  if (refusal.ends_with("number too big to be stored in double")) return true;
  constexpr std::string_view before_time = "must be a time like 2026-05-14T21:10:38Z, not \"";
  const std::size_t at = refusal.find(before_time);
  if (at == std::string_view::npos) return false;
  const std::string_view time = refusal.substr(at + before_time.size());
  const std::size_t zone = time.find_first_of("+-", time.find('T'));
  const auto two_digits = [&](std::size_t i) {
    return i + 2 > time.size() ? 0 : (time[i] - '0') * 10 + (time[i + 1] - '0');
  };
  return time.find(':') == 12 || time.find(',') == 19 ||
         (zone != std::string_view::npos &&
          (two_digits(zone + 1) > 23 || two_digits(zone + 4) > 59));
}

// A state that we know and a peer of version 0.5.0 does not; it never gets one (wire.md 2.2).
bool has_later_state(const Text& text) {
  return std::ranges::any_of(
      std::array{"Exited", "Error", "Degraded", "NotCreated"}, [&](const char* word) {
        return text.json.find(fmt::format("\"{}\"", word)) != std::string::npos;
      });
}

TEST_F(DocumentsInGo, OfHostileTextsAreRefusedByBothOrReadTheSameByBoth) {
  const std::vector<Text> texts = hostile_texts();
  ASSERT_GE(texts.size(), 300U);
  const std::vector<Answer> answers = ask_go(texts);
  std::size_t accepted = 0;
  std::size_t known = 0;
  int differences = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Answer ours = our_answer(texts[i]);
    accepted += ours.accepted ? 1 : 0;
    const bool agree =
        ours.accepted == answers[i].accepted && (!ours.accepted || ours.text == answers[i].text);
    if (agree || has_later_state(texts[i])) continue;
    if (!ours.accepted && is_known_strictness(ours.text)) {
      ++known;
      continue;
    }
    if (++differences > 20) continue;
    ADD_FAILURE() << "text " << i << ": " << texts[i].kind << ' ' << shown(texts[i].json)
                  << "\n  ours: " << shown(ours.text) << "\n  Go's: " << shown(answers[i].text);
  }
  EXPECT_EQ(differences, 0);
  // Neither side just says yes or no.
  EXPECT_GT(accepted, texts.size() / 5);
  EXPECT_LT(accepted, texts.size() * 4 / 5);
  EXPECT_LT(known, texts.size() / 100);
}

}  // namespace
}  // namespace kukeon::v1beta1
