// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kukeon/base/timestamp.h"

// What the literals of numbers mean in each syntax. Used inside reflect only.
namespace kukeon::reflect {

// -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
bool is_json_number(std::string_view text);

// What yaml.v3 resolves an unquoted scalar to.
enum class PlainKind { null, boolean, integer, real, timestamp, merge, string };
PlainKind resolve_plain(std::string_view text);

// Plain digits with an optional minus (JSON).
template <class Integer>
std::optional<Integer> json_integer(std::string_view text);

// Decimal, 0x, 0o, 0b, leading-zero octal, `_` between digits, integral floats (model.md §1).
template <class Integer>
std::optional<Integer> yaml_integer(std::string_view text);

// A number of either syntax as yaml.v3 reads it; nothing beyond the range of a double.
std::optional<double> real_number(std::string_view text);

// The fewest digits that read back as the value: d.ddd times ten to the exponent, without sign.
struct Decimal {
  std::string digits;
  int exponent = 0;
};
Decimal shortest_decimal(double value);

// "-1200", "0.00012" and "1.2e-07", as Go's FormatFloat writes 'f' and 'e' with precision -1.
std::string fixed_notation(double value);
std::string scientific_notation(double value, int exponent_digits = 2);

// RFC 3339, also with short fields, a space for the `T`, or the date alone.
std::optional<Timestamp> yaml_timestamp(std::string_view text);

}  // namespace kukeon::reflect
