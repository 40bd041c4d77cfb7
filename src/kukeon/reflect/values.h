// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

// Value types of documents that the standard library lacks: containers that remember Go's
// difference between nil (`null`) and empty (`[]`, `{}`), bytes, and JSON kept as text. Equality
// ignores nil.
namespace kukeon::reflect {

// A vector; while empty it is written as `null`, or as `[]` after empty() or decoding `[]`.
template <class T>
class List : public std::vector<T> {
 public:
  using std::vector<T>::vector;
  List() = default;
  List(std::vector<T> items) : std::vector<T>(std::move(items)) {}
  static List empty_list() {
    List list;
    list.set_null(false);
    return list;
  }
  bool is_null() const { return null_ && this->empty(); }
  void set_null(bool null) { null_ = null; }

 private:
  bool null_ = true;
};

// A map with string keys, sorted bytewise; nil as in List.
template <class T>
class Map : public std::map<std::string, T, std::less<>> {
 public:
  using Base = std::map<std::string, T, std::less<>>;
  using Base::Base;
  Map() = default;
  static Map empty_map() {
    Map map;
    map.set_null(false);
    return map;
  }
  bool is_null() const { return null_ && this->empty(); }
  void set_null(bool null) { null_ = null; }

 private:
  bool null_ = true;
};

using StringList = List<std::string>;
using Labelset = Map<std::string>;

// Binary data: padded standard base64 in JSON, nil as in List.
struct Bytes {
  std::string data;
  bool null = true;

  Bytes() = default;
  explicit Bytes(std::string bytes) : data{std::move(bytes)}, null{false} {}
  bool is_null() const { return null && data.empty(); }
  friend bool operator==(const Bytes& a, const Bytes& b) { return a.data == b.data; }
};

// One JSON value kept as the text it came in (compact when we wrote it). Empty text means absent.
struct JsonText {
  std::string text;

  bool operator==(const JsonText&) const = default;
};

template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<List<T>> = true;
template <class T>
inline constexpr bool is_map = false;
template <class T>
inline constexpr bool is_map<Map<T>> = true;

}  // namespace kukeon::reflect
