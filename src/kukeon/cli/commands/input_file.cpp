// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/commands/input_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/fd.h"
#include "kukeon/base/strings.h"

namespace kukeon::cli {
namespace {

std::string read_all(int fd, const std::string& name, std::size_t limit) {
  std::string text;
  char buffer[64 << 10];
  while (true) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const Error cause = Error::from_errno(fmt::format("read {}", name));
      throw Error{cause.kind(),
                  fmt::format("failed to read file {}: {}", quote(name), cause.what())};
    }
    if (n == 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > limit) {
      throw Error{kinds::invalid_argument,
                  fmt::format("failed to read file {}: it is longer than {} MiB", quote(name),
                              limit >> 20)};
    }
  }
}

}  // namespace

std::string read_input(Terminal& terminal, const std::string& file, std::size_t limit) {
  if (file == "-") return read_all(terminal.in(), "standard input", limit);
  const Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) {
    const Error cause = Error::from_errno(fmt::format("open {}", file));
    throw Error{cause.kind(), fmt::format("failed to open file {}: {}", quote(file), cause.what())};
  }
  return read_all(fd.get(), file, limit);
}

}  // namespace kukeon::cli
