// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/cell.h"

#include <algorithm>
#include <utility>

namespace kukeon::model {

const ContainerSpec* find_container(const CellSpec& spec, std::string_view id) {
  const auto found = std::ranges::find(spec.containers, id, &ContainerSpec::id);
  return found == spec.containers.end() ? nullptr : &*found;
}

ContainerSpec* find_container(CellSpec& spec, std::string_view id) {
  return const_cast<ContainerSpec*>(find_container(std::as_const(spec), id));
}

const ContainerStatus* find_status(const CellStatus& status, std::string_view id) {
  const auto found = std::ranges::find(status.containers, id, &ContainerStatus::id);
  return found == status.containers.end() ? nullptr : &*found;
}

ContainerStatus* find_status(CellStatus& status, std::string_view id) {
  return const_cast<ContainerStatus*>(find_status(std::as_const(status), id));
}

bool is_root(const CellSpec& spec, const ContainerSpec& container) {
  return spec.root_container_id.empty() ? container.root : container.id == spec.root_container_id;
}

const ContainerSpec* root_of(const CellSpec& spec) {
  const auto found = std::ranges::find_if(
      spec.containers, [&](const ContainerSpec& container) { return is_root(spec, container); });
  return found == spec.containers.end() ? nullptr : &*found;
}

std::vector<const ContainerSpec*> workloads_of(const CellSpec& spec) {
  std::vector<const ContainerSpec*> workloads;
  for (const ContainerSpec& container : spec.containers) {
    if (!is_root(spec, container)) workloads.push_back(&container);
  }
  if (const ContainerSpec* root = root_of(spec); workloads.empty() && root != nullptr) {
    workloads.push_back(root);
  }
  return workloads;
}

}  // namespace kukeon::model
