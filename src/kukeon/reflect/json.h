// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kukeon/reflect/encode.h"
#include "kukeon/reflect/tree.h"

namespace kukeon::reflect {

// Bounds of a text that another process wrote.
struct JsonLimits {
  std::size_t depth = 10000;      // Go's decoder stops here too (wire.md §2.1)
  std::size_t values = SIZE_MAX;  // a frame holds as many as its length allows
};

// Parses exactly one JSON value (leading and trailing white space allowed); throws decode_failed
// with line and column. As Go's encoding/json: of duplicate keys both stay in the tree, in order,
// so the last wins; invalid UTF-8 and lone surrogates become U+FFFD.
Tree parse_json(std::string_view text, JsonLimits limits = {});

// Writes JSON as Go's encoding/json does: `<`, `>`, `&`, U+2028 and U+2029 escaped.
class JsonWriter {
 public:
  static constexpr bool omits_zero_structs = false;

  // indent 0: compact, one line.
  explicit JsonWriter(int indent = 0) : indent_{indent} {}

  void null();
  void null_list() { null(); }
  void null_map() { null(); }
  void boolean(bool value);
  void integer(std::int64_t value);
  void unsigned_integer(std::uint64_t value);
  void number(double value);
  void string(std::string_view value);
  void time(const Timestamp& value);
  void bytes(const Bytes& value);
  void literal(std::string_view number);  // a JSON number, as it stands
  void raw(std::string_view json);
  void begin_map();
  void key(std::string_view name);
  void end_map();
  void begin_list();
  void end_list();

  std::string take() { return std::move(out_); }

 private:
  void before_value();
  void line_break();
  void close(char bracket);

  std::string out_;
  int indent_;
  std::vector<bool> has_items_;  // one per open map or list
  bool after_key_ = false;
};

template <class T>
std::string to_json(const T& value, int indent = 0) {
  JsonWriter writer{indent};
  encode(writer, value);
  return writer.take();
}

// Reads one document; throws decode_failed.
template <class T>
T from_json(std::string_view text, UnknownFields unknown = UnknownFields::ignore) {
  return from_tree<T>(parse_json(text, {.values = most_values}), Syntax::json, unknown);
}

// The text of a tree as compact JSON.
std::string to_json(const Tree& tree);

// One JSON string literal, quotes included.
std::string json_quote(std::string_view text);

// Cuts a stream of bytes into JSON values: back to back or with white space between (wire.md §2).
// It finds where a value ends and no more; parse_json() judges it.
class JsonSplitter {
 public:
  explicit JsonSplitter(std::size_t limit) : limit_{limit} {}

  void append(std::string_view bytes);
  // Moves the next complete value out, if there is one. Throws decode_failed when what stands there
  // cannot be the start of a value, invalid_argument when a value outgrows the limit.
  bool next(std::string& value);
  // Whether bytes of an incomplete value are left.
  bool in_value() const;

 private:
  bool start_value();
  bool find_end();
  [[noreturn]] void refuse_length() const;

  std::size_t limit_;
  std::string buffer_;
  std::size_t start_ = 0;    // of the value being scanned
  std::size_t scanned_ = 0;  // how far, relative to the buffer
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool word_ =
      false;  // a top-level number, true, false or null: ends where another kind of byte stands
  bool started_ = false;
};

}  // namespace kukeon::reflect
