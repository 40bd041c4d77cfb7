// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/tree.h"

namespace kukeon::reflect {
namespace {

// Deeper than this a tree is taken apart by a loop: it came from a text that may nest 10000 levels.
constexpr int recursive_levels = 256;
thread_local int destructor_depth = 0;

void take_apart(Tree& root) {
  std::vector<Tree> pending;
  const auto move_children = [&pending](Tree& tree) {
    for (Tree& item : tree.items) pending.push_back(std::move(item));
    for (auto& [key, value] : tree.members) pending.push_back(std::move(value));
    tree.items.clear();
    tree.members.clear();
  };
  move_children(root);
  while (!pending.empty()) {
    Tree next = std::move(pending.back());
    pending.pop_back();
    move_children(next);
  }
}

}  // namespace

void Tree::clear_children() noexcept {
  if (destructor_depth >= recursive_levels) return take_apart(*this);
  ++destructor_depth;
  items.clear();
  members.clear();
  --destructor_depth;
}

const Tree* Tree::find(std::string_view key) const {
  for (const auto& [name, value] : members) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::string_view name_of(Tree::Kind kind) {
  switch (kind) {
    case Tree::Kind::null:
      return "null";
    case Tree::Kind::boolean:
      return "a boolean";
    case Tree::Kind::number:
      return "a number";
    case Tree::Kind::string:
      return "a string";
    case Tree::Kind::list:
      return "a list";
    case Tree::Kind::map:
      return "a map";
  }
  return "a value";
}

}  // namespace kukeon::reflect
