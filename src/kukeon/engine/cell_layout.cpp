// SPDX-License-Identifier: Apache-2.0
#include "kukeon/engine/cell_layout.h"

#include <fmt/format.h>

namespace kukeon::engine {

std::string CellLayout::container_id(const model::ContainerSpec& spec) const {
  if (spec.id == root_name) return root_id;
  return model::container_id(path.space, path.stack, cell_id, spec.id);
}

bool root_runs(const model::Cell& cell) {
  const model::ContainerSpec* root = model::root_of(cell.spec);
  const auto* status = root != nullptr ? model::find_status(cell.status, root->id) : nullptr;
  return status != nullptr && status->state == model::ContainerState::ready;
}

std::string render_hosts(const std::string& cell, const std::string& address) {
  std::string text =
      "127.0.0.1\tlocalhost\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::\tip6-localnet\n"
      "ff00::\tip6-mcastprefix\n"
      "ff02::1\tip6-allnodes\n"
      "ff02::2\tip6-allrouters\n";
  if (!address.empty()) text += fmt::format("{}\t{}\n", address, cell);
  return text;
}

}  // namespace kukeon::engine
