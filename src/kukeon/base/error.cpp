// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/error.h"

#include <cstring>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"

namespace kukeon {
namespace {

const ErrorKind& kind_of_errno(int err) {
  switch (err) {
    case EACCES:
    case EPERM:
      return kinds::permission_denied;
    case ENOSPC:
    case EDQUOT:
      return kinds::disk_full;
    default:
      return kinds::os_error;
  }
}

// strerror() is not thread safe and glibc's strerrordesc_np() is: "no such file or directory".
std::string errno_text(int err) {
  const char* text = ::strerrordesc_np(err);
  std::string lower = text != nullptr ? text : fmt::format("errno {}", err);
  if (!lower.empty() && lower[0] >= 'A' && lower[0] <= 'Z') {
    lower[0] = static_cast<char>(lower[0] - 'A' + 'a');
  }
  return lower;
}

}  // namespace

Error::Error(const ErrorKind& kind, std::string message)
    : kind_{kind}, message_{std::move(message)}, what_{message_} {}

Error Error::from_errno(std::string_view doing, int err) {
  Error error{kind_of_errno(err), fmt::format("{}: {}", doing, errno_text(err))};
  error.os_error_ = err;
  return error;
}

void Error::add_context(std::string line) {
  what_ = fmt::format("{}: {}", line, what_);
  context_.push_back(std::move(line));
}

std::string current_exception_text() noexcept {
  try {
    throw;
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "unknown exception";
  }
}

const ErrorKind* kinds::find_wire_kind(std::string_view word) {
  for (const ErrorKind* kind : wire) {
    if (kind->word == word) return kind;
  }
  return nullptr;
}

}  // namespace kukeon
