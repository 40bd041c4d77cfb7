// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"

// The text that `--help`, `kuke help` and a group without a word print.
namespace kukeon::cli {

// `entry` null: `kuke` itself.
std::string help_text(const Entry* entry, const Args& args, const Args& globals);

// The same without the sentences on top; shown after a wrong flag of a group.
std::string usage_text(const Entry* entry, const Args& args, const Args& globals);

}  // namespace kukeon::cli
