// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kukeon {

// In double quotes as Go's %q writes it: `"`, `\` and control bytes escaped, UTF-8 kept.
std::string quote(std::string_view text);

// Without leading and trailing white space.
std::string_view trim(std::string_view text);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

bool equal_ignoring_ascii_case(std::string_view a, std::string_view b);
std::string to_lower_ascii(std::string_view text);

// The whole text as a decimal integer, else nothing.
std::optional<std::int64_t> parse_integer(std::string_view text);

// Levenshtein distance; for "did you mean".
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate nearest to `word`, else empty: edit distance at most 2 and less than the word is
// long, or `word` of three letters or more is its prefix.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// Length of the well-formed UTF-8 sequence that starts at `at`, or 0.
std::size_t utf8_length(std::string_view bytes, std::size_t at);

// Valid UTF-8: each byte outside a well-formed sequence becomes U+FFFD, as in Go.
std::string to_valid_utf8(std::string_view bytes);

// FNV-1a, 32 bit, as 8 lower-case hexadecimal digits (runtime.md 1.2: bridge and chain names).
std::string fnv1a_hex(std::string_view text);

}  // namespace kukeon
