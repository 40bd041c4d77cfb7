// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace kukeon {

// A point in time as Go's time.Time prints it: RFC 3339 with up to nine fractional digits, trailing
// zeros trimmed. The default value is Go's zero time, 0001-01-01T00:00:00Z.
struct Timestamp {
  static constexpr std::int64_t zero_seconds = -62135596800;

  std::int64_t unix_seconds = zero_seconds;
  std::int32_t nanoseconds = 0;
  std::int16_t offset_minutes = 0;  // of the zone it was written in; the daemon stamps UTC

  bool is_zero() const { return unix_seconds == zero_seconds && nanoseconds == 0; }
  std::string to_string() const;

  // RFC 3339; throws decode_failed. `Date::allowed` also takes a bare `2026-05-14` (YAML).
  enum class Date { refused, allowed };
  static Timestamp parse(std::string_view text, Date date = Date::refused);

  static Timestamp now();

  // The same instant is equal, whatever zone it was written in.
  friend bool operator==(const Timestamp& a, const Timestamp& b) { return (a <=> b) == 0; }
  friend std::strong_ordering operator<=>(const Timestamp& a, const Timestamp& b) {
    const auto seconds = a.unix_seconds <=> b.unix_seconds;
    return seconds != 0 ? seconds : a.nanoseconds <=> b.nanoseconds;
  }

  // Rounded down to a millisecond.
  friend std::chrono::milliseconds operator-(const Timestamp& a, const Timestamp& b);
  friend Timestamp operator+(const Timestamp& at, std::chrono::milliseconds pause);
};

}  // namespace kukeon
