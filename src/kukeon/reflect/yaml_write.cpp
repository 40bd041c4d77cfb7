// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/strings.h"
#include "kukeon/reflect/base64.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/numbers.h"
#include "kukeon/reflect/write_tree.h"
#include "kukeon/reflect/yaml.h"

namespace kukeon::reflect {
namespace {

constexpr std::array old_booleans{"y", "Y", "yes", "Yes", "YES", "on",  "On",  "ON",
                                  "n", "N", "no",  "No",  "NO",  "off", "Off", "OFF"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?: YAML 1.1 read 1:30 as ninety.
bool is_base60(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || !is_digit(text[0])) return false;
  const auto digit_or_underscore = [](char c) { return is_digit(c) || c == '_'; };
  const auto skip = [&](auto&& accept) {
    const auto end = std::ranges::find_if_not(text, accept);
    const auto count = static_cast<std::size_t>(end - text.begin());
    const std::string_view skipped = text.substr(0, count);
    text.remove_prefix(count);
    return skipped;
  };
  skip(digit_or_underscore);
  int groups = 0;
  for (; text.starts_with(':'); ++groups) {
    text.remove_prefix(1);
    const std::string_view digits = skip(is_digit);
    if (digits.empty() || digits.size() > 2 || (digits.size() == 2 && digits[0] > '5'))
      return false;
  }
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    skip(digit_or_underscore);
  }
  return groups > 0 && text.empty();
}

// Whether a reader would take the plain word for something else than a string.
bool reads_as_another_type(std::string_view text) {
  return resolve_plain(text) != PlainKind::string || is_base60(text) ||
         std::ranges::any_of(old_booleans, [&](const char* word) { return text == word; });
}

// What stands in a string, as far as the choice of a style depends on it.
struct Content {
  bool line_breaks = false;
  bool special = false;  // needs an escape
  bool tabs = false;
  bool indicators = false;      // means something to YAML where it stands
  bool outer_space = false;     // leading or trailing space or line break
  bool leading_space = false;   // a leading space or line break
  bool trailing_space = false;  // a trailing space
  bool space_then_break = false;
  bool break_then_space = false;
};

bool is_first_indicator(char c) {
  return std::string_view{"#,[]{}&*!|>'\"%@`"}.find(c) != std::string_view::npos;
}

Content inspect(std::string_view text) {
  Content content;
  const auto is_blank_at = [&](std::size_t i) {
    return i >= text.size() || text[i] == ' ' || text[i] == '\t' || text[i] == '\n' ||
           text[i] == '\r';
  };
  if (text.starts_with("---") || text.starts_with("...")) content.indicators = true;
  bool previous_space = false;
  bool previous_break = false;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = utf8_length(text, i);
    if (i == 0) {
      if (is_first_indicator(c)) content.indicators = true;
      if ((c == '?' || c == ':' || c == '-') && is_blank_at(1)) content.indicators = true;
    } else {
      if (c == ':' && is_blank_at(i + 1)) content.indicators = true;
      if (c == '#' && is_blank_at(i - 1)) content.indicators = true;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t') {
      content.tabs = true;
    } else if (length == 1) {
      if ((byte < 0x20 && c != '\n') || byte == 0x7F) content.special = true;
    } else {
      const std::string_view sequence = text.substr(i, length);
      // yaml.v3 escapes C1 controls, the byte order mark, and all beyond the basic plane; the two
      // line separators would break a line.
      if (length == 4 || (byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0) ||
          sequence == "\uFEFF" || sequence == "\u2028" || sequence == "\u2029" ||
          sequence == "\xEF\xBF\xBE" || sequence == "\xEF\xBF\xBF") {
        content.special = true;
      }
    }
    const bool first = i == 0;
    const bool last = i + length == text.size();
    if (c == ' ') {
      content.leading_space |= first;
      content.trailing_space |= last;
      content.outer_space |= first || last;
      content.break_then_space |= previous_break;
    } else if (c == '\n') {
      content.line_breaks = true;
      content.leading_space |= first;
      content.outer_space |= first || last;
      content.space_then_break |= previous_space;
    }
    previous_space = c == ' ';
    previous_break = c == '\n';
    i += length;
  }
  return content;
}

