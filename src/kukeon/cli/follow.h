// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

#include <chrono>
#include <string>

#include "kukeon/cli/terminal.h"

namespace kukeon::cli {

// While it lives, SIGINT and SIGTERM end the program with exit code 0, also in the middle of a
// write that blocks: nothing is left to clean up.
class ExitOnSignal {
 public:
  ExitOnSignal();
  ExitOnSignal(const ExitOnSignal&) = delete;
  ExitOnSignal& operator=(const ExitOnSignal&) = delete;
  ~ExitOnSignal();

 private:
  struct sigaction interrupt_ {};
  struct sigaction terminate_ {};
};

// Waits so long for the reader of a pipe to leave; true when it has.
bool reader_left(int out, std::chrono::milliseconds pause);

enum class Follow { no, yes };

// Copies a file to the output. With `Follow::yes` it then waits for more until SIGINT, SIGTERM or
// until nobody reads the output; a file that was cut short or replaced is read from its start.
// Throws where it cannot be opened; os_error() says why.
void copy_file(Terminal& terminal, const std::string& path, Follow follow);

}  // namespace kukeon::cli
