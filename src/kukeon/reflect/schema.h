// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kukeon/reflect/describe.h"
#include "kukeon/reflect/tree.h"

// JSON Schema 2020-12 of described structs, for editors and for checks outside of kukeon.
//
// The rule: what the YAML decoder takes is valid, so that no editor marks a manifest that works.
// Hence (model.md §1):
//  - `null` is valid wherever a field is not required: a key with nothing after it leaves the field
//    as if it were not there.
//  - Where a string is wanted a number or a boolean is valid too; its text is the string.
//  - Booleans may be the words of YAML 1.1 (`yes`, `off`): YAML 1.2 tools read those as strings.
//  - The words of an enumeration may be their numbers, as older versions wrote them.
//  - What the daemon fills in (`status`) may be present; it is `readOnly`, no error.
//  - Secrets are not `writeOnly`: the daemon returns them (model.md 3.1).
// The other way round a schema is weaker than the decoder: rules that no table states (two fields
// that exclude each other, a name that must not be empty) belong to validate().
//
// Known exceptions: what a table calls required is required here, also where validate() lets it
// pass (a tmpfs without a path), and notations that only YAML 1.1 has (`1_000`, `0b11`) are
// strings to most editors.
namespace kukeon::reflect {

// A member on top that holds one word: `kind: Cell`. Where it is not required it may be empty.
struct FixedMember {
  std::string_view name;
  std::string_view word;
};

struct Schema {
  std::string title;
  std::string description;
  const Type* type = nullptr;  // a structure
  std::vector<FixedMember> fixed;
  bool has_placeholders = false;  // `${NAME}` may stand for any scalar
};

// The schema of one kind of document.
Tree json_schema(const Schema& schema);

// The schema of a document that is one of several kinds, told apart by the word of their fixed
// member `by`.
Tree json_schema_of_any(const std::string& title, std::string_view by,
                        const std::vector<Schema>& schemas);

}  // namespace kukeon::reflect
