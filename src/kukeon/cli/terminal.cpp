// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"

namespace kukeon::cli {

using namespace std::chrono_literals;

void Terminal::print(std::string_view text) {
  pending_ += text;
  if (pending_.size() >= 64U << 10) flush();
}

void Terminal::flush() {
  if (pending_.empty()) return;
  const std::string text = std::exchange(pending_, {});
  write_all(out_, text, "write to standard output");
}

void Terminal::complain(std::string_view text) noexcept {
  try {
    flush();
    write_all(err_, text, "write to standard error");
  } catch (const std::exception&) {  // nobody is left to tell
  }
}

void Terminal::draw(std::string_view text) noexcept {
  try {
    write_all(err_, text, "write to standard error");
  } catch (const std::exception&) {  // nobody looks any more
  }
}

std::optional<std::string> Terminal::read_line() {
  constexpr std::size_t longest = 4096;
  std::string line;
  while (line.size() < longest) {
    char c = 0;
    const ssize_t n = ::read(in_, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error::from_errno("read standard input");
    if (n == 0) return line.empty() ? std::nullopt : std::optional{line};
    if (c == '\n') return line;
    line += c;
  }
  throw Error{kinds::invalid_argument, fmt::format("the answer is longer than {} bytes", longest)};
}

bool Terminal::error_is_tty() const { return ::isatty(err_) == 1; }
bool Terminal::in_is_tty() const { return ::isatty(in_) == 1; }

std::size_t Terminal::columns() const {
  winsize size{};
  // A terminal that does not know its size says 0, as serial lines do.
  if (::ioctl(out_, TIOCGWINSZ, &size) < 0 || size.ws_col == 0) return 80;
  return std::max<std::size_t>(size.ws_col, 40);
}

Progress::Progress(Terminal& terminal, std::string doing)
    : terminal_{terminal}, doing_{std::move(doing)} {
  if (!terminal_.error_is_tty()) return;
  thread_ = std::jthread{[this](const std::stop_token& stop) { show(stop); }};
}

void Progress::show(const std::stop_token& stop) {
  std::unique_lock lock{mutex_};
  for (int seconds = 1; !wake_.wait_for(lock, stop, 1s, [&] { return stop.stop_requested(); });
       ++seconds) {
    terminal_.draw(fmt::format("\r\x1b[K{} … {}s", doing_, seconds));
  }
  terminal_.draw("\r\x1b[K");
}

}  // namespace kukeon::cli
