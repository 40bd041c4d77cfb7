// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "kukeon/base/error_kinds.h"

namespace kukeon::engine {

// Runs `body`; an Error that leaves it is told as `kind.text: …`, and becomes of that kind unless
// it already has a more specific one of the wire (wire.md §8: the innermost wins).
template <class Body>
decltype(auto) wrapping(const ErrorKind& kind, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (Error& error) {
    if (error.kind().on_wire) {
      error.add_context(std::string{kind.text});
      throw;
    }
    Error wrapped{kind, error.message()};
    for (const std::string& line : error.context()) wrapped.add_context(line);
    wrapped.add_context(std::string{kind.text});
    throw wrapped;
  }
}

}  // namespace kukeon::engine
