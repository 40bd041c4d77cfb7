// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/decode.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/base64.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/numbers.h"

namespace kukeon::reflect {
namespace {

constexpr std::array yaml_true_words{"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"};
constexpr std::array yaml_false_words{"n", "N", "no", "No", "NO", "off", "Off", "OFF"};

bool contains(const auto& words, std::string_view word) {
  return std::ranges::any_of(words, [&](const char* each) { return word == each; });
}

// Whether a key is a field's name but for the case of its letters. As in encoding/json, that takes
// in the two letters outside ASCII whose other case is within: the long s and the Kelvin sign.
bool folds_to(std::string_view field, std::string_view key) {
  if (key.size() == field.size()) return equal_ignoring_ascii_case(field, key);
  for (const char c : field) {
    const std::string_view other = c == 's' || c == 'S'   ? "\u017F"
                                   : c == 'k' || c == 'K' ? "\u212A"
                                                          : "";
    if (!other.empty() && key.starts_with(other)) {
      key.remove_prefix(other.size());
    } else if (!key.empty() && equal_ignoring_ascii_case({&c, 1}, key.substr(0, 1))) {
      key.remove_prefix(1);
    } else {
      return false;
    }
  }
  return key.empty();
}

// A value as an error shows it: long texts cut.
std::string shown(const Tree& tree) {
  constexpr std::size_t most = 60;
  std::string text = tree.kind == Tree::Kind::string || tree.kind == Tree::Kind::list ||
                             tree.kind == Tree::Kind::map
                         ? to_json(tree)
                         : tree.text;
  if (text.size() > most) text = to_valid_utf8(text.substr(0, most - 3)) + "...";
  return text;
}

}  // namespace

std::string Problem::to_string() const {
  std::string out;
  if (mark.line > 0) out += fmt::format("line {}, column {}: ", mark.line, mark.column);
  if (!path.empty() && !text.starts_with(path)) out += path + ": ";
  return out + text;
}

void Decoder::report(Mark mark, std::string text) {
  if (problems_.size() - unknown_count_ >= max_problems) return;
  problems_.push_back({path_, mark, std::move(text)});
}

void Decoder::report_at(std::string_view path, Mark mark, std::string text) {
  const std::size_t length = path_.size();
  if (!path_.empty() && !path.empty() && path[0] != '[') path_ += '.';
  path_ += path;
  report(mark, std::move(text));
  path_.resize(length);
}

Decoder::Step::Step(Decoder& decoder, std::string_view key)
    : decoder_{decoder}, length_{decoder.path_.size()} {
  if (length_ != 0) decoder.path_ += '.';
  decoder.path_ += key;
}

Decoder::Step::Step(Decoder& decoder, std::size_t index)
    : decoder_{decoder}, length_{decoder.path_.size()} {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, index).ptr;
  decoder.path_ += '[';
  decoder.path_.append(digits, end);
  decoder.path_ += ']';
}

void Decoder::scalar(const Tree& tree, bool& out) {
  if (tree.kind == Tree::Kind::boolean) {
    out = tree.text[0] == 't' || tree.text[0] == 'T';
    return;
  }
  // yaml.v3 takes YAML 1.1's words where a bool is wanted, quoted or not.
  if (syntax_ == Syntax::yaml && tree.kind == Tree::Kind::string) {
    if (contains(yaml_true_words, tree.text)) {
      out = true;
      return;
    }
    if (contains(yaml_false_words, tree.text)) {
      out = false;
      return;
    }
  }
  wrong_kind(tree, "true or false");
}

template <class Integer>
void Decoder::integer(const Tree& tree, Integer& out) {
  if (tree.kind != Tree::Kind::number) return wrong_kind(tree, "a whole number");
  const auto value =
      syntax_ == Syntax::json ? json_integer<Integer>(tree.text) : yaml_integer<Integer>(tree.text);
  if (value) {
    out = *value;
    return;
  }
  const bool digits_only = tree.text.find_first_of(".eE") == std::string::npos;
  if (digits_only) return out_of_range(tree);
  report(tree, fmt::format("must be a whole number, not {}", shown(tree)));
}

void Decoder::scalar(const Tree& tree, std::int64_t& out) { integer(tree, out); }
void Decoder::scalar(const Tree& tree, std::uint64_t& out) { integer(tree, out); }

void Decoder::scalar(const Tree& tree, double& out) {
  if (tree.kind != Tree::Kind::number) return wrong_kind(tree, "a number");
  if (const auto value = real_number(tree.text)) {
    out = *value;
  } else {
    out_of_range(tree);
  }
}

