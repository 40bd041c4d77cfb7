// SPDX-License-Identifier: Apache-2.0
#include "kukeon/v1beta1/document_kinds.h"

#include <array>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/reference.h"
#include "kukeon/v1beta1/documents.h"
#include "kukeon/v1beta1/local_documents.h"

namespace kukeon::v1beta1 {
namespace {

using reflect::describe;
using reflect::Member;
using reflect::Tag;
using reflect::Type;

// A container within a cell has its parents from the cell; one with a document of its own must name
// them, and may leave out its id for its name (wire.md 7, validate()). The table, which both share,
// speaks of the first.
Type standalone_container_spec() {
  Type spec = describe<ContainerSpec>();
  for (Member& member : spec.members) {
    const bool is_parent = member.name == "realmId" || member.name == "spaceId" ||
                           member.name == "stackId" || member.name == "cellId";
    if (is_parent) {
      member.tags = Tag::required | Tag::immutable;
    } else if (member.name == "id") {
      member.tags = Tag::immutable;
      member.doc = "Name of the container within its cell; empty: metadata.name.";
    }
  }
  return spec;
}

// The cell of a profile has no names yet.
Type profiled_cell_spec() {
  Type spec = describe<CellSpec>();
  for (Member& member : spec.members) {
    const bool is_parent =
        member.name == "realmId" || member.name == "spaceId" || member.name == "stackId";
    if (is_parent) {
      member.tags = Tag::always;
      member.doc = "Taken from the profile.";
    } else if (member.name == "id") {
      member.tags = Tag::always;
      member.doc = "Must be empty: each cell gets a name of its own.";
    }
  }
  return spec;
}

Type with(Type type, std::string_view name, const Type& other) {
  for (Member& member : type.members) {
    if (member.name == name) member.type = &other;
  }
  return type;
}

const Type& container_document() {
  static const Type spec = standalone_container_spec();
  static const Type document = with(describe<ContainerDoc>(), "spec", spec);
  return document;
}

const Type& profile_document() {
  static const Type cell = profiled_cell_spec();
  static const Type spec = with(describe<CellProfileSpec>(), "cell", cell);
  static const Type document = with(describe<CellProfile>(), "spec", spec);
  return document;
}

// The first sentence is the line of `kuke explain`: at most 53 columns.
constexpr std::array kinds_of_documents{
    DocumentKind{"Realm", "realms r",
                 "A containerd namespace with images of its own. Realms keep the credentials for "
                 "registries and hold spaces.",
                 describe<RealmDoc>},
    DocumentKind{"Space", "spaces sp",
                 "A network with rules for what may leave it. Spaces hold stacks.",
                 describe<SpaceDoc>},
    DocumentKind{"Stack", "stacks st", "A group of cells under one name. Stacks hold cells.",
                 describe<StackDoc>},
    DocumentKind{"Cell", "cells ce",
                 "Containers that share one address and one life. They are started, stopped and "
                 "deleted together.",
                 describe<CellDoc>},
    DocumentKind{"Container", "containers co",
                 "One more container for a cell that exists. Most containers are written within "
                 "their cell.",
                 container_document},
    DocumentKind{"CellProfile", "cellprofiles profile",
                 "A cell to make many times, with parameters. A file below ~/.kuke/profiles.d that "
                 "`kuke run` reads; the daemon does not take it.",
                 profile_document, true},
    DocumentKind{"ServerConfiguration", "serverconfigurations",
                 "Settings of the daemon. The file /etc/kukeon/kukeond.yaml; flags and the "
                 "environment win over it.",
                 describe<ServerConfiguration>},
    DocumentKind{"ClientConfiguration", "clientconfigurations",
                 "Settings of kuke. The file ~/.kuke/kuke.yaml; flags and the environment win over "
                 "it.",
                 describe<ClientConfiguration>},
};

// Every word that a kind answers to, in lower case; the kind's own word first.
std::vector<std::string> words_of(const DocumentKind& kind) {
  std::vector<std::string> words = split(kind.aliases, ' ');
  words.insert(words.begin(), to_lower_ascii(kind.word));
  return words;
}

constexpr std::string_view how_to_change =
    "<!-- Generated from the field tables. To change it, change those and run kukeon_v1beta1_test "
    "with\n     KUKEON_ACCEPT=1 in the environment. -->\n";

std::string page_of(const DocumentKind& kind) {
  const std::string lower = to_lower_ascii(kind.word);
  return fmt::format(
      "# {}\n\n{}\n{}\n\nThe same in a terminal: `kuke explain {}`. What the columns mean: "
      "[README.md](README.md).\n\n{}",
      kind.word, how_to_change, trim(reflect::wrapped(reflect::markdown(kind.description), 0, 120)),
      lower, reflect::reference_tables(kind.type()));
}

std::string index_page() {
  std::string text = fmt::format(
      R"(# Reference of the documents

{}
apiVersion `{}`. A manifest is a stream of these documents in YAML or JSON, with a line `---` between two of them.

| kind | short names | what it is |
|---|---|---|
)",
      how_to_change, api_version_v1beta1);
  for (const DocumentKind& kind : document_kinds()) {
    const std::string lower = to_lower_ascii(kind.word);
    text += fmt::format("| [{}]({}.md) | {} | {} |\n", kind.word, lower,
                        join(split(kind.aliases, ' '), ", "), reflect::markdown(kind.description));
  }
  return text +
         R"(
How to read the tables:

- A field is a path; `[]` stands for the items of a list or the values of a map.
- `Object` has fields of its own, which follow; `[]string` is a list of strings, `map[string]string` has free keys.
- "required": a manifest without it is refused. What is not required may also be `null`.
- "a change": what `kuke apply` does when a field of something that exists is different. *live*: it takes effect at
  once, nothing restarts. *replaces the container*: that container is deleted and made again. *refused*: delete the
  object and create it again. *by the daemon*: the daemon fills the field in, and a difference counts for nothing.

States: `status.state` keeps to the words of v0.5.0, so that a client of that version decodes every answer. Where the
daemon knows it better `status.exactState` says so: Exited (every workload ended well) and Error (one did not) read
Stopped there, Degraded (some run, one failed) reads Ready, and a container's NotCreated reads Stopped. `kuke get` shows
the exact state.

In a terminal `kuke explain KIND[.FIELD]` tells the same. For an editor `kuke schema` prints a JSON Schema:

```
kuke schema >kukeon.schema.json
# first line of a manifest, for editors with yaml-language-server:
# yaml-language-server: $schema=kukeon.schema.json
```
)";
}

}  // namespace

