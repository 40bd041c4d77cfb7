// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kukeon/base/timestamp.h"
#include "kukeon/reflect/decode.h"
#include "kukeon/reflect/encode.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/values.h"

// What the texts of a struct may hold, as a value: `kuke explain`, `kuke schema` and the reference
// pages are ordinary code over it, and know no C++ type.
//
//   const Type& cell = describe<CellDoc>();
//   cell.find("spec")->type->find("id")->doc
namespace kukeon::reflect {

enum class Shape {
  boolean,
  integer,
  number,
  string,
  time,
  bytes,  // base64
  json,   // any value
  word,   // one of a few
  list,
  map,        // any keys
  structure,  // the keys of a field table
};

struct Type;

// One row of a field table.
struct Member {
  std::string_view name;
  Tags tags;
  std::string_view doc;
  const Type* type = nullptr;
  // What a new struct holds here, as JSON; empty where that says nothing: false, 0, "", null.
  std::string fallback;
};

struct Type {
  Shape shape = Shape::json;
  std::int64_t least = 0;                   // of an integer
  std::uint64_t most = 0;                   // of an integer
  std::span<const std::string_view> words;  // of a word, in the order of its values
  const Type* element = nullptr;            // of a list or a map
  std::vector<Member> members;              // of a structure, in the order of its table

  // The member with exactly this name, or nullptr.
  const Member* find(std::string_view name) const;
};

// The description of T, made at first use. A value that may be absent (std::optional) is described
// as the value. A struct must not hold itself, not even through a list.
template <class T>
const Type& describe();

// "string", "[]Object", "map[string]string": the spelling that kubectl taught everybody.
std::string type_name(const Type& type);

// What is inside of lists and maps, however many: what a path goes on from. In a path each of them
// is a pair of brackets: `containers[].image`.
const Type& innermost(const Type& type);
std::string brackets_of(const Type& type);

// What a change of a field does. A field without a class of its own takes that of the field it is
// in, as in diff(); what the daemon fills in is the daemon's all the way down.
enum class Change { unsaid, live, recreate, refused, derived };
Change change_of(Tags tags, Change outer = Change::unsaid);

// "One of Pending (default), Ready." and the like: what a type or a default adds to the sentence of
// the table. Empty for most.
std::string value_notes(const Member& member);

template <class T>
Type make_type() {
  Type type;
  if constexpr (is_list<T>) {
    type.shape = Shape::list;
    type.element = &describe<typename T::value_type>();
  } else if constexpr (is_map<T>) {
    type.shape = Shape::map;
    type.element = &describe<typename T::mapped_type>();
  } else if constexpr (Labelled<T>) {
    type.shape = Shape::word;
    type.words = Labels<T>::words;
  } else if constexpr (std::is_same_v<T, bool>) {
    type.shape = Shape::boolean;
  } else if constexpr (std::is_integral_v<T>) {
    type.shape = Shape::integer;
    type.least = static_cast<std::int64_t>(std::numeric_limits<T>::min());
    type.most = static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  } else if constexpr (std::is_same_v<T, double>) {
    type.shape = Shape::number;
  } else if constexpr (std::is_same_v<T, std::string>) {
    type.shape = Shape::string;
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    type.shape = Shape::time;
  } else if constexpr (std::is_same_v<T, Bytes>) {
    type.shape = Shape::bytes;
  } else if constexpr (std::is_same_v<T, JsonText>) {
    type.shape = Shape::json;
  } else {
    static_assert(Described<T>, "give the type a field table");
    type.shape = Shape::structure;
    const T fresh{};
    for_each_field<T>([&](const auto& row) {
      const auto& value = fresh.*(row.member);
      using Value = std::remove_cvref_t<decltype(value)>;
      Member member{row.name, row.tags, row.doc, &describe<Value>(), {}};
      // A word says something even where it is the first, a struct's members speak for themselves.
      if constexpr (Labelled<Value>) {
        member.fallback = to_json(value);
      } else if constexpr (!Described<Value>) {
        if (!is_zero(value)) member.fallback = to_json(value);
      }
      type.members.push_back(std::move(member));
    });
  }
  return type;
}

template <class T>
const Type& describe() {
  if constexpr (is_optional<T>) {
    return describe<typename T::value_type>();
  } else {
    static const Type type = make_type<T>();
    return type;
  }
}

}  // namespace kukeon::reflect