std::string single_quoted(std::string_view text) {
  std::string out{'\''};
  for (const char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + '\'';
}

std::uint32_t code_point(std::string_view sequence) {
  if (sequence.size() == 1) return static_cast<unsigned char>(sequence[0]);
  auto point = static_cast<std::uint32_t>(static_cast<unsigned char>(sequence[0])) &
               (0xFFU >> (sequence.size() + 1));
  for (const char c : sequence.substr(1)) {
    point = point << 6 | (static_cast<std::uint32_t>(static_cast<unsigned char>(c)) & 0x3FU);
  }
  return point;
}

std::string double_quoted(std::string_view text) {
  std::string out{'"'};
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    const std::string_view sequence = text.substr(i, length);
    i += length;
    const std::uint32_t point = code_point(sequence);
    switch (point) {
      case 0:
        out += "\\0";
        continue;
      case '\a':
        out += "\\a";
        continue;
      case '\b':
        out += "\\b";
        continue;
      case '\t':
        out += "\\t";
        continue;
      case '\n':
        out += "\\n";
        continue;
      case '\v':
        out += "\\v";
        continue;
      case '\f':
        out += "\\f";
        continue;
      case '\r':
        out += "\\r";
        continue;
      case 0x1B:
        out += "\\e";
        continue;
      case '"':
        out += "\\\"";
        continue;
      case '\\':
        out += "\\\\";
        continue;
      case 0x85:
        out += "\\N";
        continue;
      case 0x2028:
        out += "\\L";
        continue;
      case 0x2029:
        out += "\\P";
        continue;
      default:
        break;
    }
    if (point < 0x20 || (point >= 0x7F && point < 0xA0)) {
      out += fmt::format("\\x{:02X}", point);
    } else if (point == 0xFEFF || point == 0xFFFE || point == 0xFFFF) {
      out += fmt::format("\\u{:04X}", point);
    } else if (point > 0xFFFF) {
      out += fmt::format("\\U{:08X}", point);
    } else {
      out += sequence;
    }
  }
  return out + '"';
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

// A string on one line, quoted as it must be.
std::string one_line(std::string_view text) {
  if (!is_utf8(text)) {
    std::string out = "!!binary ";
    append_base64(out, text);
    return out;
  }
  if (reads_as_another_type(text)) return double_quoted(text);
  const Content content = inspect(text);
  if (content.line_breaks || content.special || content.tabs) return double_quoted(text);
  if (content.indicators || content.outer_space) return single_quoted(text);
  return std::string{text};
}

// `|-` or `|`, then the lines at `column`; without the last line break.
std::string block(std::string_view text, int column) {
  const bool ends_in_break = text.ends_with('\n');
  std::string out = !ends_in_break ? "|-" : text.ends_with("\n\n") ? "|+" : "|";
  if (ends_in_break) text.remove_suffix(1);
  for (;;) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    out += '\n';
    if (!line.empty()) out.append(static_cast<std::size_t>(column), ' ');
    out += line;
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

// A string in the style that yaml.v3 chooses; a block's lines stand at `column`.
std::string styled(std::string_view text, int column) {
  if (text.find('\n') == std::string_view::npos || !is_utf8(text)) return one_line(text);
  const Content content = inspect(text);
  // A block that starts with a space would need an indentation hint, which readers disagree on.
  const bool as_block = !content.special && !content.leading_space && !content.trailing_space &&
                        !content.space_then_break;
  return as_block ? block(text, column) : double_quoted(text);
}

// A key that a reader would not find the colon of, or that spans lines, is written with `? `.
bool is_simple_key(std::string_view key) {
  constexpr std::size_t longest = 128;
  constexpr std::array line_breaks{"\n", "\r", "\u0085", "\u2028", "\u2029"};
  return key.size() <= longest && std::ranges::none_of(line_breaks, [&](const char* line_break) {
           return key.find(line_break) != std::string_view::npos;
         });
}

// FormatFloat(value, 'g', -1, 64).
std::string shortest_real(double value) {
  if (std::isnan(value)) return ".nan";
  if (std::isinf(value)) return value < 0 ? "-.inf" : ".inf";
  const double magnitude = std::abs(value);
  const bool exponent = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6);
  return exponent ? scientific_notation(value) : fixed_notation(value);
}

}  // namespace

