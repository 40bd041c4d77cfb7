// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/commands/scope.h"

#include <string_view>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"

namespace kukeon::cli {
namespace {

constexpr int parents_of(v1beta1::Kind kind) { return static_cast<int>(kind); }

std::string value_or_default(const std::optional<std::string>& value) {
  return value && !value->empty() ? *value : "default";
}

std::string value_or_throw(const std::optional<std::string>& value, const ErrorKind& kind,
                           std::string_view flag) {
  if (!value) return "default";
  if (value->empty()) throw Error{kind, fmt::format("{} ({})", kind.text, flag)};
  return *value;
}

}  // namespace

void Scope::describe(Args& args, v1beta1::Kind kind) {
  parents_ = parents_of(kind);
  if (parents_ > 0) args.flag("--realm", realm_, "Realm (default \"default\")");
  if (parents_ > 1) args.flag("--space", space_, "Space (default \"default\")");
  if (parents_ > 2) args.flag("--stack", stack_, "Stack (default \"default\")");
  if (parents_ > 3) args.flag("--cell", cell_, "Cell");
}

Place Scope::or_default() const {
  Place place;
  if (parents_ > 0) place.realm = value_or_default(realm_);
  if (parents_ > 1) place.space = value_or_default(space_);
  if (parents_ > 2) place.stack = value_or_default(stack_);
  if (parents_ > 3) {
    place.cell = cell_.value_or("");
    if (place.cell.empty()) {
      throw Error{kinds::cell_name_required,
                  fmt::format("{} (--cell)", kinds::cell_name_required.text)};
    }
  }
  return place;
}

Place Scope::required() const {
  if (parents_ > 0) value_or_throw(realm_, kinds::realm_name_required, "--realm");
  if (parents_ > 1) value_or_throw(space_, kinds::space_name_required, "--space");
  if (parents_ > 2) value_or_throw(stack_, kinds::stack_name_required, "--stack");
  return or_default();
}

Place Scope::filter() const {
  return {realm_.value_or(""), space_.value_or(""), stack_.value_or(""), cell_.value_or("")};
}

}  // namespace kukeon::cli
