// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/space.h"

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::model {

bool EgressPolicy::denies() const {
  const std::string word = to_lower_ascii(trim(default_action));
  if (word == "deny") return true;
  if (word.empty() || word == "allow") return false;
  throw Error{kinds::invalid_argument, "egress default must be 'allow' or 'deny'"};
}

}  // namespace kukeon::model