void YamlWriter::pad(int column) { out_.append(static_cast<std::size_t>(column), ' '); }

void YamlWriter::start_entry() {
  Level& level = levels_.back();
  // The first entry of what follows a dash stands on the dash's line.
  if (!std::exchange(level.empty, false) || !after_dash_) {
    if (after_key_) out_ += '\n';
    pad(level.column);
  }
  after_key_ = after_dash_ = false;
}

void YamlWriter::start_value() {
  if (levels_.empty() || !levels_.back().list) return;
  start_entry();
  out_ += "- ";
  after_dash_ = true;
}

int YamlWriter::next_column() const {
  if (levels_.empty()) return 0;
  const int column = levels_.back().column;
  // What follows a dash starts right behind it, all else at the next multiple of the indent.
  return after_dash_ ? column + 2 : (column / indent_ + 1) * indent_;
}

void YamlWriter::scalar(std::string_view text) {
  start_value();
  finish_scalar(text);
}

void YamlWriter::finish_scalar(std::string_view text) {
  if (after_key_) out_ += ' ';
  out_ += text;
  out_ += '\n';
  after_key_ = after_dash_ = false;
}

void YamlWriter::open(bool list) {
  start_value();
  levels_.push_back({list, true, next_column()});
}

void YamlWriter::close(std::string_view empty_text) {
  const bool empty = levels_.back().empty;
  levels_.pop_back();
  if (empty) finish_scalar(empty_text);
}

void YamlWriter::null() { scalar("null"); }
void YamlWriter::null_list() { scalar("[]"); }
void YamlWriter::null_map() { scalar("{}"); }
void YamlWriter::boolean(bool value) { scalar(value ? "true" : "false"); }
void YamlWriter::integer(std::int64_t value) { scalar(fmt::to_string(value)); }
void YamlWriter::unsigned_integer(std::uint64_t value) { scalar(fmt::to_string(value)); }
void YamlWriter::number(double value) { scalar(shortest_real(value)); }
void YamlWriter::time(const Timestamp& value) { scalar(value.to_string()); }
void YamlWriter::literal(std::string_view number) { scalar(number); }
void YamlWriter::raw(std::string_view json) { write_tree(*this, parse_json(json)); }

void YamlWriter::string(std::string_view value) {
  start_value();
  finish_scalar(styled(value, levels_.empty() ? indent_ : next_column()));
}

void YamlWriter::bytes(const Bytes& value) {
  if (value.is_null()) return null();
  std::string text;
  append_base64(text, value.data);
  string(text);
}

void YamlWriter::begin_map() { open(false); }
void YamlWriter::end_map() { close("{}"); }
void YamlWriter::begin_list() { open(true); }
void YamlWriter::end_list() { close("[]"); }

void YamlWriter::key(std::string_view name) {
  start_entry();
  if (!is_simple_key(name)) {
    out_ += "? ";
    finish_scalar(styled(name, next_column()));
    pad(levels_.back().column);
    out_ += ':';
  } else {
    out_ += one_line(name);
    out_ += ':';
  }
  after_key_ = true;
}

std::string YamlWriter::take() { return std::move(out_); }

}  // namespace kukeon::reflect
