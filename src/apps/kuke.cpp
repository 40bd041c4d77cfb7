// SPDX-License-Identifier: Apache-2.0
// The command line: everything is in kukeon/cli.
#include <string>
#include <vector>

#include "kukeon/cli/kuke.h"

int main(int argc, char** argv) {
  kukeon::cli::Terminal terminal;
  return kukeon::cli::kuke(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc),
                           terminal);
}
