// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kukeon::reflect {

// Where a value stood in its text; lines and columns count from 1, 0 is "not known".
struct Mark {
  int line = 0;
  int column = 0;
};

enum class Syntax { json, yaml };

// Most values in one document, whoever wrote it: ours have some hundreds, and a value of two bytes
// can cost a kilobyte once it has a type.
inline constexpr std::size_t most_values = 50'000;

// A parsed text before it has a type: what both JSON and YAML become, and the one thing that
// decode() reads. Scalars keep their literal text: `0755` and `1e2` mean different things to
// different fields.
struct Tree {
  enum class Kind { null, boolean, number, string, list, map };

  Kind kind = Kind::null;
  std::string text;  // of a scalar: a string's value, else the literal (`true`, `0755`, `~`)
  Mark mark;
  std::vector<Tree> items;                            // of a list
  std::vector<std::pair<std::string, Tree>> members;  // of a map, in source order
  std::vector<Mark> member_marks;                     // of a map's keys, same order

  Tree() = default;
  Tree(const Tree&) = default;
  Tree(Tree&&) noexcept = default;
  Tree& operator=(const Tree&) = default;
  Tree& operator=(Tree&&) noexcept = default;
  ~Tree() {
    if (!items.empty() || !members.empty()) clear_children();
  }

  // The member with exactly this key, or nullptr.
  const Tree* find(std::string_view key) const;

 private:
  void clear_children() noexcept;  // bounded in stack, however deep the tree
};

std::string_view name_of(Tree::Kind kind);

}  // namespace kukeon::reflect
