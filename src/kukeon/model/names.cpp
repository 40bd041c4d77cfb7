// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/names.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::model {
namespace {

// What stands beside the directories of children in our data tree (runtime.md 1.4).
constexpr std::array<std::string_view, 10> reserved_names{
    "metadata.json", "network.conflist", "network.json", "etc-hosts",  "etc-hostname",
    "secrets",       "volumes",          "volume-meta",  "blueprints", "configs",
};

constexpr std::size_t max_identifier_bytes = 76;  // containerd's pkg/identifiers

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_control_or_space(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte == 0x7f;
}

// What is wrong with a trimmed name, as the end of a message.
std::optional<std::string> fault_of(std::string_view name) {
  if (name.find_first_of("_/") != std::string_view::npos) {
    return "contains disallowed character (must not contain '_' or '/')";
  }
  if (name.find('\\') != std::string_view::npos) return R"(contains disallowed character '\')";
  if (std::ranges::any_of(name, is_control_or_space)) {
    return "contains white space or a control character";
  }
  if (name.starts_with('.')) return "must not start with '.'";
  if (std::ranges::find(reserved_names, name) != reserved_names.end()) {
    return "is reserved for kukeon's own files";
  }
  return std::nullopt;
}

}  // namespace

Kind Path::kind() const {
  if (!container.empty()) return Kind::container;
  if (!cell.empty()) return Kind::cell;
  if (!stack.empty()) return Kind::stack;
  if (!space.empty()) return Kind::space;
  return Kind::realm;
}

const std::string& Path::part(Kind kind) const {
  switch (kind) {
    case Kind::realm:
      return realm;
    case Kind::space:
      return space;
    case Kind::stack:
      return stack;
    case Kind::cell:
      return cell;
    case Kind::container:
      break;
  }
  return container;
}

std::string& Path::part(Kind kind) {
  return const_cast<std::string&>(std::as_const(*this).part(kind));
}

Path Path::parent() const {
  Path out = *this;
  out.part(kind()).clear();
  return out;
}

Path Path::up_to(Kind kind) const {
  Path out;
  for (const Kind level : all_kinds) {
    if (level <= kind) out.part(level) = part(level);
  }
  return out;
}

bool Path::contains(const Path& other) const {
  return realm.empty() || other.up_to(kind()) == *this;
}

std::string Path::key() const {
  std::string out = realm;
  for (const Kind level : all_kinds) {
    if (level == Kind::realm || level > kind()) continue;
    out += '/';
    out += part(level);
  }
  return out;
}

std::string check_name(Kind kind, std::string_view name) {
  const std::string_view trimmed = trim(name);
  const std::string_view word = lower_word_of(kind);
  if (trimmed.empty()) {
    throw Error{name_required(kind), fmt::format("{} name is required", word)};
  }
  if (trimmed.size() > max_name_bytes) {
    throw Error{
        kinds::invalid_name,
        fmt::format("name is invalid: {} name {}… is {} bytes long (at most {})", word,
                    quote(to_valid_utf8(trimmed.substr(0, 32))), trimmed.size(), max_name_bytes)};
  }
  if (const auto fault = fault_of(trimmed)) {
    const std::string object = kind == Kind::realm ? "realm name is invalid:"
                                                   : fmt::format("name is invalid: {} name", word);
    throw Error{kinds::invalid_name, fmt::format("{} {} {}", object, quote(trimmed), *fault)};
  }
  return std::string{trimmed};
}

Path check_names(const Path& path) {
  Path out;
  for (const Kind level : all_kinds) {
    if (level <= path.kind()) out.part(level) = check_name(level, path.part(level));
  }
  return out;
}

void check_containerd_identifier(std::string_view what, std::string_view text) {
  if (text.size() > max_identifier_bytes) {
    throw Error{
        kinds::invalid_name,
        fmt::format("{} {} is {} bytes long, and containerd takes at most {}: use shorter names",
                    what, quote(text), text.size(), max_identifier_bytes)};
  }
  bool after_separator = true;
  for (const char c : text) {
    const bool separator = c == '.' || c == '_' || c == '-';
    if (separator ? after_separator : !is_alphanumeric(c)) {
      after_separator = true;
      break;
    }
    after_separator = separator;
  }
  if (after_separator) {
    throw Error{
        kinds::invalid_name,
        fmt::format("containerd does not take {} {}: names must be ASCII letters and digits "
                    "with single '.' or '-' between them",
                    what, quote(text))};
  }
}

std::string containerd_namespace(std::string_view realm, std::string_view suffix) {
  return fmt::format("{}.{}", realm, suffix);
}

bool is_our_namespace(std::string_view ns, std::string_view suffix) {
  return ns.size() > suffix.size() + 1 && ns.ends_with(suffix) &&
         ns[ns.size() - suffix.size() - 1] == '.';
}

std::string container_id(std::string_view space, std::string_view stack, std::string_view cell_id,
                         std::string_view container) {
  return fmt::format("{}_{}_{}_{}", space, stack, cell_id, container);
}

std::string root_container_id(std::string_view space, std::string_view stack,
                              std::string_view cell_id) {
  return container_id(space, stack, cell_id, "root");
}

std::string container_id_prefix(std::string_view space, std::string_view stack,
                                std::string_view cell_id) {
  return container_id(space, stack, cell_id, "");
}

std::string cgroup_group(std::string_view root, const Path& path) {
  const Path group = path.up_to(Kind::cell);
  return group.realm.empty() ? std::string{root} : fmt::format("{}/{}", root, group.key());
}

std::string network_name(std::string_view realm, std::string_view space) {
  return fmt::format("{}-{}", realm, space);
}

std::string bridge_name(std::string_view network) {
  return network.empty() ? std::string{} : "k-" + fnv1a_hex(network);
}

bool is_managed_label(std::string_view key) { return key.ends_with(".kukeon.io"); }

}  // namespace kukeon::model
