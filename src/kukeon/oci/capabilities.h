// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kukeon/oci/runtime_spec.h"

namespace kukeon::oci {

// "CAP_CHOWN" …, all that Linux has, by number.
reflect::StringList known_capabilities();

// The names of the bits of a mask, as in the CapEff line of /proc/<pid>/status.
reflect::StringList capability_names(std::uint64_t mask);

// What a container gets that asks for nothing (runtime.md 2.3).
reflect::StringList default_capabilities();

// " net_admin " -> "CAP_NET_ADMIN"; "all" -> "ALL". Throws invalid_argument for a name Linux does
// not have.
std::string normalise_capability(std::string_view name);

// Drops, then adds: `ALL` in drop clears every set, `ALL` in add is every name of `all`. Blank
// names are passed over.
void adjust_capabilities(LinuxCapabilities& sets, const reflect::StringList& drop,
                         const reflect::StringList& add, const reflect::StringList& all);

}  // namespace kukeon::oci
