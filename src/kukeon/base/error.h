// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kukeon {

// What a caller may act on. One constant per failure that some caller tells apart: error_kinds.h.
struct ErrorKind {
  std::string_view word;  // name; for wire kinds the word in `Err.Kind` (wire.md §8)
  std::string_view text;  // the bare sentence, used where nothing better is known
  bool on_wire = false;   // false: travels as `Unknown`, with its message

  friend bool operator==(const ErrorKind& a, const ErrorKind& b) { return a.word == b.word; }
};

// The one exception type: a kind, a message (what is wrong), and context (what was being attempted,
// one line a layer, innermost first).
class Error : public std::exception {
 public:
  Error(const ErrorKind& kind, std::string message);

  // `doing` is a verb phrase: "create a network namespace". Kind: os_error, or permission_denied,
  // disk_full where errno says so.
  static Error from_errno(std::string_view doing, int err = errno);

  const ErrorKind& kind() const { return kind_; }
  bool is(const ErrorKind& kind) const { return kind_ == kind; }
  const std::string& message() const { return message_; }
  const std::vector<std::string>& context() const { return context_; }

  // The errno that from_errno() was given; 0 for every other error.
  int os_error() const { return os_error_; }

  // The whole chain, outermost first, joined by ": ". This is the `Message` of the wire.
  const char* what() const noexcept override { return what_.c_str(); }

  void add_context(std::string line);

 private:
  ErrorKind kind_;
  std::string message_;
  std::vector<std::string> context_;
  std::string what_;
  int os_error_ = 0;
};

// Runs `body`; an Error that leaves it gains `line` as its outermost context.
template <class Body>
decltype(auto) during(std::string line, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (Error& error) {
    error.add_context(std::move(line));
    throw;
  }
}

// The current exception as text, for a catch (...) at a thread's or a destructor's edge.
std::string current_exception_text() noexcept;

}  // namespace kukeon
