// SPDX-License-Identifier: Apache-2.0
#include "kukeon/runtime/signals.h"

#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "kukeon/base/strings.h"

namespace kukeon::runtime {
namespace {

// The C library keeps the real-time signals below SIGRTMIN for itself; containers may use them all.
constexpr int last_signal = 64;

}  // namespace

std::optional<int> find_signal(std::string_view name) {
  if (const auto number = parse_integer(name)) {
    if (*number < 1 || *number > last_signal) return std::nullopt;
    return static_cast<int>(*number);
  }
  std::string word = to_lower_ascii(name);
  if (word.starts_with("sig")) word.erase(0, 3);
  for (int signal = 1; signal <= last_signal; ++signal) {
    const char* known = ::sigabbrev_np(signal);
    if (known != nullptr && word == to_lower_ascii(known)) return signal;
  }
  return std::nullopt;
}

std::string signal_name(int signal) {
  const char* known = ::sigabbrev_np(signal);
  return known != nullptr ? fmt::format("SIG{}", known) : std::to_string(signal);
}

}  // namespace kukeon::runtime
