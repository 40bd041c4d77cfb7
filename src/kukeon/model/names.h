// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/model/kinds.h"
#include "kukeon/reflect/field.h"

// Names, and everything on the host that is derived from names (runtime.md 1.1 to 1.3).
namespace kukeon::model {

// Where an object stands: the names from its realm down to its own; deeper parts are empty.
struct Path {
  std::string realm{};
  std::string space{};
  std::string stack{};
  std::string cell{};
  std::string container{};

  // The kind of the deepest part that is set; an empty path is a realm's without a name.
  Kind kind() const;
  const std::string& name() const { return part(kind()); }
  const std::string& part(Kind kind) const;
  std::string& part(Kind kind);

  // The path of the object that holds this one; a realm's parent is the empty path.
  Path parent() const;
  // The ancestor (or self) of a kind.
  Path up_to(Kind kind) const;
  // Whether `other` is this object or lies below it.
  bool contains(const Path& other) const;

  // "realm/space/stack/cell/container", as deep as the path goes.
  std::string key() const;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("realm", &Path::realm, omitempty, "Name of its realm."),
        reflect::field("space", &Path::space, omitempty, "Name of its space."),
        reflect::field("stack", &Path::stack, omitempty, "Name of its stack."),
        reflect::field("cell", &Path::cell, omitempty, "Name of its cell."),
        reflect::field("container", &Path::container, omitempty, "Name of its container."),
    };
  }

  friend auto operator<=>(const Path&, const Path&) = default;
  friend bool operator==(const Path&, const Path&) = default;
};

inline constexpr std::size_t max_name_bytes = 128;

// The trimmed name. Throws <kind>_name_required or invalid_name with the texts of model.md 4.4.
// Beside `_` and `/` refuses what could not be one safe directory entry: a leading dot, control
// characters, white space, `\`, names longer than max_name_bytes and those that our own files carry
// (runtime.md 1.1).
std::string check_name(Kind kind, std::string_view name);

// check_name() on each part of a path down to its kind; the parts come back trimmed.
Path check_names(const Path& path);

// Throws invalid_name unless containerd takes `text` as an identifier: at most 76 bytes, letters
// and digits with single `.`, `_` or `-` between them. `what` is the noun for the message:
// "container id".
void check_containerd_identifier(std::string_view what, std::string_view text);

inline constexpr std::string_view default_namespace_suffix = "kukeon.io";
inline constexpr std::string_view default_cgroup_root = "/kukeon";

// "<realm>.<suffix>". A realm's stored spec.namespace wins over this wherever there is one.
std::string containerd_namespace(std::string_view realm,
                                 std::string_view suffix = default_namespace_suffix);
// Whether a containerd namespace is one of ours.
bool is_our_namespace(std::string_view ns, std::string_view suffix = default_namespace_suffix);

// "<space>_<stack>_<cell id>_<container>"; the cell id is spec.id.
std::string container_id(std::string_view space, std::string_view stack, std::string_view cell_id,
                         std::string_view container);
// "<space>_<stack>_<cell id>_root", whatever name the root container has.
std::string root_container_id(std::string_view space, std::string_view stack,
                              std::string_view cell_id);
// What every containerd id of a cell starts with.
std::string container_id_prefix(std::string_view space, std::string_view stack,
                                std::string_view cell_id);

// The cgroup group of a realm, space, stack or cell: "/kukeon/r/s/t/c", below the cgroup mount. A
// container's group is the cell's with the containerd id below it.
std::string cgroup_group(std::string_view root, const Path& path);

// "<realm>-<space>": the name in the conflist and of the address store.
std::string network_name(std::string_view realm, std::string_view space);
// "k-" and 8 hexadecimal digits, fit for a link name; of an empty network empty.
std::string bridge_name(std::string_view network);

// The hierarchy that exists without being asked for.
struct DefaultNames {
  static constexpr std::string_view realm = "default";
  static constexpr std::string_view space = "default";
  static constexpr std::string_view stack = "default";
};

// The label keys we write: on documents…
namespace labels {
inline constexpr std::string_view realm = "realm.kukeon.io";
inline constexpr std::string_view space = "space.kukeon.io";
inline constexpr std::string_view stack = "stack.kukeon.io";
inline constexpr std::string_view cell = "cell.kukeon.io";
inline constexpr std::string_view profile = "kukeon.io/profile";
// …and on containerd's containers.
inline constexpr std::string_view container_type = "kukeon.io/container-type";  // container, root
inline constexpr std::string_view container_realm = "kukeon.io/realm";
inline constexpr std::string_view container_space = "kukeon.io/space";
inline constexpr std::string_view container_stack = "kukeon.io/stack";
inline constexpr std::string_view container_cell = "kukeon.io/cell";  // the cell's spec.id
inline constexpr std::string_view container_cell_name = "kukeon.io/cell-name";  // root only
inline constexpr std::string_view spec_hash = "kukeon.io/spec-hash";
inline constexpr std::string_view spec_hash_version = "kukeon.io/spec-hash-version";
}  // namespace labels

// Whether a document's label is ours: kept on update, no difference unless its author wrote it.
bool is_managed_label(std::string_view key);

}  // namespace kukeon::model