std::span<const DocumentKind> document_kinds() { return kinds_of_documents; }

const DocumentKind& find_document_kind(std::string_view word) {
  const std::string lower = to_lower_ascii(word);
  std::vector<std::string> singular;
  std::vector<std::string> every;
  for (const DocumentKind& kind : document_kinds()) {
    const std::vector<std::string> words = words_of(kind);
    for (const std::string& each : words) {
      if (each == lower) return kind;
      if (each.size() > 2) every.push_back(each);  // nobody mistypes "ce"
    }
    singular.push_back(words.front());
  }
  std::string text = fmt::format("unknown kind {}", quote(word.substr(0, 100)));
  const std::vector<std::string_view> candidates{every.begin(), every.end()};
  const std::string_view near = nearest(lower, candidates);
  text += near.empty() ? fmt::format(" (one of {})", join(singular, ", "))
                       : fmt::format(" (did you mean {}?)", quote(near));
  throw Error{kinds::invalid_argument, std::move(text)};
}

reflect::Explained explained(const DocumentKind& kind) {
  return {kind.word, api_version_v1beta1, kind.description, &kind.type()};
}

reflect::Schema schema_of(const DocumentKind& kind) {
  return {.title = fmt::format("kukeon {} ({})", kind.word, api_version_v1beta1),
          .description = std::string{kind.description},
          .type = &kind.type(),
          .fixed = {{"apiVersion", api_version_v1beta1}, {"kind", kind.word}},
          .has_placeholders = kind.has_placeholders};
}

reflect::Tree schema_of_any_document() {
  std::vector<reflect::Schema> schemas;
  for (const DocumentKind& kind : document_kinds()) schemas.push_back(schema_of(kind));
  return reflect::json_schema_of_any(fmt::format("A document of kukeon ({})", api_version_v1beta1),
                                     "kind", schemas);
}

std::vector<std::pair<std::string, std::string>> reference_pages() {
  std::vector<std::pair<std::string, std::string>> pages{{"README.md", index_page()}};
  for (const DocumentKind& kind : document_kinds()) {
    pages.emplace_back(to_lower_ascii(kind.word) + ".md", page_of(kind));
  }
  return pages;
}

}  // namespace kukeon::v1beta1
