// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kukeon::kernel {

// The host routes IPv4 between its links: bridges of spaces need it.
inline constexpr std::string_view ip_forward = "net.ipv4.ip_forward";

// Values without white space around them. Names below `net.` mean this thread's network namespace.
std::string read_sysctl(std::string_view name);
// Writes only what differs; returns the value it had before.
std::string write_sysctl(std::string_view name, std::string_view value);

}  // namespace kukeon::kernel
