// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "kukeon/api/error.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

// What all calls have in common. A call is a struct with a name, a Request and a Reply:
//
//   struct StopCell : LifecycleMethod<v1beta1::CellDoc, "Cell", "Stopped"> {
//     static constexpr std::string_view name = "StopCell";
//   };
//
// Keys are Go's names and their order is the contract's (wire.md §3, §5); nothing is left out when
// zero.
namespace kukeon::api {

inline constexpr std::string_view service = "KukeonV1";

// Text as a template argument: a JSON key that differs from call to call.
template <std::size_t Size>
struct Key {
  char text[Size] = {};

  consteval Key(const char (&literal)[Size]) { std::copy_n(literal, Size, text); }
  constexpr std::string_view view() const { return {text, Size - 1}; }
};

struct EmptyRequest {
  static constexpr auto fields() { return std::tuple{}; }
  bool operator==(const EmptyRequest&) const = default;
};

// A document as an address: its name, its parents' ids, and for Create all of it.
template <class DocType>
struct DocRequest {
  DocType doc{};

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("Doc", &DocRequest::doc, always, "The document, or the address of one."),
    };
  }
  bool operator==(const DocRequest&) const = default;
};

// Of Delete and Purge.
template <class DocType>
struct RemovalRequest {
  DocType doc{};
  bool force = false;
  bool cascade = false;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("Doc", &RemovalRequest::doc, always, "The address of the document."),
        reflect::field("Force", &RemovalRequest::force, always, "Skip the check for children."),
        reflect::field("Cascade", &RemovalRequest::cascade, always, "Remove the children first."),
    };
  }
  bool operator==(const RemovalRequest&) const = default;
};

// The usual reply. With `err`, `result` is all zero. `Answer` is what a handler returns and what
// Client::call() gives.
template <class ResultType>
struct ResultReply {
  using Answer = ResultType;

  ResultType result{};
  std::optional<WireError> err{};

  static ResultReply of(Answer answer) { return {std::move(answer), std::nullopt}; }
  Answer take() && { return std::move(result); }

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("Result", &ResultReply::result, always, "The outcome; all zero with Err."),
        reflect::field("Err", &ResultReply::err, always, "Why the call failed, else null."),
    };
  }
  bool operator==(const ResultReply&) const = default;
};

// The reply of List calls. The list is `[]` when nothing is there, and null only beside an Err.
template <class Item, Key items_key>
struct ListReply {
  using Answer = reflect::List<Item>;

  reflect::List<Item> items{};
  std::optional<WireError> err{};

  static ListReply of(Answer answer) {
    answer.set_null(false);
    return {std::move(answer), std::nullopt};
  }
  Answer take() && { return std::move(items); }

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field(items_key.view(), &ListReply::items, always, "Sorted by parents and name."),
        reflect::field("Err", &ListReply::err, always, "Why the call failed, else null."),
    };
  }
  bool operator==(const ListReply&) const = default;
};

// Start, Stop and Kill: the document after the call, and `done`, which is true iff Err is null.
template <class DocType, Key doc_key, Key done_key>
struct LifecycleMethod {
  struct Result {
    DocType doc{};
    bool done = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field(doc_key.view(), &Result::doc, always, "The document after the call."),
          reflect::field(done_key.view(), &Result::done, always, "Whether it was done."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Request = DocRequest<DocType>;
  using Reply = ResultReply<Result>;
};

template <class M>
concept Method = requires {
  { M::name } -> std::convertible_to<std::string_view>;
  typename M::Request;
  typename M::Reply::Answer;
};

// What a handler of M returns and Client::call<M>() gives: M::Result, the list of a List call, or
// for Ping its whole reply.
template <Method M>
using Answer = typename M::Reply::Answer;

// Calls that change nothing and take no write lock: the daemon answers them on threads of their
// own, so that long operations cannot make them wait.
template <Method M>
inline constexpr bool is_read = [] {
  constexpr std::string_view name = M::name;
  return name.starts_with("Get") || name.starts_with("List") || name.starts_with("Log") ||
         name.starts_with("Attach") || name.starts_with("Watch") || name.starts_with("Plan") ||
         name == "Ping" || name == "Status";
}();

}  // namespace kukeon::api
