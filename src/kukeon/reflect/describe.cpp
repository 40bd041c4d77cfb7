// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/describe.h"

#include <fmt/format.h>

namespace kukeon::reflect {
namespace {

// The full range of the wide integers goes without saying.
std::string range_note(const Type& type) {
  constexpr auto wide = std::numeric_limits<std::int64_t>::max();
  const bool has_least = type.least != std::numeric_limits<std::int64_t>::min();
  if (type.most < static_cast<std::uint64_t>(wide)) {
    return fmt::format("From {} to {}.", type.least, type.most);
  }
  return has_least ? fmt::format("{} or more.", type.least) : std::string{};
}

std::string words_note(const Type& type, std::string_view fallback) {
  std::string text;
  for (const std::string_view word : type.words) {
    text += fmt::format("{}{}", text.empty() ? "One of " : ", ", word);
    if (fallback == json_quote(word)) text += " (default)";
  }
  return text + ".";
}

}  // namespace

const Member* Type::find(std::string_view name) const {
  for (const Member& member : members) {
    if (member.name == name) return &member;
  }
  return nullptr;
}

std::string type_name(const Type& type) {
  switch (type.shape) {
    case Shape::boolean:
      return "boolean";
    case Shape::integer:
      return "integer";
    case Shape::number:
      return "number";
    case Shape::string:
    case Shape::word:
      return "string";
    case Shape::time:
      return "time";
    case Shape::bytes:
      return "base64";
    case Shape::json:
      return "any";
    case Shape::list:
      return "[]" + type_name(*type.element);
    case Shape::map:
      return "map[string]" + type_name(*type.element);
    case Shape::structure:
      break;
  }
  return "Object";
}

const Type& innermost(const Type& type) {
  const Type* inner = &type;
  while (inner->element != nullptr) inner = inner->element;
  return *inner;
}

std::string brackets_of(const Type& type) {
  std::string text;
  for (const Type* at = &type; at->element != nullptr; at = at->element) text += "[]";
  return text;
}

Change change_of(Tags tags, Change outer) {
  if (outer == Change::derived || tags.has(Tag::derived)) return Change::derived;
  if (tags.has(Tag::immutable)) return Change::refused;
  if (tags.has(Tag::recreate)) return Change::recreate;
  if (tags.has(Tag::live)) return Change::live;
  return outer;
}

std::string value_notes(const Member& member) {
  std::string text;
  const auto add = [&](std::string_view note) {
    if (!note.empty()) text += fmt::format("{}{}", text.empty() ? "" : " ", note);
  };
  const Type& inner = innermost(*member.type);
  if (inner.shape == Shape::word) add(words_note(inner, member.fallback));
  if (inner.shape == Shape::integer) add(range_note(inner));
  if (inner.shape != Shape::word && !member.fallback.empty()) {
    add(fmt::format("Default: {}.", member.fallback));
  }
  if (member.tags.has(Tag::secret)) add("Hidden in plans, logs and errors.");
  return text;
}

}  // namespace kukeon::reflect
