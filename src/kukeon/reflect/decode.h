// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kukeon/base/timestamp.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/tree.h"
#include "kukeon/reflect/values.h"

namespace kukeon::reflect {

// One thing wrong with an input, where it stands and at which path: `spec.containers[0].image`.
struct Problem {
  std::string path;
  Mark mark;
  std::string text;
  bool unknown_field = false;  // a key that nothing reads, as opposed to a value that is wrong

  // "line 14, column 9: spec.containers[0].image: must be a string". Parts that are not known are
  // left out, and a path that the text begins with is not said twice.
  std::string to_string() const;
};

// What to do with keys that the field table does not have. `report` is for what a person wrote,
// `ignore` for what another version wrote.
enum class UnknownFields { ignore, report };

// Carries the rules of the syntax, the current path and what was found wrong. Decoding goes on
// after a problem, so that one pass reports them all: up to max_problems unknown fields, and as
// many others.
class Decoder {
 public:
  static constexpr std::size_t max_problems = 100;

  Decoder(Syntax syntax, UnknownFields unknown) : syntax_{syntax}, unknown_{unknown} {}

  Syntax syntax() const { return syntax_; }
  UnknownFields unknown_fields() const { return unknown_; }
  const std::vector<Problem>& problems() const { return problems_; }

  void report(const Tree& at, std::string text) { report(at.mark, std::move(text)); }
  void report(Mark mark, std::string text);
  // For a check made after decoding, with the path relative to the current one.
  void report_at(std::string_view path, Mark mark, std::string text);

  // A path element for the length of a scope.
  class Step {
   public:
    Step(Decoder& decoder, std::string_view key);
    Step(Decoder& decoder, std::size_t index);
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    ~Step() { decoder_.path_.resize(length_); }

   private:
    Decoder& decoder_;
    std::size_t length_;
  };

  // Scalars. Each leaves `out` alone when the tree does not fit, after reporting it.
  void scalar(const Tree& tree, bool& out);
  void scalar(const Tree& tree, std::int64_t& out);
  void scalar(const Tree& tree, std::uint64_t& out);
  void scalar(const Tree& tree, double& out);
  void scalar(const Tree& tree, std::string& out);
  void scalar(const Tree& tree, Timestamp& out);
  void scalar(const Tree& tree, Bytes& out);
  void scalar(const Tree& tree, JsonText& out);
  // The index of an enumeration's word or integer (model.md §2), or nothing after reporting.
  std::optional<int> enumeration(const Tree& tree, std::string_view what,
                                 const std::string_view* words, std::size_t count);

  // The member that a key of the text means: exact, and in JSON else case-insensitive.
  bool matches(std::string_view field, std::string_view key) const;
  void unknown_field(Mark mark, std::string_view key, const std::vector<std::string_view>& known);
  void wrong_kind(const Tree& tree, std::string_view wanted);
  void out_of_range(const Tree& tree);

 private:
  template <class Integer>
  void integer(const Tree& tree, Integer& out);

  Syntax syntax_;
  UnknownFields unknown_;
  std::string path_;
  std::vector<Problem> problems_;
  std::size_t unknown_count_ = 0;
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
void decode(Decoder& decoder, const Tree& tree, T& out);

template <Described T>
void decode_struct(Decoder& decoder, const Tree& tree, T& out) {
  if (tree.kind == Tree::Kind::null) return;
  if (tree.kind != Tree::Kind::map) return decoder.wrong_kind(tree, "a map");
  for (std::size_t i = 0; i < tree.members.size(); ++i) {
    // Not a structured binding: clang 14 cannot capture one.
    const std::string& key = tree.members[i].first;
    const Tree& value = tree.members[i].second;
    // An exact key wins over one that only matches without case.
    bool found = false;
    for (const bool exact : {true, false}) {
      for_each_field<T>([&](const auto& row) {
        if (found) return;
        if (exact ? row.name != key : !decoder.matches(row.name, key)) return;
        found = true;
        const Decoder::Step step{decoder, row.name};
        decode(decoder, value, out.*(row.member));
      });
      if (found) break;
    }
    if (!found && decoder.unknown_fields() == UnknownFields::report) {
      std::vector<std::string_view> known;
      for_each_field<T>([&](const auto& row) { known.push_back(row.name); });
      decoder.unknown_field(tree.member_marks.empty() ? value.mark : tree.member_marks[i], key,
                            known);
    }
  }
}

template <class T>
void decode(Decoder& decoder, const Tree& tree, T& out) {
  const bool null = tree.kind == Tree::Kind::null;
  if constexpr (is_optional<T>) {
    if (null) {
      if (decoder.syntax() == Syntax::json) out.reset();
      return;
    }
    if (!out) out.emplace();
    decode(decoder, tree, *out);
  } else if constexpr (is_list<T>) {
    if (null) {
      if (decoder.syntax() == Syntax::json) out = T{};
      return;
    }
    if (tree.kind != Tree::Kind::list) return decoder.wrong_kind(tree, "a list");
    out.set_null(false);
    out.reserve(tree.items.size());
    std::size_t count = 0;
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
      // yaml.v3 drops a null entry, encoding/json leaves it zero (model.md §1).
      if (decoder.syntax() == Syntax::yaml && tree.items[i].kind == Tree::Kind::null) continue;
      const Decoder::Step step{decoder, i};
      // encoding/json reads the list of a second, equal key into the elements of the first.
      if (count == out.size()) out.emplace_back();
      decode(decoder, tree.items[i], out[count++]);
    }
    out.resize(count);
  } else if constexpr (is_map<T>) {
    if (null) {
      if (decoder.syntax() == Syntax::json) out = T{};
      return;
    }
    if (tree.kind != Tree::Kind::map) return decoder.wrong_kind(tree, "a map");
    if (out.is_null()) out = T::empty_map();
    for (const auto& [key, value] : tree.members) {
      const Decoder::Step step{decoder, key};
      typename T::mapped_type element{};
      decode(decoder, value, element);
      out[key] = std::move(element);
    }
  } else if constexpr (Labelled<T>) {
    if (null && decoder.syntax() == Syntax::yaml) return;
    if (const auto index = decoder.enumeration(tree, Labels<T>::what, Labels<T>::words.data(),
                                               Labels<T>::words.size())) {
      out = static_cast<T>(*index);
    }
  } else if constexpr (std::is_same_v<T, JsonText>) {
    decoder.scalar(tree, out);
  } else if constexpr (std::is_same_v<T, Bytes>) {
    if (null) {
      out = Bytes{};
      return;
    }
    decoder.scalar(tree, out);
  } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string> ||
                       std::is_same_v<T, double> || std::is_same_v<T, Timestamp>) {
    if (!null) decoder.scalar(tree, out);
  } else if constexpr (std::is_integral_v<T>) {
    if (null) return;
    using Wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
    Wide wide = static_cast<Wide>(out);
    decoder.scalar(tree, wide);
    if (!std::in_range<T>(wide)) return decoder.out_of_range(tree);
    out = static_cast<T>(wide);
  } else {
    static_assert(Described<T>, "give the type a field table");
    decode_struct(decoder, tree, out);
  }
}

// Throws decode_failed with every problem, one a line, when there is any.
void throw_problems(const std::vector<Problem>& problems);

// The whole tree as a T; throws decode_failed naming every problem.
template <class T>
T from_tree(const Tree& tree, Syntax syntax, UnknownFields unknown = UnknownFields::ignore) {
  Decoder decoder{syntax, unknown};
  T out{};
  decode(decoder, tree, out);
  throw_problems(decoder.problems());
  return out;
}

}  // namespace kukeon::reflect
