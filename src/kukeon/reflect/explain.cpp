// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/explain.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::reflect {
namespace {

// Where a path led.
struct Place {
  std::string path;                // "spec.containers[].image"; empty: the document
  const Type* type = nullptr;      // of the value there
  const Member* member = nullptr;  // null: the document
  Change change = Change::unsaid;
};

std::string_view sentence_of(Change change) {
  switch (change) {
    case Change::live:
      return "A change takes effect at once.";
    case Change::recreate:
      return "A change replaces the container.";
    case Change::refused:
      return "A change is refused.";
    case Change::derived:
      return "Filled in by the daemon.";
    case Change::unsaid:
      break;
  }
  return {};
}

std::string shown(std::string_view word) { return quote(word.substr(0, 100)); }

[[noreturn]] void refuse_field(const Place& at, std::string_view kind, std::string_view name) {
  const std::string where =
      at.path.empty() ? to_lower_ascii(kind) : fmt::format("{}.{}", to_lower_ascii(kind), at.path);
  const Type& inner = innermost(*at.type);
  if (inner.shape != Shape::structure) {
    throw Error{kinds::invalid_argument,
                fmt::format("{} is a value of type {}: there is no field {} in it", where,
                            type_name(*at.type), shown(name))};
  }
  std::vector<std::string_view> known;
  for (const Member& member : inner.members) known.push_back(member.name);
  std::string text = fmt::format("{} has no field {}", where, shown(name));
  if (const std::string_view near = nearest(name, known); !near.empty()) {
    text += fmt::format(" (did you mean {}?)", quote(near));
  }
  throw Error{kinds::invalid_argument, fmt::format("{}; it has: {}", text, fmt::join(known, ", "))};
}

// `containers[0]` without its brackets, which must be closed and stand for a list or a map.
std::string_view without_brackets(std::string_view step, std::string_view path) {
  const std::size_t open = step.find('[');
  if (open == std::string_view::npos) return step;
  std::string_view rest = step.substr(open);
  while (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) break;
    rest.remove_prefix(close + 1);
  }
  if (!rest.empty()) {
    throw Error{kinds::invalid_argument,
                fmt::format("the path {} has brackets that do not match", shown(path))};
  }
  return step.substr(0, open);
}

Place find_place(const Explained& what, std::string_view path) {
  Place at{{}, what.type, nullptr, Change::unsaid};
  if (path.empty()) return at;
  for (const std::string& step : split(path, '.')) {
    const std::string_view name = without_brackets(step, path);
    if (at.member != nullptr) at.path += brackets_of(*at.type);
    const Type& inner = innermost(*at.type);
    const Member* const member = inner.find(name);
    if (member == nullptr) refuse_field(at, what.kind, name);
    if (name.size() != step.size() && member->type->element == nullptr) {
      throw Error{
          kinds::invalid_argument,
          fmt::format("{} is neither a list nor a map: write it without brackets", shown(name))};
    }
    at.path += fmt::format("{}{}", at.path.empty() ? "" : ".", name);
    at.type = member->type;
    at.member = member;
    at.change = change_of(member->tags, at.change);
  }
  return at;
}

std::string heading_of(const Member& member) {
  return fmt::format("{} <{}>{}", member.name, type_name(*member.type),
                     member.tags.has(Tag::required) ? " -required-" : "");
}

// The sentences about a field; what a change does only where the field around it has not said it.
std::string sentences_of(const Member& member, Change change, Change said) {
  std::string text{member.doc};
  const auto add = [&](std::string_view more) {
    if (!more.empty()) text += fmt::format("{}{}", text.empty() ? "" : " ", more);
  };
  add(value_notes(member));
  // Where it is the point of a field, the table says it already.
  const bool repeats =
      change == Change::derived && member.doc.ends_with("filled in by the daemon.");
  if (change != said && !repeats) add(sentence_of(change));
  return text;
}

void add_tree(std::string& text, const Type& type, std::size_t indent) {
  for (const Member& member : type.members) {
    text += fmt::format("{:{}}{}\n", "", indent, heading_of(member));
    add_tree(text, innermost(*member.type), indent + 2);
  }
}

}  // namespace

std::string wrapped(std::string_view text, std::size_t indent, std::size_t columns) {
  // Continuation bytes of UTF-8 take no column.
  const auto width = [](std::string_view word) {
    return static_cast<std::size_t>(
        std::ranges::count_if(word, [](char c) { return (c & 0xC0) != 0x80; }));
  };
  std::string out;
  std::size_t used = 0;
  for (const std::string& word : split(text, ' ')) {
    if (word.empty()) continue;
    if (used != 0 && used + 1 + width(word) <= columns) {
      out += ' ';
      used += 1 + width(word);
    } else {
      if (used != 0) out += '\n';
      out.append(indent, ' ');
      used = indent + width(word);
    }
    out += word;
  }
  return out.empty() ? out : out + '\n';
}

std::string explain(const Explained& what, std::string_view path, std::size_t columns,
                    Fields fields) {
  const Place place = find_place(what, path);
  std::string text = fmt::format("KIND:     {}\nVERSION:  {}\n", what.kind, what.version);
  std::string description{what.description};
  if (place.member != nullptr) {
    text += fmt::format("\nFIELD:    {} <{}>{}\n", place.path, type_name(*place.type),
                        place.member->tags.has(Tag::required) ? " -required-" : "");
    description = sentences_of(*place.member, place.change, Change::unsaid);
  }
  text += "\nDESCRIPTION:\n" + wrapped(description, 2, columns);

  const Type& inner = innermost(*place.type);
  if (inner.members.empty()) return text;
  text += "\nFIELDS:\n";
  if (fields == Fields::recursive) {
    add_tree(text, inner, 2);
    return text;
  }
  bool first = true;
  for (const Member& member : inner.members) {
    const Change change = change_of(member.tags, place.change);
    text += fmt::format("{}  {}\n", first ? "" : "\n", heading_of(member));
    text += wrapped(sentences_of(member, change, place.change), 4, columns);
    first = false;
  }
  return text;
}

}  // namespace kukeon::reflect
