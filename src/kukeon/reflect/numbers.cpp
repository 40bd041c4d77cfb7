// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include <fmt/format.h>

#include "kukeon/base/error.h"

namespace kukeon::reflect {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes leading digits away and says how many there were.
std::size_t take_digits(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, is_digit);
  const auto count = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(count);
  return count;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?, the floats of yaml.v3.
bool looks_like_yaml_real(std::string_view text) {
  take(text, "+-");
  const std::size_t whole = take_digits(text);
  if (take(text, ".")) {
    if (take_digits(text) == 0 && whole == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (take(text, "eE")) {
    take(text, "+-");
    if (take_digits(text) == 0) return false;
  }
  return text.empty();
}

std::string without_underscores(std::string_view text) {
  std::string out{text};
  std::erase(out, '_');
  return out;
}

struct Magnitude {
  bool negative = false;
  std::uint64_t value = 0;
};

// An integer with the prefixes of Go's ParseInt(text, 0, 64).
std::optional<Magnitude> yaml_magnitude(std::string_view text) {
  const std::string plain = without_underscores(text);
  std::string_view rest = plain;
  Magnitude out;
  out.negative = rest.starts_with('-');
  take(rest, "+-");
  int base = 10;
  if (rest.size() > 1 && rest[0] == '0') {
    rest.remove_prefix(1);
    base = take(rest, "xX") ? 16 : take(rest, "bB") ? 2 : 8;
    if (base == 8) take(rest, "oO");
  }
  const auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), out.value, base);
  if (rest.empty() || error != std::errc{} || end != rest.data() + rest.size()) return std::nullopt;
  return out;
}

template <class Integer>
std::optional<Integer> to_integer(const Magnitude& magnitude) {
  const auto most = static_cast<std::uint64_t>(std::numeric_limits<Integer>::max());
  if (!magnitude.negative) {
    if (magnitude.value > most) return std::nullopt;
    return static_cast<Integer>(magnitude.value);
  }
  if (magnitude.value == 0) return Integer{0};
  if (std::is_unsigned_v<Integer> || magnitude.value > most + 1) return std::nullopt;
  return static_cast<Integer>(~magnitude.value + 1);
}

constexpr std::array null_words{"", "~", "null", "Null", "NULL"};
constexpr std::array boolean_words{"true", "True", "TRUE", "false", "False", "FALSE"};
constexpr std::array real_words{".nan",  ".NaN",  ".NAN",  ".inf",  ".Inf",  ".INF",
                                "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF"};

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<const char*, N>& words) {
  return std::ranges::any_of(words, [&](const char* word) { return text == word; });
}

}  // namespace

bool is_json_number(std::string_view text) {
  take(text, "-");
  const bool zero = text.starts_with('0');
  const std::size_t whole = take_digits(text);
  if (whole == 0 || (zero && whole > 1)) return false;
  if (take(text, ".") && take_digits(text) == 0) return false;
  if (take(text, "eE")) {
    take(text, "+-");
    if (take_digits(text) == 0) return false;
  }
  return text.empty();
}

