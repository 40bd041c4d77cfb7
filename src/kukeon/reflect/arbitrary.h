// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kukeon/base/timestamp.h"
#include "kukeon/reflect/decode.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/tree.h"
#include "kukeon/reflect/values.h"

// Test support: random values of any type that has a field table, and random rewritings of their
// JSON that must not change what it means. The same seed gives the same values everywhere.
namespace kukeon::reflect::testing {

// Values with a taste for what is hard to write: limits, strings that look like something else,
// null beside empty.
class Arbitrary {
 public:
  explicit Arbitrary(std::uint32_t seed) : engine_{seed} {}

  template <class T>
  T value() {
    T out{};
    fill(out);
    return out;
  }

  std::string text() {
    static constexpr std::array<std::string_view, 56> pieces{
        "a",      "web",    " ",   "\n",  "\n\n",       "\t",    ": ",     " #",
        "#",      "-",      "- ",  "'",   "\"",         "\\",    "{",      "}",
        "[",      "]",      ",",   "&",   "*",          "!",     "|",      ">",
        "%",      "@",      "`",   "?",   "yes",        "no",    "~",      "1",
        "0x",     ".5",     "e3",  "<<",  "=",          "\r",    "\x01",   "\x7f",
        "<",      "/",      "---", "...", "\x1b",       "\b",    "null",   "\u00e9",
        "\u0085", "\u2028", "\\n", "\f",  "2026-05-14", "12:30", "\uFEFF", "\U0001F600"};
    std::string out;
    for (std::size_t n = below(5); n > 0; --n) {
      // No literal can hold a NUL.
      const std::size_t at = below(pieces.size() + 1);
      if (at < pieces.size()) {
        out += pieces[at];
      } else {
        out += '\0';
      }
    }
    return out;
  }

  // One JSON value, compact and escaped as we write it.
  std::string json(int levels = 2) {
    switch (below(levels > 0 ? 7 : 5)) {
      case 0:
        return "null";
      case 1:
        return flip() ? "true" : "false";
      case 2:
        return std::to_string(integer<std::int64_t>());
      case 3:
        return flip() ? "2.50" : "-1e-7";
      case 4:
        return json_quote(text());
      case 5: {
        std::string out = "[";
        for (std::size_t n = below(4); n > 0; --n) {
          out += (out.size() > 1 ? "," : "") + json(levels - 1);
        }
        return out + "]";
      }
      default: {
        std::string out = "{";
        for (std::size_t n = below(4); n > 0; --n) {
          // The number keeps the keys apart: YAML refuses a second one.
          out += (out.size() > 1 ? "," : "") + json_quote(text() + std::to_string(n)) + ":" +
                 json(levels - 1);
        }
        return out + "}";
      }
    }
  }

  std::size_t below(std::size_t bound) { return engine_() % bound; }
  bool flip() { return below(2) == 0; }

 private:
  template <class T>
  void fill(T& out) {
    if constexpr (is_optional<T>) {
      if (flip()) fill(out.emplace());
    } else if constexpr (is_list<T>) {
      out.set_null(flip());
      for (std::size_t n = count(); n > 0; --n) fill(out.emplace_back());
    } else if constexpr (is_map<T>) {
      out.set_null(flip());
      for (std::size_t n = count(); n > 0; --n) fill(out[text()]);
    } else if constexpr (Labelled<T>) {
      out = static_cast<T>(below(Labels<T>::words.size()));
    } else if constexpr (std::is_same_v<T, Bytes>) {
      if (flip()) out = Bytes{text()};
    } else if constexpr (std::is_same_v<T, JsonText>) {
      // null and absent are one value, written `null`.
      out.text = json();
      if (out.text == "null") out.text.clear();
    } else if constexpr (std::is_same_v<T, Timestamp>) {
      if (flip()) out = time();
    } else if constexpr (std::is_same_v<T, bool>) {
      out = flip();
    } else if constexpr (std::is_same_v<T, std::string>) {
      out = text();
    } else if constexpr (std::is_same_v<T, double>) {
      out = real();
    } else if constexpr (std::is_integral_v<T>) {
      out = integer<T>();
    } else {
      static_assert(Described<T>, "give the type a field table");
      for_each_field<T>([&](const auto& row) { fill(out.*(row.member)); });
    }
  }

  // Of a list or map.
  std::size_t count() { return flip() ? 0 : below(4); }

  std::uint64_t bits() { return std::uint64_t{engine_()} << 32U | engine_(); }

  template <class Integer>
  Integer integer() {
    using Limits = std::numeric_limits<Integer>;
    switch (below(6)) {
      case 0:
        return 0;
      case 1:
        return Limits::max();
      case 2:
        return Limits::min();
      case 3:
        return static_cast<Integer>(below(1000));
      case 4:
        return static_cast<Integer>(Limits::max() >> below(Limits::digits));
      default:
        return static_cast<Integer>(bits());
    }
  }

  double real() {
    using Limits = std::numeric_limits<double>;
    static constexpr std::array hard{
        0.0,  -0.0, 1.0,  -1.5,  0.1,           1e-6,          9.999999e-7,          1e21,
        1e20, 1e6,  1e-4, 1e300, Limits::max(), Limits::min(), Limits::denorm_min(), 123456.75};
    if (flip()) return hard[below(hard.size())];
    return std::ldexp(static_cast<double>(integer<std::int32_t>()),
                      static_cast<int>(below(200)) - 100);
  }

