// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kukeon/reflect/numbers.h"
#include "kukeon/reflect/tree.h"

namespace kukeon::reflect {

// Sends a tree to a writer, JSON or YAML. Literals that only YAML has (`0755`, `True`) become what
// they mean; a number that JSON cannot say is written as a string.
template <class W>
void write_tree(W& writer, const Tree& tree) {
  switch (tree.kind) {
    case Tree::Kind::null:
      return writer.null();
    case Tree::Kind::boolean:
      return writer.boolean(tree.text[0] == 't' || tree.text[0] == 'T');
    case Tree::Kind::string:
      return writer.string(tree.text);
    case Tree::Kind::number:
      if (is_json_number(tree.text)) return writer.literal(tree.text);
      if (const auto value = yaml_integer<std::int64_t>(tree.text)) return writer.integer(*value);
      if (const auto value = yaml_integer<std::uint64_t>(tree.text)) {
        return writer.unsigned_integer(*value);
      }
      return writer.string(tree.text);
    case Tree::Kind::list:
      writer.begin_list();
      for (const Tree& item : tree.items) write_tree(writer, item);
      return writer.end_list();
    case Tree::Kind::map:
      writer.begin_map();
      for (const auto& [key, value] : tree.members) {
        writer.key(key);
        write_tree(writer, value);
      }
      return writer.end_map();
  }
}

}  // namespace kukeon::reflect
