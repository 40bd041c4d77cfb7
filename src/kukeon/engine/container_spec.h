// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kukeon/engine/cell_layout.h"
#include "kukeon/engine/config.h"
#include "kukeon/image/import.h"
#include "kukeon/oci/user.h"
#include "kukeon/runtime/runtime.h"

namespace kukeon::engine {

// On a container's record: the image content that its snapshot stands on.
inline constexpr std::string_view chain_label = "kukeon.io/chain-id";

// What a container's specification depends on beside its own document.
struct ContainerFacts {
  const Config& config;
  const model::Cell& cell;
  const CellLayout& at;
  const image::UnpackedImage& image;
  const oci::AccountFiles& accounts;
  bool cgroup_v2 = false;
};

// The OCI specification as JSON. Reads secrets and seccomp profiles from the host, and stages
// secret files below the runtime directory (runtime.md 2.11).
std::string make_oci_spec(const model::ContainerSpec& spec, const ContainerFacts& facts);

// What containerd's record is labelled with (runtime.md 1.3).
runtime::Labels container_labels(const model::ContainerSpec& spec, const model::Cell& cell);

// Success when there are none.
void remove_staged_secrets(const Config& config, const std::string& ns, const std::string& id);

}  // namespace kukeon::engine