  // Of the years 0 to 9999, those that RFC 3339 can write; mostly UTC.
  Timestamp time() {
    constexpr std::uint64_t seconds = std::uint64_t{9998} * 365 * 86400;
    Timestamp out;
    if (!flip()) out.unix_seconds += static_cast<std::int64_t>(bits() % seconds);
    if (flip()) out.nanoseconds = static_cast<std::int32_t>(below(1'000'000'000));
    if (below(4) == 0) out.nanoseconds = static_cast<std::int32_t>(below(1000)) * 1'000'000;
    if (below(4) == 0) {
      out.offset_minutes = static_cast<std::int16_t>(static_cast<int>(below(2879)) - 1439);
    }
    return out;
  }

  std::mt19937 engine_;
};

// Calls visit.operator()<S>() for T and each struct in it, however deep; a struct that occurs twice
// is visited twice.
template <class T>
void for_each_struct(auto&& visit) {
  if constexpr (is_optional<T> || is_list<T>) {
    for_each_struct<typename T::value_type>(visit);
  } else if constexpr (is_map<T>) {
    for_each_struct<typename T::mapped_type>(visit);
  } else if constexpr (Described<T>) {
    visit.template operator()<T>();
    for_each_field<T>([&](const auto& row) {
      for_each_struct<std::remove_cvref_t<decltype(std::declval<T&>().*(row.member))>>(visit);
    });
  }
}

// Rewrites the JSON of a T so that it still means the same (model.md §1): keys in another case,
// members that no table has, nulls that leave a field as it was, and members given twice.
class Rewriter {
 public:
  struct Rules {
    bool case_of_keys = false;
    bool unknown_members = false;
    bool nulls = false;
    bool duplicates = false;
  };

  Rewriter(Arbitrary& source, Rules rules) : source_{source}, rules_{rules} {}

  template <class T>
  std::string rewrite(const T& value) {
    Tree tree = parse_json(to_json(value));
    visit<T>(tree);
    return to_json(tree);
  }

 private:
  using Members = std::vector<std::pair<std::string, Tree>>;

  template <class T>
  void visit(Tree& tree) {
    if (tree.kind == Tree::Kind::null) return;
    if constexpr (is_optional<T>) {
      visit<typename T::value_type>(tree);
    } else if constexpr (is_list<T>) {
      for (Tree& item : tree.items) visit<typename T::value_type>(item);
    } else if constexpr (is_map<T>) {
      for (auto& [key, item] : tree.members) visit<typename T::mapped_type>(item);
    } else if constexpr (Described<T>) {
      visit_struct<T>(tree);
    }
  }

  template <class T>
  void visit_struct(Tree& tree) {
    Members out;
    for_each_field<T>([&](const auto& row) {
      using Member = std::remove_cvref_t<decltype(std::declval<T&>().*(row.member))>;
      const auto written = std::ranges::find(tree.members, row.name, &Members::value_type::first);
      const bool absent = written == tree.members.end();
      // A state never takes null (model.md §2); what is left out is as good as null.
      if (rules_.nulls && !Labelled<Member> && source_.flip()) add(out, row.name, {});
      if (!absent) {
        visit<Member>(written->second);
        if (rules_.duplicates && source_.flip()) repeat<Member>(out, row.name, written->second);
        add(out, row.name, std::move(written->second));
      }
      // A null after the value takes nothing away from what cannot be null.
      if (rules_.nulls && !absent && stays_at_null<Member> && source_.flip()) {
        add(out, row.name, {});
      }
      if (rules_.unknown_members && source_.below(4) == 0) {
        add(out, "later" + std::string{row.name}, parse_json(source_.json()));
      }
    });
    tree.members = std::move(out);
  }

  // Scalars and structs; lists, maps and optional values would become nil.
  template <class Member>
  static constexpr bool stays_at_null =
      !is_optional<Member> && !is_list<Member> && !is_map<Member> && !Labelled<Member> &&
      !std::is_same_v<Member, JsonText> && !std::is_same_v<Member, Bytes>;

  // A first occurrence that the one written after it makes void: another value of a scalar or a
  // list; of a struct or map, which merge, the first of its members.
  template <class Member>
  void repeat(Members& out, std::string_view name, Tree& tree) {
    if constexpr (is_list<Member>) {
      // Elements would merge: only an empty list leaves nothing behind.
      Tree empty;
      empty.kind = Tree::Kind::list;
      add(out, name, std::move(empty));
    } else if (tree.kind == Tree::Kind::map && !std::is_same_v<Member, JsonText>) {
      Tree first;
      first.kind = Tree::Kind::map;
      const auto middle = tree.members.begin() +
                          static_cast<std::ptrdiff_t>(source_.below(tree.members.size() + 1));
      first.members.assign(std::move_iterator{tree.members.begin()}, std::move_iterator{middle});
      tree.members.erase(tree.members.begin(), middle);
      add(out, name, std::move(first));
    } else if constexpr (!is_map<Member> && !Described<Member>) {
      add(out, name, parse_json(to_json(source_.value<Member>())));
    }
  }

  void add(Members& out, std::string_view name, Tree tree) {
    std::string key{name};
    if (rules_.case_of_keys) {
      for (char& c : key) {
        if (source_.flip()) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        if (source_.flip()) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      }
    }
    out.emplace_back(std::move(key), std::move(tree));
  }

  Arbitrary& source_;
  Rules rules_;
};

}  // namespace kukeon::reflect::testing
