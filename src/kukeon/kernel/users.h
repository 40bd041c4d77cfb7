// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace kukeon::kernel {

// From the group database of this host; nullopt where it has no such group.
std::optional<gid_t> find_group(const std::string& name);

}  // namespace kukeon::kernel
