// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "kukeon/base/error.h"

namespace kukeon::model {

// The five kinds of documents, parents first: the order in which they are applied.
enum class Kind { realm, space, stack, cell, container };

inline constexpr std::array all_kinds{Kind::realm, Kind::space, Kind::stack, Kind::cell,
                                      Kind::container};

std::string_view word_of(Kind kind);        // "Realm", as `kind:` in a document
std::string_view lower_word_of(Kind kind);  // "realm", as in messages

// The kind that a document names; case matters (wire.md §7).
std::optional<Kind> parse_kind(std::string_view word);

// The error kinds of a nameless and of an absent object.
const ErrorKind& name_required(Kind kind);
const ErrorKind& not_found(Kind kind);

}  // namespace kukeon::model
