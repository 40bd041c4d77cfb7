// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/base64.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/numbers.h"
#include "kukeon/reflect/write_tree.h"

namespace kukeon::reflect {
namespace {

// Bytes that a string literal cannot carry as they are; from 0x80 on a closer look decides.
constexpr auto is_special = [] {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < 256; ++i) table[i] = i < 0x20 || i >= 0x80;
  for (const char c : {'"', '\\', '<', '>', '&'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

void append_escape(std::string& out, unsigned char byte) {
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
  }
}

void append_literal(std::string& out, std::string_view text) {
  out += '"';
  std::size_t copied = 0;  // what stands before it is in `out`
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (!is_special[byte]) {
      ++i;
      continue;
    }
    const std::size_t length = byte < 0x80 ? 1 : utf8_length(text, i);
    const std::string_view sequence = text.substr(i, length);
    if (length > 1 && sequence != "\u2028" && sequence != "\u2029") {
      i += length;
      continue;
    }
    out.append(text, copied, i - copied);
    if (length == 0) {
      out += "\\ufffd";
      i += 1;
    } else if (length > 1) {
      out += sequence == "\u2028" ? "\\u2028" : "\\u2029";
      i += length;
    } else {
      append_escape(out, byte);
      i += 1;
    }
    copied = i;
  }
  out.append(text, copied, text.size() - copied);
  out += '"';
}

template <class Integer>
void append_integer(std::string& out, Integer value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

}  // namespace

void JsonWriter::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (has_items_.empty()) return;
  if (has_items_.back()) out_ += ',';
  has_items_.back() = true;
  line_break();
}

void JsonWriter::line_break() {
  if (indent_ == 0) return;
  out_ += '\n';
  out_.append(has_items_.size() * static_cast<std::size_t>(indent_), ' ');
}

void JsonWriter::close(char bracket) {
  const bool had_items = has_items_.back();
  has_items_.pop_back();
  if (had_items) line_break();
  out_ += bracket;
}

void JsonWriter::null() {
  before_value();
  out_ += "null";
}

void JsonWriter::boolean(bool value) {
  before_value();
  out_ += value ? "true" : "false";
}

void JsonWriter::integer(std::int64_t value) {
  before_value();
  append_integer(out_, value);
}

void JsonWriter::unsigned_integer(std::uint64_t value) {
  before_value();
  append_integer(out_, value);
}

void JsonWriter::number(double value) {
  if (!std::isfinite(value)) {
    throw Error{kinds::invalid_argument, fmt::format("JSON has no way to write {}", value)};
  }
  before_value();
  // encoding/json: an exponent below 1e-6 and from 1e21 on, without a leading zero in it.
  const double magnitude = std::abs(value);
  const bool exponent = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  out_ += exponent ? scientific_notation(value, 1) : fixed_notation(value);
}

void JsonWriter::string(std::string_view value) {
  before_value();
  append_literal(out_, value);
}

void JsonWriter::time(const Timestamp& value) {
  before_value();
  out_ += '"';
  out_ += value.to_string();
  out_ += '"';
}

void JsonWriter::bytes(const Bytes& value) {
  if (value.is_null()) return null();
  before_value();
  out_ += '"';
  append_base64(out_, value.data);
  out_ += '"';
}

void JsonWriter::raw(std::string_view json) {
  if (indent_ != 0) return write_tree(*this, parse_json(json));
  before_value();
  out_ += json;
}

void JsonWriter::begin_map() {
  before_value();
  out_ += '{';
  has_items_.push_back(false);
}

void JsonWriter::key(std::string_view name) {
  before_value();
  append_literal(out_, name);
  out_ += indent_ == 0 ? ":" : ": ";
  after_key_ = true;
}

void JsonWriter::end_map() { close('}'); }

void JsonWriter::begin_list() {
  before_value();
  out_ += '[';
  has_items_.push_back(false);
}

void JsonWriter::end_list() { close(']'); }

void JsonWriter::literal(std::string_view number) {
  before_value();
  out_ += number;
}

std::string to_json(const Tree& tree) {
  JsonWriter writer;
  write_tree(writer, tree);
  return writer.take();
}

std::string json_quote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_literal(out, text);
  return out;
}

}  // namespace kukeon::reflect
