// SPDX-License-Identifier: Apache-2.0
#include "kukeon/network/subnet_pool.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"

namespace kukeon::network {

Subnet pick_subnet(const Subnet& parent, const std::vector<Subnet>& used, int length) {
  Subnet candidate;
  for (std::uint32_t n = 0; parent.chunk(length, n, candidate); ++n) {
    const bool taken =
        std::ranges::any_of(used, [&](const Subnet& other) { return other.overlaps(candidate); });
    if (!taken) return candidate;
  }
  throw Error{kinds::subnet_exhausted,
              fmt::format("no free /{} subnet in {}", length, parent.to_string())};
}

Address pick_address(const Subnet& subnet, const std::vector<Address>& used) {
  const std::set<Address> taken(used.begin(), used.end());
  // A /31 or /32 has no host address beside the gateway's.
  if (subnet.prefix <= 30) {
    for (Address at = subnet.first_host(); at <= subnet.last_host(); ++at.bits) {
      if (!taken.contains(at)) return at;
    }
  }
  throw Error{kinds::address_exhausted, fmt::format("no free address in {}", subnet.to_string())};
}

}  // namespace kukeon::network
