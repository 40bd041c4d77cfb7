// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/timestamp.h"

#include <chrono>
#include <ctime>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon {
namespace {

// Reads fixed-width decimal fields from the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_{text} {}

  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_.empty() || rest_[0] < '0' || rest_[0] > '9') throw Malformed{};
      value = value * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  bool accept(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) throw Malformed{};
  }
  bool at_digit() const { return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; }
  bool done() const { return rest_.empty(); }

  struct Malformed {};

 private:
  std::string_view rest_;
};

void check(bool ok) {
  if (!ok) throw Scanner::Malformed{};
}

Timestamp scan(std::string_view text, Timestamp::Date date) {
  using namespace std::chrono;
  Scanner in{text};
  const int y = in.digits(4);
  in.expect('-');
  const auto mo = static_cast<unsigned>(in.digits(2));
  in.expect('-');
  const auto d = static_cast<unsigned>(in.digits(2));
  const year_month_day day{year{y}, month{mo}, std::chrono::day{d}};
  check(day.ok());
  const auto days = sys_days{day}.time_since_epoch().count();

  Timestamp stamp{.unix_seconds = std::int64_t{days} * 86400};
  if (in.done() && date == Timestamp::Date::allowed) return stamp;

  in.expect('T');
  const int hour = in.digits(2);
  in.expect(':');
  const int minute = in.digits(2);
  in.expect(':');
  const int second = in.digits(2);
  check(hour < 24 && minute < 60 && second < 60);
  stamp.unix_seconds += hour * 3600 + minute * 60 + second;

  if (in.accept('.')) {
    check(in.at_digit());
    int scale = 100000000;
    while (in.at_digit()) {
      stamp.nanoseconds += in.digits(1) * scale;
      scale /= 10;  // past nine digits this is 0: the rest is cut off
    }
  }
  if (!in.accept('Z')) {
    const bool west = in.accept('-');
    if (!west) in.expect('+');
    const int zone_hours = in.digits(2);
    in.expect(':');
    const int zone_minutes = in.digits(2);
    check(zone_hours < 24 && zone_minutes < 60);
    const int offset = (zone_hours * 60 + zone_minutes) * (west ? -1 : 1);
    stamp.offset_minutes = static_cast<std::int16_t>(offset);
    stamp.unix_seconds -= std::int64_t{offset} * 60;
  }
  check(in.done());
  return stamp;
}

}  // namespace

std::string Timestamp::to_string() const {
  using namespace std::chrono;
  const std::int64_t local = unix_seconds + std::int64_t{offset_minutes} * 60;
  const auto day_number = floor<days>(seconds{local});
  const year_month_day day{sys_days{day_number}};
  const std::int64_t rest = local - std::int64_t{day_number.count()} * 86400;

  // Written by hand: a reply holds thousands of them.
  std::string out;
  out.reserve(36);
  const auto put = [&out](std::int64_t value, std::size_t width) {
    out.append(width, '0');
    for (std::size_t i = out.size(); value != 0 && width > 0; value /= 10, --width) {
      out[--i] = static_cast<char>('0' + value % 10);
    }
  };
  put(static_cast<int>(day.year()), 4);
  out += '-';
  put(static_cast<unsigned>(day.month()), 2);
  out += '-';
  put(static_cast<unsigned>(day.day()), 2);
  out += 'T';
  put(rest / 3600, 2);
  out += ':';
  put(rest / 60 % 60, 2);
  out += ':';
  put(rest % 60, 2);
  if (nanoseconds != 0) {
    out += '.';
    put(nanoseconds, 9);
    out.erase(out.find_last_not_of('0') + 1);
  }
  if (offset_minutes == 0) return out + 'Z';
  const int magnitude = offset_minutes < 0 ? -offset_minutes : offset_minutes;
  out += offset_minutes < 0 ? '-' : '+';
  put(magnitude / 60, 2);
  out += ':';
  put(magnitude % 60, 2);
  return out;
}

Timestamp Timestamp::parse(std::string_view text, Date date) {
  try {
    return scan(text, date);
  } catch (const Scanner::Malformed&) {
    throw Error{kinds::decode_failed, fmt::format("{} is not an RFC 3339 time", quote(text))};
  }
}

std::chrono::milliseconds operator-(const Timestamp& a, const Timestamp& b) {
  using namespace std::chrono;
  return floor<milliseconds>(seconds{a.unix_seconds - b.unix_seconds} +
                             nanoseconds{a.nanoseconds - b.nanoseconds});
}

Timestamp operator+(const Timestamp& at, std::chrono::milliseconds pause) {
  using namespace std::chrono;
  const nanoseconds within = nanoseconds{at.nanoseconds} + pause % seconds{1};
  const auto carry = floor<seconds>(within);
  Timestamp later = at;
  later.unix_seconds += (duration_cast<seconds>(pause) + carry).count();
  later.nanoseconds = static_cast<std::int32_t>((within - carry).count());
  return later;
}

Timestamp Timestamp::now() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return {.unix_seconds = now.tv_sec, .nanoseconds = static_cast<std::int32_t>(now.tv_nsec)};
}

}  // namespace kukeon
