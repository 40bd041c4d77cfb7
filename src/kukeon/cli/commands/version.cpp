// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/context.h"

namespace kukeon::cli {
namespace {

class Version : public Command {
  std::vector<std::string> ignored_;

  void describe(Args& args) override { args.any_words("", ignored_); }
  void run(Context& context) override { context.print("{}", KUKEON_VERSION); }
};

const Register<Version> registered{{
    .path = "version",
    .summary = "Print the version of kuke",
    .about = "Prints the version of this program; the daemon is not asked (see kuke status).",
    .usage_after_error = true,
}};

}  // namespace
}  // namespace kukeon::cli
