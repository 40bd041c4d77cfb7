// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/json.h"

namespace kukeon::reflect {
namespace {

bool is_json_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool starts_word(char c) { return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); }

bool continues_word(char c) {
  return starts_word(c) || c == '+' || c == '.' || (c >= 'A' && c <= 'Z');
}

// Memory that one huge value needed is given back when the buffer runs empty.
constexpr std::size_t kept_capacity = std::size_t{1} << 20;

}  // namespace

void JsonSplitter::append(std::string_view bytes) {
  if (start_ == buffer_.size()) {
    buffer_.clear();
    if (buffer_.capacity() > kept_capacity) buffer_.shrink_to_fit();
    start_ = scanned_ = 0;
  } else if (start_ > buffer_.size() / 2) {
    buffer_.erase(0, start_);
    scanned_ -= start_;
    start_ = 0;
  }
  buffer_ += bytes;
}

bool JsonSplitter::next(std::string& value) {
  if (!started_ && !start_value()) return false;
  if (!find_end()) {
    if (buffer_.size() - start_ > limit_) refuse_length();
    return false;
  }
  if (scanned_ - start_ > limit_) refuse_length();
  if (start_ == 0 && scanned_ * 2 > buffer_.size()) {
    // Most of the buffer is this value: the rest moves, not the value.
    std::string rest = buffer_.substr(scanned_);
    buffer_.resize(scanned_);
    value = std::exchange(buffer_, std::move(rest));
    scanned_ = 0;
  } else {
    value.assign(buffer_, start_, scanned_ - start_);
  }
  start_ = scanned_;
  started_ = false;
  return true;
}

bool JsonSplitter::in_value() const {
  return started_ || !std::all_of(buffer_.begin() + static_cast<std::ptrdiff_t>(start_),
                                  buffer_.end(), is_json_space);
}

bool JsonSplitter::start_value() {
  while (start_ < buffer_.size() && is_json_space(buffer_[start_])) ++start_;
  scanned_ = start_;
  if (start_ == buffer_.size()) return false;
  const char c = buffer_[start_];
  if (c != '{' && c != '[' && c != '"' && !starts_word(c)) {
    throw Error{kinds::decode_failed,
                fmt::format("{} cannot start a JSON value", quote(buffer_.substr(start_, 1)))};
  }
  started_ = true;
  depth_ = 0;
  in_string_ = escaped_ = false;
  word_ = starts_word(c);
  return true;
}

bool JsonSplitter::find_end() {
  while (scanned_ < buffer_.size()) {
    if (word_) {
      if (!continues_word(buffer_[scanned_])) return true;
      ++scanned_;
      continue;
    }
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
        ++scanned_;
        continue;
      }
      while (scanned_ < buffer_.size() && buffer_[scanned_] != '"' && buffer_[scanned_] != '\\') {
        ++scanned_;
      }
      if (scanned_ == buffer_.size()) return false;
      if (buffer_[scanned_++] == '\\') {
        escaped_ = true;
        continue;
      }
      in_string_ = false;
      if (depth_ == 0) return true;
      continue;
    }
    switch (buffer_[scanned_++]) {
      case '"':
        in_string_ = true;
        break;
      case '{':
      case '[':
        ++depth_;
        break;
      case '}':
      case ']':
        if (--depth_ == 0) return true;
        break;
      default:
        break;
    }
  }
  return false;
}

void JsonSplitter::refuse_length() const {
  throw Error{kinds::invalid_argument, fmt::format("a JSON value is longer than {} bytes", limit_)};
}

}  // namespace kukeon::reflect
