// SPDX-License-Identifier: Apache-2.0
#include "kukeon/runtime/filter.h"

#include <fmt/format.h>

#include "kukeon/base/strings.h"

namespace kukeon::runtime {

std::string label_is(std::string_view key, std::string_view value) {
  return fmt::format("labels.{}=={}", quote(key), quote(value));
}

std::string labels_are(const Labels& labels) {
  std::vector<std::string> conditions;
  for (const auto& [key, value] : labels) conditions.push_back(label_is(key, value));
  return join(conditions, ",");
}

}  // namespace kukeon::runtime
