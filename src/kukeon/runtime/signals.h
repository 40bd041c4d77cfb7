// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kukeon::runtime {

// "SIGTERM", "TERM", "term" or "15"; nothing for what the kernel has no such signal for. A caller
// that must not fail takes SIGTERM then (runtime.md 2.7).
std::optional<int> find_signal(std::string_view name);

// "SIGTERM"; for a number without a name the number.
std::string signal_name(int signal);

}  // namespace kukeon::runtime
