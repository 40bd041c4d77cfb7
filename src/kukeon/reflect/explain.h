// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kukeon/reflect/describe.h"

namespace kukeon::reflect {

// What `kuke explain` speaks about: one kind of document.
struct Explained {
  std::string_view kind;
  std::string_view version;
  std::string_view description;
  const Type* type = nullptr;
};

enum class Fields { direct, recursive };

// The text for a terminal of that many columns: what stands at `path`, and the fields in it. A path
// is `spec.containers.resources`, through lists and maps without a word; `containers[]` and
// `containers[0]` mean the same. An empty path is the whole document. Throws invalid_argument where
// it leads nowhere, naming what is there.
std::string explain(const Explained& what, std::string_view path, std::size_t columns,
                    Fields fields = Fields::direct);

// The text broken at blanks into lines of at most `columns`, each after `indent` blanks and with a
// newline. A word that is longer stands alone.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t columns);

}  // namespace kukeon::reflect
