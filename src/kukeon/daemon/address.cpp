// SPDX-License-Identifier: Apache-2.0
#include "kukeon/daemon/address.h"

#include <string>

#include "kukeon/base/error.h"
#include "kukeon/base/strings.h"
#include "kukeon/model/kinds.h"

namespace kukeon::daemon {
namespace {

std::string trimmed(const std::string& text) { return std::string{trim(text)}; }

model::Path complete(const model::Path& path, model::Kind own) {
  const auto require = [&](model::Kind kind) {
    if (!path.part(kind).empty()) return;
    const ErrorKind& missing = model::name_required(kind);
    throw Error{missing, std::string{missing.text}};
  };
  require(own);
  for (const model::Kind kind : model::all_kinds) {
    if (kind < own) require(kind);
  }
  return path;
}

}  // namespace

model::Path address_of(const v1beta1::RealmDoc& doc) {
  return complete({.realm = trimmed(doc.metadata.name)}, model::Kind::realm);
}

model::Path address_of(const v1beta1::SpaceDoc& doc) {
  return complete({.realm = trimmed(doc.spec.realm_name), .space = trimmed(doc.metadata.name)},
                  model::Kind::space);
}

model::Path address_of(const v1beta1::StackDoc& doc) {
  return complete({.realm = trimmed(doc.spec.realm_name),
                   .space = trimmed(doc.spec.space_name),
                   .stack = trimmed(doc.metadata.name)},
                  model::Kind::stack);
}

model::Path address_of(const v1beta1::CellDoc& doc) {
  return complete({.realm = trimmed(doc.spec.realm_name),
                   .space = trimmed(doc.spec.space_name),
                   .stack = trimmed(doc.spec.stack_name),
                   .cell = trimmed(doc.metadata.name)},
                  model::Kind::cell);
}

model::Path address_of(const v1beta1::ContainerDoc& doc) {
  std::string name = trimmed(doc.metadata.name);
  if (name.empty()) name = trimmed(doc.spec.id);
  return complete({.realm = trimmed(doc.spec.realm_name),
                   .space = trimmed(doc.spec.space_name),
                   .stack = trimmed(doc.spec.stack_name),
                   .cell = trimmed(doc.spec.cell_name),
                   .container = std::move(name)},
                  model::Kind::container);
}

}  // namespace kukeon::daemon
