// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/commands/manifest.h"

#include <filesystem>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/cli/commands/input_file.h"
#include "kukeon/v1beta1/parse.h"

namespace kukeon::cli {

void Manifest::describe(Args& args) {
  args.flag("-f, --file", file_, "File with documents; - reads standard input");
  args.required();
  args.flag("--validate", validate_,
            "What unknown fields are: strict (an error), warn or ignore; otherwise as the daemon"
            " is set up");
  args.flag("--prune", prune_, "Delete what the set declared before and does not now");
  args.flag("--set", set_, "Name of the set; otherwise the absolute path of the file");
}

void Manifest::read(Terminal& terminal) {
  v1beta1::parse_validation(validate_);
  if (file_ == "-" && prune_ && set_.empty()) {
    throw Error{kinds::usage,
                "--prune with -f - needs --set NAME: standard input has no path to name the set"};
  }
  text_ = read_input(terminal, file_);
  if (set_.empty() && file_ != "-") {
    set_ = std::filesystem::absolute(file_).lexically_normal().string();
  }
}

api::PlanDocuments::Result Manifest::plan(Context& context) const {
  const Progress progress{context.terminal(), "planning"};
  return context.call<api::PlanDocuments>(request<api::PlanDocuments>());
}

}  // namespace kukeon::cli
