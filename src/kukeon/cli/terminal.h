// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace kukeon::cli {

// Where a command reads its answers and writes its results and complaints.
class Terminal {
 public:
  Terminal() = default;  // the process's own three
  Terminal(int in, int out, int err) : in_{in}, out_{out}, err_{err} {}
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Results: collected, and written at the end or when there are many. Throws when they cannot be.
  void print(std::string_view text);
  void flush();

  // Complaints: written at once, after the results so far; never throws.
  void complain(std::string_view text) noexcept;

  // A passing picture on the error stream, past the results that are still collected; for Progress,
  // whose thread must not touch them.
  void draw(std::string_view text) noexcept;

  // The next line of the input without its newline; nullopt at its end. Never reads past the line,
  // so that what follows stays for whoever reads next.
  std::optional<std::string> read_line();

  int in() const { return in_; }
  int out() const { return out_; }
  bool error_is_tty() const;
  bool in_is_tty() const;

  // How wide results may be: the columns of the screen they go to, at least 40; 80 where there is
  // no screen.
  std::size_t columns() const;

 private:
  int in_ = 0;
  int out_ = 1;
  int err_ = 2;
  std::string pending_;
};

// "applying … 3s" on a person's screen while something takes longer than a second; nothing where
// nobody looks. Gone, line and all, at the end of the scope.
class Progress {
 public:
  Progress(Terminal& terminal, std::string doing);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  void show(const std::stop_token& stop);

  Terminal& terminal_;
  std::string doing_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: its destructor stops and joins while the rest is alive
};

}  // namespace kukeon::cli
