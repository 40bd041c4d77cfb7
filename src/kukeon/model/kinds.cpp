// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/kinds.h"

#include "kukeon/base/error_kinds.h"

namespace kukeon::model {
namespace {

struct KindRow {
  std::string_view word;
  std::string_view lower_word;
  const ErrorKind& name_required;
  const ErrorKind& not_found;
};

// In the order of Kind.
constexpr std::array<KindRow, all_kinds.size()> rows{{
    {"Realm", "realm", kinds::realm_name_required, kinds::realm_not_found},
    {"Space", "space", kinds::space_name_required, kinds::space_not_found},
    {"Stack", "stack", kinds::stack_name_required, kinds::stack_not_found},
    {"Cell", "cell", kinds::cell_name_required, kinds::cell_not_found},
    {"Container", "container", kinds::container_name_required, kinds::container_not_found},
}};

const KindRow& row_of(Kind kind) { return rows[static_cast<std::size_t>(kind)]; }

}  // namespace

std::string_view word_of(Kind kind) { return row_of(kind).word; }

std::string_view lower_word_of(Kind kind) { return row_of(kind).lower_word; }

std::optional<Kind> parse_kind(std::string_view word) {
  for (const Kind kind : all_kinds) {
    if (word_of(kind) == word) return kind;
  }
  return std::nullopt;
}

const ErrorKind& name_required(Kind kind) { return row_of(kind).name_required; }

const ErrorKind& not_found(Kind kind) { return row_of(kind).not_found; }

}  // namespace kukeon::model
