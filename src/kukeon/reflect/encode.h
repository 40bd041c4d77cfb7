// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "kukeon/base/timestamp.h"
#include "kukeon/reflect/decode.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

namespace kukeon::reflect {

// Whether a value is its type's zero, as Go's reflect.Value.IsZero and yaml.v3's isZero see it.
template <class T>
bool is_zero(const T& value) {
  if constexpr (is_optional<T>) {
    return !value.has_value();
  } else if constexpr (is_list<T> || is_map<T> || std::is_same_v<T, std::string>) {
    return value.empty();
  } else if constexpr (std::is_same_v<T, Bytes>) {
    return value.data.empty();
  } else if constexpr (std::is_same_v<T, JsonText>) {
    return value.text.empty();
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    return value.is_zero();
  } else if constexpr (Described<T>) {
    bool zero = true;
    for_each_field<T>([&](const auto& row) { zero = zero && is_zero(value.*(row.member)); });
    return zero;
  } else {
    return value == T{};
  }
}

// What encode() writes to: the events of a document, in order. JsonWriter and YamlWriter are the
// two. `omits_zero_structs` is the one rule in which encoding/json and yaml.v3 differ under
// omitempty.
template <class W>
concept Writer = requires(W w) {
  { W::omits_zero_structs } -> std::convertible_to<bool>;
  w.null();
  w.boolean(true);
  w.integer(std::int64_t{});
  w.unsigned_integer(std::uint64_t{});
  w.string(std::string_view{});
  w.time(Timestamp{});
  w.number(double{});
  w.literal(std::string_view{});
  w.bytes(Bytes{});
  w.raw(std::string_view{});
  w.null_list();
  w.null_map();
  w.begin_map();
  w.key(std::string_view{});
  w.end_map();
  w.begin_list();
  w.end_list();
};

template <Writer W, class T>
void encode(W& writer, const T& value) {
  if constexpr (is_optional<T>) {
    if (value) {
      encode(writer, *value);
    } else {
      writer.null();
    }
  } else if constexpr (is_list<T>) {
    if (value.is_null()) return writer.null_list();
    writer.begin_list();
    for (const auto& item : value) encode(writer, item);
    writer.end_list();
  } else if constexpr (is_map<T>) {
    if (value.is_null()) return writer.null_map();
    writer.begin_map();
    for (const auto& [key, item] : value) {
      writer.key(key);
      encode(writer, item);
    }
    writer.end_map();
  } else if constexpr (Labelled<T>) {
    writer.string(label(value));
  } else if constexpr (std::is_same_v<T, Bytes>) {
    writer.bytes(value);
  } else if constexpr (std::is_same_v<T, JsonText>) {
    writer.raw(value.text.empty() ? "null" : std::string_view{value.text});
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    writer.time(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    writer.boolean(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    writer.string(value);
  } else if constexpr (std::is_same_v<T, double>) {
    writer.number(value);
  } else if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
    writer.integer(value);
  } else if constexpr (std::is_integral_v<T>) {
    writer.unsigned_integer(value);
  } else {
    static_assert(Described<T>, "give the type a field table");
    writer.begin_map();
    for_each_field<T>([&](const auto& row) {
      const auto& member = value.*(row.member);
      using Member = std::remove_cvref_t<decltype(member)>;
      constexpr bool is_struct = Described<Member> || std::is_same_v<Member, Timestamp>;
      if (row.tags.has(Tag::omitempty) && (!is_struct || W::omits_zero_structs) && is_zero(member))
        return;
      writer.key(row.name);
      encode(writer, member);
    });
    writer.end_map();
  }
}

}  // namespace kukeon::reflect
