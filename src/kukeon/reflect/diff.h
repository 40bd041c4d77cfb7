// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "kukeon/reflect/field.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/values.h"

namespace kukeon::reflect {

// One field whose value differs, as compact JSON on both sides; secrets read "(secret)".
struct Difference {
  std::string path;  // "spec.network.egress"
  Tags tags;         // of the innermost field on the path that carries a class
  std::string before;
  std::string after;
};

inline constexpr Tags change_class_mask = Tag::immutable | Tag::recreate | Tag::live;

template <class T>
inline constexpr bool is_optional_struct = false;
template <Described T>
inline constexpr bool is_optional_struct<std::optional<T>> = true;

// The fields in which two values of one struct differ, in the order of the table. Structs are
// entered, lists and maps compared whole; a row tagged `derived` is passed over. A row without a
// class of its own takes its parent's.
template <Described T>
void diff(const T& before, const T& after, const std::string& prefix, Tags inherited,
          std::vector<Difference>& out) {
  for_each_field<T>([&](const auto& row) {
    if (row.tags.has(Tag::derived)) return;
    const auto& old_value = before.*(row.member);
    const auto& new_value = after.*(row.member);
    using Member = std::remove_cvref_t<decltype(old_value)>;
    Tags tags = row.tags;
    if ((tags.bits & change_class_mask.bits) == 0) {
      tags.bits |= inherited.bits & change_class_mask.bits;
    }
    const std::string path =
        prefix.empty() ? std::string{row.name} : prefix + "." + std::string{row.name};
    if constexpr (is_optional_struct<Member>) {
      // An absent struct is compared as an empty one, so that paths go as deep as the change does.
      using Struct = typename Member::value_type;
      const std::size_t count = out.size();
      diff(old_value.value_or(Struct{}), new_value.value_or(Struct{}), path, tags, out);
      if (out.size() == count && old_value.has_value() != new_value.has_value()) {
        out.push_back({path, tags, to_json(old_value), to_json(new_value)});
      }
    } else if constexpr (Described<Member>) {
      diff(old_value, new_value, path, tags, out);
    } else if (!(old_value == new_value)) {
      const bool hidden = row.tags.has(Tag::secret);
      out.push_back({path, tags, hidden ? "(secret)" : to_json(old_value),
                     hidden ? "(secret)" : to_json(new_value)});
    }
  });
}

template <Described T>
std::vector<Difference> diff(const T& before, const T& after) {
  std::vector<Difference> out;
  diff(before, after, "", Tags{}, out);
  return out;
}

}  // namespace kukeon::reflect
