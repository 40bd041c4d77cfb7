// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/rollback.h"

#include "kukeon/base/error.h"
#include "kukeon/base/log.h"

namespace kukeon {

Rollback::~Rollback() {
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    try {
      (*step)();
    } catch (...) {
      log::warn("undo step failed", {{"cause", current_exception_text()}});
    }
  }
}

}  // namespace kukeon
