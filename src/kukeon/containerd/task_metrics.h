// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kukeon/runtime/runtime.h"

// Internal to this folder.
namespace kukeon::containerd {

// Fills `to` from a shim's message, of cgroup v1 or v2 by its type. Throws decode_failed.
void decode_metrics(std::string_view type, const std::string& bytes, runtime::TaskMetrics& to);

}  // namespace kukeon::containerd
