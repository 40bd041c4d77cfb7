// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kukeon/runtime/runtime.h"

namespace kukeon::fakes {

// One of containerd's filters, as far as containers have fields: conditions on `id`, `image` and
// `labels.<key>`, joined by commas. A condition is a field alone (it is there), or one with ==, !=
// or ~= (a regular expression) and a word or a quoted text. The key of a label is quoted where it
// has a dot or a slash.
class ContainerFilter {
 public:
  static ContainerFilter parse(std::string_view text);  // throws invalid_argument
  bool matches(const runtime::ContainerRecord& container) const;

 private:
  struct Condition {
    std::string field;  // "id", "image", or a label's key
    bool of_label = false;
    std::string op;  // empty: present
    std::string value;
  };
  std::vector<Condition> conditions_;
};

}  // namespace kukeon::fakes
