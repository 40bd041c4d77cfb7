// SPDX-License-Identifier: Apache-2.0
#include "kukeon/network/address.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::network {
namespace {

// Takes a decimal number of at most three digits off the front of `text`. A leading zero is
// refused: some programs read it as octal.
std::optional<unsigned> take_number(std::string_view& text, unsigned most) {
  unsigned value = 0;
  const char* end = text.data() + std::min<std::size_t>(text.size(), 3);
  const auto [stop, err] = std::from_chars(text.data(), end, value);
  const auto length = static_cast<std::size_t>(stop - text.data());
  if (err != std::errc{} || value > most || (length > 1 && text.front() == '0'))
    return std::nullopt;
  text.remove_prefix(length);
  return value;
}

std::optional<Address> take_address(std::string_view& text) {
  Address address;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) {
      if (!text.starts_with('.')) return std::nullopt;
      text.remove_prefix(1);
    }
    const auto number = take_number(text, 255);
    if (!number) return std::nullopt;
    address.bits = address.bits << 8 | *number;
  }
  return address;
}

std::uint32_t mask(int prefix) { return prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix); }

}  // namespace

std::string Address::to_string() const {
  return fmt::format("{}.{}.{}.{}", bits >> 24, bits >> 16 & 255, bits >> 8 & 255, bits & 255);
}

Address Address::parse(std::string_view text) {
  std::string_view rest = text;
  const auto address = take_address(rest);
  if (!address || !rest.empty()) {
    throw Error{kinds::invalid_argument,
                fmt::format("{} is not an IPv4 address (as in 10.88.0.2)", quote(text))};
  }
  return *address;
}

std::string Subnet::to_string() const { return fmt::format("{}/{}", base.to_string(), prefix); }

Subnet Subnet::parse(std::string_view text) {
  std::string_view rest = text;
  const auto address = take_address(rest);
  std::optional<unsigned> length;
  if (address && rest.starts_with('/')) {
    rest.remove_prefix(1);
    length = take_number(rest, 32);
  }
  if (!address || !length || !rest.empty()) {
    throw Error{kinds::invalid_argument,
                fmt::format("{} is not an IPv4 network (as in 10.88.0.0/24)", quote(text))};
  }
  const Subnet subnet{*address, static_cast<int>(*length)};
  const Address base{address->bits & mask(subnet.prefix)};
  if (base != subnet.base) {
    throw Error{kinds::invalid_argument, fmt::format("{} has host bits set; the network is {}/{}",
                                                     quote(text), base.to_string(), *length)};
  }
  return subnet;
}

bool Subnet::contains(Address address) const { return (address.bits & mask(prefix)) == base.bits; }

bool Subnet::overlaps(const Subnet& other) const {
  return prefix <= other.prefix ? contains(other.base) : other.contains(base);
}

bool Subnet::chunk(int length, std::uint32_t n, Subnet& out) const {
  if (length < prefix || length > 32) return false;
  const std::uint64_t count = std::uint64_t{1} << (length - prefix);
  if (n >= count) return false;
  const auto offset = static_cast<std::uint32_t>(std::uint64_t{n} << (32 - length));
  out = {{base.bits + offset}, length};
  return true;
}

}  // namespace kukeon::network
