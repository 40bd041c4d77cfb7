// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/reference.h"

#include <fmt/format.h>

namespace kukeon::reflect {
namespace {

std::string_view words_of(Change change) {
  switch (change) {
    case Change::live:
      return "live";
    case Change::recreate:
      return "replaces the container";
    case Change::refused:
      return "refused";
    case Change::derived:
      return "by the daemon";
    case Change::unsaid:
      break;
  }
  return {};
}

std::string meaning_of(const Member& member) {
  const std::string notes = value_notes(member);
  return markdown(fmt::format("{}{}{}", member.doc, notes.empty() ? "" : " ", notes));
}

// An empty cell is `| |`.
std::string cell(std::string_view text) {
  return text.empty() ? std::string{" |"} : fmt::format(" {} |", text);
}

enum class Table { wanted, filled_in };

// The rows of everything in `type`, each structure before its members.
void add_rows(std::string& text, Table table, const Type& type, const std::string& prefix,
              Change outer) {
  for (const Member& member : type.members) {
    const std::string path = prefix + std::string{member.name};
    const Change change = change_of(member.tags, outer);
    text += "|" + cell(fmt::format("`{}`", path)) + cell(type_name(*member.type));
    if (table == Table::wanted) {
      text += cell(member.tags.has(Tag::required) ? "required" : "") + cell(words_of(change));
    }
    text += cell(meaning_of(member)) + "\n";
    add_rows(text, table, innermost(*member.type), path + brackets_of(*member.type) + ".", change);
  }
}

bool has_own_section(const Member& member) {
  return member.tags.has(Tag::derived) && member.type->shape == Shape::structure;
}

}  // namespace

std::string reference_tables(const Type& type) {
  Type wanted = type;
  std::erase_if(wanted.members, has_own_section);
  std::string text =
      "| field | type | required | a change | meaning |\n"
      "|---|---|---|---|---|\n";
  add_rows(text, Table::wanted, wanted, "", Change::unsaid);

  for (const Member& member : type.members) {
    if (!has_own_section(member)) continue;
    text += fmt::format(
        "\n## {}\n\n{} The daemon fills it in.\n\n"
        "| field | type | meaning |\n|---|---|---|\n",
        member.name, meaning_of(member));
    add_rows(text, Table::filled_in, *member.type, fmt::format("{}.", member.name),
             Change::derived);
  }
  return text;
}

std::string markdown(std::string_view text) {
  std::string out;
  bool code = false;
  for (const char c : text) {
    if (c == '`') code = !code;
    if (c == '|' || (!code && (c == '*' || c == '\\'))) out += '\\';
    if (c == '<' && !code) {
      out += "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace kukeon::reflect
