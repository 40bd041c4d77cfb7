// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kukeon/reflect/describe.h"
#include "kukeon/reflect/explain.h"
#include "kukeon/reflect/schema.h"

// The kinds of documents as a person asks about them: `kuke explain`, `kuke schema` and the
// reference pages all read this list.
namespace kukeon::v1beta1 {

struct DocumentKind {
  std::string_view word;           // "Cell", as `kind:` says it
  std::string_view aliases;        // what `kuke get` takes beside the word, blank between
  std::string_view description;    // a sentence or two
  const reflect::Type& (*type)();  // made at first use: kuke starts without it
  bool has_placeholders = false;   // `${NAME}` may stand for any scalar
};

// Parents first.
std::span<const DocumentKind> document_kinds();

// The kind that a word or an alias means, whatever its case. Throws invalid_argument with a
// suggestion or the list of kinds.
const DocumentKind& find_document_kind(std::string_view word);

// Its parts for the functions of reflect.
reflect::Explained explained(const DocumentKind& kind);
reflect::Schema schema_of(const DocumentKind& kind);

// One schema for whatever document a stream holds.
reflect::Tree schema_of_any_document();

// The pages of docs/reference: file names and texts.
std::vector<std::pair<std::string, std::string>> reference_pages();

}  // namespace kukeon::v1beta1
