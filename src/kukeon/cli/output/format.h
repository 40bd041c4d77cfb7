// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "kukeon/reflect/json.h"
#include "kukeon/reflect/yaml.h"

namespace kukeon::cli {

enum class Format { automatic, table, yaml, json };

// The format that `-o` names, whatever its case; without the flag what KUKE_GET_OUTPUT says, else
// automatic. Throws on any other word.
Format parse_format(const std::optional<std::string>& flag);

// A document, or a list of them, as `get -o` prints it: two blanks of indent, one newline at the
// end.
template <class T>
std::string text_of(const T& document, Format format) {
  return format == Format::json ? reflect::to_json(document, 2) + "\n"
                                : reflect::to_yaml(document, 2);
}

}  // namespace kukeon::cli
