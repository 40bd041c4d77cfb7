// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "kukeon/cli/terminal.h"

namespace kukeon::cli {

// What `-f` names: a file, or with `-` standard input; throws when it is longer than `limit`.
std::string read_input(Terminal& terminal, const std::string& file,
                       std::size_t limit = std::size_t{16} << 20);

}  // namespace kukeon::cli
