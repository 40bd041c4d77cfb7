// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

namespace kukeon::kernel {

// Moves the process, while it has one thread, into a network and a mount namespace of its own,
// loopback up: what it makes there nobody else sees, and all of it ends with the process. For tests
// and benchmarks. Returns why that is not possible here.
std::optional<std::string> isolate_process();

}  // namespace kukeon::kernel
