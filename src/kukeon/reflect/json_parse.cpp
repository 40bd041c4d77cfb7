// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/json.h"

namespace kukeon::reflect {
namespace {

// "line 3, column 7", where `offset` stands in the text.
std::string position(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return fmt::format("line {}, column {}", line, before.size() - line_start + 1);
}

[[noreturn]] void refuse(std::string_view text, std::size_t offset, std::string_view cause) {
  throw Error{kinds::decode_failed, fmt::format("{}: {}", position(text, offset), cause)};
}

// The code unit of the escape `\uXXXX` at `at`, or 0 when none stands there.
unsigned escaped_unit(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return 0;
  unsigned unit = 0;
  for (std::size_t i = at + 2; i < at + 6; ++i) {
    const char c = text[i];
    const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10
                           : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A') + 10
                                                  : 16;
    if (digit == 16) return 0;
    unit = unit * 16 + digit;
  }
  return unit;
}

// Go reads a lone surrogate as U+FFFD where rapidjson refuses it; both escapes are six bytes long.
void replace_lone_surrogates(std::string& text) {
  const auto is_high = [](unsigned unit) { return unit >= 0xD800 && unit <= 0xDBFF; };
  const auto is_low = [](unsigned unit) { return unit >= 0xDC00 && unit <= 0xDFFF; };
  for (std::size_t at = text.find('\\'); at < text.size(); at = text.find('\\', at)) {
    const unsigned unit = escaped_unit(text, at);
    if (is_high(unit) && is_low(escaped_unit(text, at + 6))) {
      at += 12;
    } else if (is_high(unit) || is_low(unit)) {
      text.replace(at, 6, "\\ufffd");
      at += 6;
    } else {
      at += 2;
    }
  }
}

bool is_ascii(std::string_view bytes) {
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, 8);
    if ((word & 0x8080808080808080U) != 0) return false;
  }
  for (; i < bytes.size(); ++i) {
    if (static_cast<unsigned char>(bytes[i]) >= 0x80) return false;
  }
  return true;
}

// Builds the tree from rapidjson's events; a false return ends the parse.
class TreeBuilder {
 public:
  explicit TreeBuilder(JsonLimits limits) : limits_{limits} {}

  Tree take() { return std::move(finished_.at(0).second); }
  bool too_deep() const { return depth_ > limits_.depth; }
  bool too_many() const { return values_ > limits_.values; }

  bool Null() { return scalar(Tree::Kind::null, "null"); }
  bool Bool(bool value) { return scalar(Tree::Kind::boolean, value ? "true" : "false"); }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    return scalar(Tree::Kind::number, {text, length});
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    Tree& tree = add(Tree::Kind::string);
    assign(tree.text, {text, length});
    return !too_many();
  }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    assign(finished_.emplace_back().first, {text, length});
    has_key_ = true;
    return true;
  }
  bool StartObject() { return open(Tree::Kind::map); }
  bool StartArray() { return open(Tree::Kind::list); }
  bool EndObject(rapidjson::SizeType count) {
    const auto first = children(count);
    Tree& map = std::prev(first)->second;
    map.members.assign(std::move_iterator{first}, std::move_iterator{finished_.end()});
    return close(first);
  }
  bool EndArray(rapidjson::SizeType count) {
    const auto first = children(count);
    Tree& list = std::prev(first)->second;
    list.items.reserve(count);
    for (auto at = first; at != finished_.end(); ++at) list.items.push_back(std::move(at->second));
    return close(first);
  }

  // Unused: numbers arrive as text.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

 private:
  using Member = std::pair<std::string, Tree>;

  Tree& add(Tree::Kind kind) {
    Tree& tree =
        std::exchange(has_key_, false) ? finished_.back().second : finished_.emplace_back().second;
    tree.kind = kind;
    ++values_;
    return tree;
  }
  bool scalar(Tree::Kind kind, std::string_view text) {
    add(kind).text = text;
    return !too_many();
  }
  bool open(Tree::Kind kind) {
    if (++depth_ > limits_.depth) return false;
    add(kind);
    return !too_many();
  }
  std::vector<Member>::iterator children(rapidjson::SizeType count) {
    return finished_.end() - static_cast<std::ptrdiff_t>(count);
  }
  bool close(std::vector<Member>::iterator first) {
    finished_.erase(first, finished_.end());
    --depth_;
    return true;
  }
  static void assign(std::string& to, std::string_view bytes) {
    if (is_ascii(bytes)) {
      to = bytes;
    } else {
      to = to_valid_utf8(bytes);
    }
  }

  JsonLimits limits_;
  std::size_t depth_ = 0;
  std::size_t values_ = 0;
  bool has_key_ = false;
  // A stack: each open list or map, then its children so far, which move into it when it closes.
  std::vector<Member> finished_;
};

std::string cause_of(const rapidjson::ParseResult& result) {
  std::string cause = rapidjson::GetParseError_En(result.Code());
  if (!cause.empty() && cause.back() == '.') cause.pop_back();
  return to_lower_ascii(cause.substr(0, 1)) + cause.substr(std::min<std::size_t>(1, cause.size()));
}

}  // namespace

Tree parse_json(std::string_view text, JsonLimits limits) {
  // rapidjson counts in 32 bits and takes NUL for the end.
  if (text.size() > std::numeric_limits<std::uint32_t>::max() / 2) {
    throw Error{kinds::decode_failed, "the text is too long"};
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    refuse(text, nul, "a NUL byte");
  }
  std::string buffer{text};
  replace_lone_surrogates(buffer);

  constexpr unsigned flags = rapidjson::kParseInsituFlag | rapidjson::kParseIterativeFlag |
                             rapidjson::kParseNumbersAsStringsFlag;
  rapidjson::InsituStringStream stream{buffer.data()};
  rapidjson::Reader reader;
  TreeBuilder builder{limits};
  const rapidjson::ParseResult result = reader.Parse<flags>(stream, builder);
  if (result.IsError()) {
    refuse(text, result.Offset(),
           builder.too_deep()   ? fmt::format("nested deeper than {}", limits.depth)
           : builder.too_many() ? fmt::format("more than {} values", limits.values)
                                : cause_of(result));
  }
  return builder.take();
}

}  // namespace kukeon::reflect
