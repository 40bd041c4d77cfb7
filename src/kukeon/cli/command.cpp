// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/command.h"

#include <algorithm>

namespace kukeon::cli {
namespace {

// Filled by static objects of other files, so it must be ready before any of them runs.
constinit const Entry* first_entry = nullptr;

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

}  // namespace

std::string_view Entry::name() const {
  return words.path.substr(words.path.rfind(' ') + 1);  // npos + 1 is 0
}

std::string_view Entry::parent() const {
  const std::size_t space = words.path.rfind(' ');
  return space == std::string_view::npos ? std::string_view{} : words.path.substr(0, space);
}

void register_command(Entry& entry) {
  entry.next = first_entry;
  first_entry = &entry;
}

const Entry* find_command(std::string_view parent, std::string_view word) {
  if (word.empty()) return nullptr;
  for (const Entry* entry = first_entry; entry != nullptr; entry = entry->next) {
    if (entry->parent() != parent) continue;
    if (entry->name() == word || has_word(entry->words.aliases, word)) return entry;
  }
  return nullptr;
}

std::vector<const Entry*> commands_below(std::string_view parent) {
  std::vector<const Entry*> entries;
  for (const Entry* entry = first_entry; entry != nullptr; entry = entry->next) {
    if (entry->parent() == parent) entries.push_back(entry);
  }
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

}  // namespace kukeon::cli
