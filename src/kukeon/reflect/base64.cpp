// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/base64.h"

#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"

namespace kukeon::reflect {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t invalid = 0xFF;

constexpr auto values = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(invalid);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}();

std::uint32_t value_of(char c) { return values[static_cast<unsigned char>(c)]; }
bool is_line_break(char c) { return c == '\r' || c == '\n'; }

[[noreturn]] void refuse(std::size_t offset) {
  throw Error{kinds::decode_failed, fmt::format("illegal base64 data at input byte {}", offset)};
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  const std::size_t start = out.size();
  out.resize(start + (bytes.size() + 2) / 3 * 4, '=');
  char* to = out.data() + start;
  const auto byte = [&](std::size_t i) {
    return i < bytes.size() ? std::uint32_t{static_cast<unsigned char>(bytes[i])} : 0U;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    to[0] = alphabet[bits >> 18];
    to[1] = alphabet[bits >> 12 & 63];
    if (i + 1 < bytes.size()) to[2] = alphabet[bits >> 6 & 63];
    if (i + 2 < bytes.size()) to[3] = alphabet[bits & 63];
    to += 4;
  }
}

std::string decode_base64(std::string_view text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  std::size_t written = 0;
  const auto put = [&](std::uint32_t byte) { out[written++] = static_cast<char>(byte & 0xFF); };

  std::size_t at = 0;
  const auto skip_line_breaks = [&] {
    while (at < text.size() && is_line_break(text[at])) ++at;
  };
  for (;;) {
    while (at + 4 <= text.size()) {
      const std::uint32_t a = value_of(text[at]);
      const std::uint32_t b = value_of(text[at + 1]);
      const std::uint32_t c = value_of(text[at + 2]);
      const std::uint32_t d = value_of(text[at + 3]);
      if ((a | b | c | d) > 63) break;
      const std::uint32_t bits = a << 18 | b << 12 | c << 6 | d;
      put(bits >> 16);
      put(bits >> 8);
      put(bits);
      at += 4;
    }
    // One group with a line break or padding in it, an error, or the end.
    std::uint32_t bits = 0;
    int digits = 0;
    for (skip_line_breaks(); digits < 4; skip_line_breaks()) {
      if (at >= text.size()) {
        if (digits != 0) refuse(at - static_cast<std::size_t>(digits));
        out.resize(written);
        return out;
      }
      const std::uint32_t value = value_of(text[at]);
      if (value == invalid) break;
      bits = bits << 6 | value;
      ++digits;
      ++at;
    }
    if (digits == 4) {
      put(bits >> 16);
      put(bits >> 8);
      put(bits);
      continue;
    }
    if (text[at] != '=' || digits < 2) refuse(at);
    ++at;
    if (digits == 2) {
      skip_line_breaks();
      if (at >= text.size() || text[at] != '=') refuse(at);
      ++at;
    }
    skip_line_breaks();
    if (at < text.size()) refuse(at);
    bits <<= 6 * (4 - digits);
    put(bits >> 16);
    if (digits == 3) put(bits >> 8);
    out.resize(written);
    return out;
  }
}

}  // namespace kukeon::reflect
