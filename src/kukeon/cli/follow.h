// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kukeon/cli/terminal.h"

namespace kukeon::cli {

enum class Follow { no, yes };

// Copies a file to the output. With `Follow::yes` it then waits for more until SIGINT, SIGTERM or
// until nobody reads the output; a file that was cut short or replaced is read from its start.
// Throws where it cannot be opened; os_error() says why.
void copy_file(Terminal& terminal, const std::string& path, Follow follow);

}  // namespace kukeon::cli
