// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "kukeon/cli/args.h"
#include "kukeon/v1beta1/documents.h"

namespace kukeon::cli {

// The parents of an object, by name; empty where there is none or none was asked for.
struct Place {
  std::string realm;
  std::string space;
  std::string stack;
  std::string cell;
};

// --realm, --space, --stack and --cell, as many as a kind has parents (cli.md 5).
class Scope {
 public:
  void describe(Args& args, v1beta1::Kind kind);

  // Absent and empty mean `default` (create, delete, get by name). A cell has no default: throws.
  Place or_default() const;
  // Absent means `default`; given but empty is refused (start, stop, kill).
  Place required() const;
  // Absent means any (lists).
  Place filter() const;

 private:
  int parents_ = 0;
  std::optional<std::string> realm_;
  std::optional<std::string> space_;
  std::optional<std::string> stack_;
  std::optional<std::string> cell_;
};

// A document that says no more than where the object is.
template <class Doc>
Doc address_of(const std::string& name, const Place& place) {
  Doc doc;
  doc.metadata.name = name;
  if constexpr (requires { doc.spec.realm_name; }) doc.spec.realm_name = place.realm;
  if constexpr (requires { doc.spec.space_name; }) doc.spec.space_name = place.space;
  if constexpr (requires { doc.spec.stack_name; }) doc.spec.stack_name = place.stack;
  if constexpr (requires { doc.spec.cell_name; }) doc.spec.cell_name = place.cell;
  return doc;
}

}  // namespace kukeon::cli
