// SPDX-License-Identifier: Apache-2.0
#include "kukeon/api/error.h"

#include <string_view>

#include "kukeon/base/error_kinds.h"

namespace kukeon::api {

WireError to_wire(const Error& error) {
  const ErrorKind& kind = error.kind().on_wire ? error.kind() : kinds::unknown;
  WireError wire{std::string{kind.word}, error.what(), {}};
  for (const std::string& line : error.context()) wire.context.push_back(line);
  return wire;
}

Error from_wire(const WireError& wire) {
  const ErrorKind* known = kinds::find_wire_kind(wire.kind);
  const ErrorKind& kind = known != nullptr ? *known : kinds::unknown;

  std::string prefix;
  for (auto line = wire.context.rbegin(); line != wire.context.rend(); ++line) {
    prefix += *line + ": ";
  }
  // The layers come back only where they really are those of the message: what() must stay
  // verbatim.
  if (prefix.empty() || !std::string_view{wire.message}.starts_with(prefix)) {
    return Error{kind, wire.message};
  }
  Error error{kind, wire.message.substr(prefix.size())};
  for (const std::string& line : wire.context) error.add_context(line);
  return error;
}

}  // namespace kukeon::api
