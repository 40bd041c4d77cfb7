// SPDX-License-Identifier: Apache-2.0
#include "fakes/container_filter.h"

#include <algorithm>
#include <cctype>
#include <regex>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::fakes {
namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_{text} {}

  bool at_end() const { return at_ == text_.size(); }
  bool take(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  // A quoted text, or what runs up to the next character of `ends`.
  std::string word(std::string_view ends) {
    std::string result;
    if (take("\"")) {
      while (!at_end() && text_[at_] != '"') {
        if (text_[at_] == '\\') ++at_;
        if (!at_end()) result += text_[at_++];
      }
      if (!take("\"")) fail();
      return result;
    }
    while (!at_end() && ends.find(text_[at_]) == std::string_view::npos) result += text_[at_++];
    if (result.empty()) fail();
    return result;
  }
  [[noreturn]] void fail() const {
    throw Error{kinds::invalid_argument,
                fmt::format("filters: parse error: {} at {}", quote(text_), at_)};
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

ContainerFilter ContainerFilter::parse(std::string_view text) {
  ContainerFilter filter;
  Scanner scanner{text};
  do {
    Condition condition;
    condition.of_label = scanner.take("labels.");
    condition.field = scanner.word(".,=!~");
    if (!condition.of_label && condition.field != "id" && condition.field != "image") {
      scanner.fail();
    }
    for (const char* op : {"==", "!=", "~="}) {
      if (!scanner.take(op)) continue;
      condition.op = op;
      condition.value = scanner.word(",");
    }
    filter.conditions_.push_back(std::move(condition));
  } while (scanner.take(","));
  if (!scanner.at_end()) scanner.fail();
  return filter;
}

bool ContainerFilter::matches(const runtime::ContainerRecord& container) const {
  return std::ranges::all_of(conditions_, [&](const Condition& condition) {
    std::string actual = condition.field == "id" ? container.id : container.image;
    bool present = !actual.empty();
    if (condition.of_label) {
      const auto found = container.labels.find(condition.field);
      present = found != container.labels.end();
      actual = present ? found->second : "";
    }
    if (condition.op == "==") return present && actual == condition.value;
    if (condition.op == "!=") return actual != condition.value;
    if (condition.op == "~=") return std::regex_search(actual, std::regex{condition.value});
    return present;
  });
}

}  // namespace kukeon::fakes
