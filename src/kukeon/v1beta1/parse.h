// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kukeon/model/kinds.h"
#include "kukeon/model/names.h"
#include "kukeon/reflect/decode.h"
#include "kukeon/v1beta1/documents.h"

namespace kukeon::v1beta1 {

// One document of a manifest stream.
struct Document {
  int index = 0;  // its place in the stream, from 0
  Kind kind = Kind::realm;
  std::variant<RealmDoc, SpaceDoc, StackDoc, CellDoc, ContainerDoc> doc;

  const std::string& name() const;
  model::Path path() const;
};

// Bounds of a stream that someone else wrote.
inline constexpr std::size_t max_manifest_bytes = 16U << 20U;
inline constexpr std::size_t max_manifest_documents = 10000;

// What unknown fields of a manifest are. The reference ignores them, so a manifest with fields of
// another version needs `warn` or `ignore`.
enum class Validation { strict, warn, ignore };

// "strict", "warn" or "ignore"; empty is strict. Throws invalid_argument for another word.
Validation parse_validation(std::string_view word);

// Splits a stream of YAML (or JSON) documents, decodes and validates each. Nothing found:
// invalid_argument `failed to parse YAML: no documents found in input`. Any problem in any
// document: validation_failed with all of them (wire.md §7):
//
//   validation failed:
//     document 1 (Space): line 3, column 1: metadata.name is required
//     document 2 (Cell "c"): line 14, column 7: spec.containers[0]: unknown field "imagee" (did you
//     mean "image"?)
//
// The documents come back in the order of the stream. With Validation::warn the unknown fields are
// added to `warnings`, each as one such line, and are no errors.
std::vector<Document> parse_documents(std::string_view stream,
                                      Validation validation = Validation::strict,
                                      std::vector<std::string>* warnings = nullptr);

// In the order in which they are applied: by kind, parents first, then by index.
void sort_for_apply(std::vector<Document>& documents);

}  // namespace kukeon::v1beta1
