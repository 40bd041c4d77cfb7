// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/output/format.h"

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/settings.h"

namespace kukeon::cli {

Format parse_format(const std::optional<std::string>& flag) {
  const std::string word = flag ? *flag : environment("KUKE_GET_OUTPUT").value_or("");
  const std::string lower = to_lower_ascii(trim(word));
  if (lower.empty()) return Format::automatic;
  if (lower == "table") return Format::table;
  if (lower == "yaml") return Format::yaml;
  if (lower == "json") return Format::json;
  throw Error{kinds::usage,
              fmt::format("invalid output format: {} (supported: yaml, json, table)", word)};
}

}  // namespace kukeon::cli
