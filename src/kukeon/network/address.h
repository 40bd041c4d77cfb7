// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kukeon::network {

// An IPv4 address, host byte order.
struct Address {
  std::uint32_t bits = 0;

  std::string to_string() const;
  static Address parse(std::string_view text);  // throws invalid_argument
  bool is_unset() const { return bits == 0; }

  auto operator<=>(const Address&) const = default;
};

// An IPv4 network in CIDR form; `base` has no host bits.
struct Subnet {
  Address base;
  int prefix = 0;

  std::string to_string() const;
  static Subnet parse(std::string_view text);  // throws invalid_argument, also for host bits set
  bool contains(Address address) const;
  bool overlaps(const Subnet& other) const;

  Address gateway() const { return {base.bits + 1}; }
  Address first_host() const { return {base.bits + 2}; }
  Address last_host() const {
    return {base.bits + static_cast<std::uint32_t>((std::uint64_t{1} << (32 - prefix)) - 2)};
  }
  // The n-th subnet of `length` bits inside this one, or false past the end.
  bool chunk(int length, std::uint32_t n, Subnet& out) const;

  bool operator==(const Subnet&) const = default;
};

}  // namespace kukeon::network
