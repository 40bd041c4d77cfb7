// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/container.h"

#include <algorithm>

namespace kukeon::model {

bool ContainerTty::is_empty() const {
  return prompt.empty() && log_file.empty() &&
         std::ranges::all_of(on_init, [](const TtyStage& stage) { return stage.script.empty(); });
}

}  // namespace kukeon::model
