// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/reflect/encode.h"
#include "kukeon/reflect/tree.h"

namespace kukeon::reflect {

// Parses one YAML document as yaml.v3 does with a struct to fill: plain scalars keep their text and
// are typed by the field that takes them (`~`, `null` and nothing are null), duplicate keys,
// unknown anchors and alias bombs are refused. An empty text is a null tree. `first_line` is where
// the document starts in the file it was cut from, so that marks speak of the file. Throws
// decode_failed.
Tree parse_yaml(std::string_view text, int first_line = 1);

// Splits a stream at lines that hold only `---` and white space; empty pieces are dropped (wire.md
// §7).
struct YamlPiece {
  std::string text;
  int first_line = 1;
};
std::vector<YamlPiece> split_yaml_documents(std::string_view stream);

// Writes YAML as yaml.v3 does: lists indented under their key, strings quoted only where needed
// (model.md §1). `indent` is 4 for documents as files, 2 for `kuke get -o yaml`.
class YamlWriter {
 public:
  static constexpr bool omits_zero_structs = true;

  explicit YamlWriter(int indent = 4) : indent_{indent} {}

  void null();
  void null_list();
  void null_map();
  void boolean(bool value);
  void integer(std::int64_t value);
  void unsigned_integer(std::uint64_t value);
  void number(double value);
  void string(std::string_view value);
  void time(const Timestamp& value);
  void bytes(const Bytes& value);
  void literal(std::string_view number);  // a number, as it stands
  void raw(std::string_view json);        // as the YAML of that JSON
  void begin_map();
  void key(std::string_view name);
  void end_map();
  void begin_list();
  void end_list();

  // The text, ending in a newline.
  std::string take();

 private:
  struct Level {
    bool list = false;
    bool empty = true;
    int column = 0;  // where its entries start
  };

  void scalar(std::string_view text);
  void finish_scalar(std::string_view text);
  void open(bool list);
  void close(std::string_view empty_text);
  void start_entry();
  void start_value();
  int next_column() const;
  void pad(int column);

  std::string out_;
  int indent_;
  std::vector<Level> levels_;
  bool after_key_ = false;
  bool after_dash_ = false;
};

template <class T>
std::string to_yaml(const T& value, int indent = 4) {
  YamlWriter writer{indent};
  encode(writer, value);
  return writer.take();
}

template <class T>
T from_yaml(std::string_view text, UnknownFields unknown = UnknownFields::report) {
  return from_tree<T>(parse_yaml(text), Syntax::yaml, unknown);
}

}  // namespace kukeon::reflect