template <class Integer>
std::optional<Integer> json_integer(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Integer>
std::optional<Integer> yaml_integer(std::string_view text) {
  if (const auto magnitude = yaml_magnitude(text)) return to_integer<Integer>(*magnitude);
  const auto real = real_number(text);
  if (!real || *real != std::trunc(*real) || std::abs(*real) >= 0x1p64) return std::nullopt;
  return to_integer<Integer>({*real < 0, static_cast<std::uint64_t>(std::abs(*real))});
}

template std::optional<std::int64_t> json_integer(std::string_view);
template std::optional<std::uint64_t> json_integer(std::string_view);
template std::optional<std::int64_t> yaml_integer(std::string_view);
template std::optional<std::uint64_t> yaml_integer(std::string_view);

std::optional<double> real_number(std::string_view text) {
  if (is_one_of(text, real_words)) {
    if (text[1] == 'n' || text[1] == 'N') return std::numeric_limits<double>::quiet_NaN();
    const double infinity = std::numeric_limits<double>::infinity();
    return text[0] == '-' ? -infinity : infinity;
  }
  if (const auto magnitude = yaml_magnitude(text)) {
    const auto value = static_cast<double>(magnitude->value);
    return magnitude->negative ? -value : value;
  }
  const std::string plain = without_underscores(text);
  if (!looks_like_yaml_real(plain)) return std::nullopt;
  const char* begin = plain.data() + (plain[0] == '+' ? 1 : 0);
  double value = 0;
  const auto [end, error] = std::from_chars(begin, plain.data() + plain.size(), value);
  if (error != std::errc{}) return std::nullopt;  // 1e400
  return value;
}

Decimal shortest_decimal(double value) {
  char text[32];
  const auto end =
      std::to_chars(text, text + sizeof text, std::abs(value), std::chars_format::scientific).ptr;
  const std::string_view all{text, end};
  const std::size_t e = all.find('e');
  Decimal out;
  out.digits = all.substr(0, e);
  std::erase(out.digits, '.');
  const std::string_view exponent = all.substr(e + (all[e + 1] == '+' ? 2 : 1));
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), out.exponent);
  return out;
}

std::string fixed_notation(double value) {
  const auto [digits, exponent] = shortest_decimal(value);
  std::string out = std::signbit(value) ? "-" : "";
  if (exponent < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    return out + digits;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0');
  return out + digits.substr(0, whole) + '.' + digits.substr(whole);
}

std::string scientific_notation(double value, int exponent_digits) {
  const auto [digits, exponent] = shortest_decimal(value);
  std::string out = std::signbit(value) ? "-" : "";
  out += digits[0];
  if (digits.size() > 1) out += '.' + digits.substr(1);
  return out +
         fmt::format("e{}{:0{}}", exponent < 0 ? '-' : '+', std::abs(exponent), exponent_digits);
}

// yyyy-m-d, then nothing, or T, t or a space, h:m:s[.fraction] and (not after a space) a zone.
std::optional<Timestamp> yaml_timestamp(std::string_view text) {
  std::string normal;
  const auto number = [&](std::size_t least, std::size_t most) {
    const std::string_view start = text;
    const std::size_t count = take_digits(text);
    if (count < least || count > most) return false;
    if (count < 2) normal += '0';
    normal += start.substr(0, count);
    return true;
  };
  const auto mark = [&](std::string_view any_of, char written) {
    if (!take(text, any_of)) return false;
    normal += written;
    return true;
  };
  if (!number(4, 4) || !mark("-", '-') || !number(1, 2) || !mark("-", '-') || !number(1, 2)) {
    return std::nullopt;
  }
  if (!text.empty()) {
    const bool zoned = text[0] != ' ';
    if (!mark("Tt ", 'T') || !number(1, 2) || !mark(":", ':') || !number(1, 2) || !mark(":", ':') ||
        !number(1, 2)) {
      return std::nullopt;
    }
    if (mark(".", '.')) {
      const std::string_view fraction = text.substr(0, text.find_first_not_of("0123456789"));
      normal += fraction;
      text.remove_prefix(fraction.size());
    }
    if (zoned == text.empty()) return std::nullopt;
    normal += zoned ? text : "Z";
  }
  try {
    return Timestamp::parse(normal, Timestamp::Date::allowed);
  } catch (const Error&) {
    return std::nullopt;
  }
}

PlainKind resolve_plain(std::string_view text) {
  if (is_one_of(text, null_words)) return PlainKind::null;
  if (is_one_of(text, boolean_words)) return PlainKind::boolean;
  if (text == "<<") return PlainKind::merge;
  if (!is_digit(text[0]) && text[0] != '+' && text[0] != '-' && text[0] != '.') {
    return PlainKind::string;
  }
  if (is_one_of(text, real_words)) return PlainKind::real;
  if (text[0] != '.' && yaml_magnitude(text)) return PlainKind::integer;
  if (text[0] != '.' && yaml_timestamp(text)) return PlainKind::timestamp;
  if (real_number(text)) return PlainKind::real;
  return PlainKind::string;
}

}  // namespace kukeon::reflect
