// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kukeon/cli/context.h"

namespace kukeon::cli {

// Runs one command line, without the program's name: finds the command, parses, runs it, writes at
// most one `Error:` line. Returns the exit code: 0, 1, or what the command says (`kuke diff`).
int kuke(const std::vector<std::string>& words, Terminal& terminal, const Dial& dial = dial_daemon);

}  // namespace kukeon::cli
