// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kukeon/network/address.h"
#include "kukeon/network/network.h"

// The two files of a space that other programs read: a CNI configuration list with which any CNI
// runtime builds the same network, and the subnet lease (runtime.md 1.4, 2.12). Both 0600, in the
// space's directory.
namespace kukeon::network {

inline constexpr std::string_view conflist_file = "network.conflist";
inline constexpr std::string_view subnet_file = "network.json";

// Text of network.conflist and back; reading throws decode_failed, also when it is not a list of
// ours (no bridge plugin with one host-local range).
std::string write_conflist(const SpaceNetwork& space);
SpaceNetwork read_conflist(std::string_view text);

// Text of network.json and back; decode_failed.
std::string write_subnet_file(const Subnet& subnet);
Subnet read_subnet_file(std::string_view text);

}  // namespace kukeon::network
