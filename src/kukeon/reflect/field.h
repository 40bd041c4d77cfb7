// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>

// One field table per struct. A struct lists its fields once:
//
//   static constexpr auto fields() {
//     using enum reflect::Tag;
//     return std::tuple{
//         reflect::field("image", &ContainerSpec::image, required | recreate, "Image reference to
//         run."),
//     };
//   }
//
// JSON, YAML, diff, schema and reference docs are visitors over that tuple. The order of the table
// is the order of the keys in every text we write.
namespace kukeon::reflect {

enum class Tag : std::uint32_t {
  always = 0,           // written even when zero (a Go field without omitempty)
  omitempty = 1U << 0,  // left out when false, 0, "", null or an empty list or map
  required = 1U << 1,   // a manifest must set it
  immutable = 1U << 2,  // a change is refused: delete and create again
  recreate = 1U << 3,   // a change replaces the container
  live = 1U << 4,       // a change takes effect at once, nothing restarts
  derived = 1U << 5,    // filled in by the daemon: never a difference between two manifests
  secret = 1U << 6,     // never shown in a plan, a log or an error
};

struct Tags {
  std::uint32_t bits = 0;

  constexpr Tags() = default;
  constexpr Tags(Tag tag) : bits{static_cast<std::uint32_t>(tag)} {}
  constexpr bool has(Tag tag) const { return (bits & static_cast<std::uint32_t>(tag)) != 0; }
  friend constexpr Tags operator|(Tags a, Tags b) {
    a.bits |= b.bits;
    return a;
  }
};
constexpr Tags operator|(Tag a, Tag b) { return Tags{a} | Tags{b}; }

template <class Owner, class Value>
struct Field {
  std::string_view name;  // its key in JSON and YAML
  Value Owner::*member;
  Tags tags;
  std::string_view doc;  // one sentence for `kuke explain` and the reference pages
};

template <class Owner, class Value>
constexpr Field<Owner, Value> field(std::string_view name, Value Owner::*member, Tags tags,
                                    std::string_view doc) {
  return {name, member, tags, doc};
}

// A struct with a field table.
template <class T>
concept Described = requires {
  T::fields();
};

// The table as an object, so that a visit builds no tuple.
template <Described T>
inline constexpr auto field_rows = T::fields();

// Calls visit(field) for each row, in order.
template <Described T, class Visit>
constexpr void for_each_field(Visit&& visit) {
  std::apply([&](const auto&... row) { (visit(row), ...); }, field_rows<T>);
}

// The words of an enumeration, in the order of its values, which start at 0. Specialise it beside
// the enum: `template <> struct kukeon::reflect::Labels<CellState> { static constexpr
// std::string_view what = "cell state"; static constexpr std::array<std::string_view, 5>
// words{"Pending", …}; };`
template <class E>
struct Labels;

template <class E>
concept Labelled = std::is_enum_v<E> && requires {
  Labels<E>::what;
  Labels<E>::words;
};

// The word for a value; out of range: "Unknown" (model.md §2).
template <Labelled E>
constexpr std::string_view label(E value) {
  const auto index = static_cast<std::size_t>(value);
  return index < Labels<E>::words.size() ? Labels<E>::words[index] : std::string_view{"Unknown"};
}

// The value of a word, or nothing where there is no such word.
template <Labelled E>
constexpr std::optional<E> value_of(std::string_view word) {
  for (std::size_t i = 0; i < Labels<E>::words.size(); ++i) {
    if (Labels<E>::words[i] == word) return static_cast<E>(i);
  }
  return std::nullopt;
}

}  // namespace kukeon::reflect