void Decoder::scalar(const Tree& tree, std::string& out) {
  const bool literal = syntax_ == Syntax::yaml &&
                       (tree.kind == Tree::Kind::number || tree.kind == Tree::Kind::boolean);
  if (tree.kind != Tree::Kind::string && !literal) return wrong_kind(tree, "a string");
  out = tree.text;
}

void Decoder::scalar(const Tree& tree, Timestamp& out) {
  if (tree.kind != Tree::Kind::string) return wrong_kind(tree, "a time");
  if (syntax_ == Syntax::yaml) {
    if (const auto time = yaml_timestamp(tree.text)) {
      out = *time;
      return;
    }
  }
  try {
    out = Timestamp::parse(tree.text);
  } catch (const Error&) {
    report(tree, fmt::format("must be a time like 2026-05-14T21:10:38Z, not {}", shown(tree)));
  }
}

void Decoder::scalar(const Tree& tree, Bytes& out) {
  if (tree.kind == Tree::Kind::list) {
    std::string bytes;
    bytes.reserve(tree.items.size());
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
      const Tree& item = tree.items[i];
      const Step step{*this, i};
      std::uint64_t byte = 0;
      if (item.kind != Tree::Kind::null) scalar(item, byte);
      if (byte > 0xFF) return out_of_range(item);
      bytes += static_cast<char>(byte);
    }
    out = Bytes{std::move(bytes)};
    return;
  }
  if (tree.kind != Tree::Kind::string) return wrong_kind(tree, "base64 text");
  try {
    out = Bytes{decode_base64(tree.text)};
  } catch (const Error& error) {
    report(tree, error.message());
  }
}

void Decoder::scalar(const Tree& tree, JsonText& out) {
  // Absent and null are one, as in what we write.
  if (tree.kind != Tree::Kind::null) {
    out.text = to_json(tree);
  } else if (syntax_ == Syntax::json) {
    out.text.clear();
  }
}

std::optional<int> Decoder::enumeration(const Tree& tree, std::string_view what,
                                        const std::string_view* words, std::size_t count) {
  if (tree.kind == Tree::Kind::string) {
    const auto end = words + count;
    const auto word = std::find(words, end, tree.text);
    if (word != end) return static_cast<int>(word - words);
    report(tree, fmt::format("{}: unknown label {}", what, quote(tree.text)));
    return std::nullopt;
  }
  if (tree.kind == Tree::Kind::number) {
    std::string_view digits = tree.text;
    if (syntax_ == Syntax::yaml && digits.starts_with('+')) digits.remove_prefix(1);
    if (const auto number = json_integer<std::int64_t>(digits)) {
      if (*number >= 0 && static_cast<std::uint64_t>(*number) < count) {
        return static_cast<int>(*number);
      }
      report(tree, fmt::format("{}: int {} out of range", what, *number));
      return std::nullopt;
    }
  }
  report(tree, fmt::format("{}: expected string or int, got {}", what,
                           tree.kind == Tree::Kind::null ? "null" : shown(tree)));
  return std::nullopt;
}

bool Decoder::matches(std::string_view field, std::string_view key) const {
  return field == key || (syntax_ == Syntax::json && folds_to(field, key));
}

void Decoder::unknown_field(Mark mark, std::string_view key,
                            const std::vector<std::string_view>& known) {
  if (unknown_count_ >= max_problems) return;
  const std::string_view suggestion = nearest(key, known);
  constexpr std::size_t most = 100;
  std::string text = fmt::format("unknown field {}", quote(key.substr(0, most)));
  if (!suggestion.empty()) text += fmt::format(" (did you mean {}?)", quote(suggestion));
  problems_.push_back({path_, mark, std::move(text), true});
  ++unknown_count_;
}

void Decoder::wrong_kind(const Tree& tree, std::string_view wanted) {
  report(tree, fmt::format("must be {}, not {}", wanted, name_of(tree.kind)));
}

void Decoder::out_of_range(const Tree& tree) {
  report(tree, fmt::format("{} is out of range", shown(tree)));
}

void throw_problems(const std::vector<Problem>& problems) {
  if (problems.empty()) return;
  std::string message;
  for (const Problem& problem : problems) {
    if (!message.empty()) message += '\n';
    message += problem.to_string();
  }
  throw Error{kinds::decode_failed, std::move(message)};
}

}  // namespace kukeon::reflect
