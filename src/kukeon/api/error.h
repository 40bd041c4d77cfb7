// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <tuple>

#include "kukeon/base/error.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

namespace kukeon::api {

// An Error on the wire: the `Err` member of every reply (wire.md §8). Peers that know only Kind and
// Message read those; Message is the whole chain.
struct WireError {
  std::string kind;
  std::string message;
  reflect::StringList context;  // ours: what was being attempted, innermost first

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("Kind", &WireError::kind, always, "Class of the failure, or Unknown."),
        reflect::field("Message", &WireError::message, always, "The whole text, outermost first."),
        reflect::field("Context", &WireError::context, omitempty, "The layers of the message."),
    };
  }
  bool operator==(const WireError&) const = default;
};

// A kind that is not the wire's own travels as Unknown, with its message.
WireError to_wire(const Error& error);

// what() is Message, verbatim; is() answers for every kind of the wire, other words become
// `unknown`.
Error from_wire(const WireError& error);

}  // namespace kukeon::api
