// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kukeon/network/address.h"

// Which subnet a new space gets and which address a new cell: pure functions of what is taken. The
// caller holds the leases (store) and the lock over choosing and storing.
namespace kukeon::network {

// runtime.md 2.12
inline constexpr int space_prefix = 24;

// The lowest /`length` of `parent` that overlaps nothing in `used`; subnet_exhausted when there is
// none.
Subnet pick_subnet(const Subnet& parent, const std::vector<Subnet>& used,
                   int length = space_prefix);

// The lowest free host address: not the network's, the gateway's or the broadcast address, and not
// in `used`. address_exhausted when there is none.
Address pick_address(const Subnet& subnet, const std::vector<Address>& used);

}  // namespace kukeon::network
