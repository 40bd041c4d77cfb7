// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/commands/manifest.h"
#include "kukeon/cli/commands/planned.h"
#include "kukeon/cli/context.h"

namespace kukeon::cli {
namespace {

class Plan : public Command {
  Manifest manifest_;
  std::string output_;

  void describe(Args& args) override {
    manifest_.describe(args);
    args.flag("-o, --output", output_, "json or yaml; otherwise for people");
  }

  void run(Context& context) override {
    manifest_.read(context.terminal());
    print_plan(context, manifest_.plan(context), output_);
  }
};

class Diff : public Command {
  Manifest manifest_;
  bool differs_ = false;

  void describe(Args& args) override { manifest_.describe(args); }

  void run(Context& context) override {
    manifest_.read(context.terminal());
    const auto plan = manifest_.plan(context);
    for (const std::string& warning : plan.warnings) context.warn("Warning: {}", warning);
    const std::string text = changes_text(plan, Objects::hidden);
    differs_ = !text.empty();
    context.terminal().print(text);
  }

  int code() const override { return differs_ ? 1 : 0; }
  int failure_code() const override { return 2; }
};

const Register<Plan> plan{{
    .path = "plan",
    .summary = "Show what an apply would do, and change nothing",
    .about =
        R"(Prints what `kuke apply` with the same flags would do: each document that is made (+), changed (~),
started (>), deleted (-) or refused (!), each field from its old to its new value, and what on the
host is touched (*). In brackets is what a change of the field costs: live, recreate (its container
is replaced) or refused. Values of secrets and of variables are hidden.

The hash at the end names exactly this plan: `kuke apply --plan HASH` does it, or nothing at all if
something has moved since.)",
    .examples = "kuke plan -f site.yaml\nkuke plan -f site.yaml --prune -o json",
}};
const Register<Diff> diff{{
    .path = "diff",
    .summary = "Show how documents differ from what is there",
    .about =
        R"(Prints what differs between the documents of a file and what the daemon has, as `kuke plan` does.
Exits with 0 where nothing differs, 1 where something does, and 2 when it could not be found out.)",
    .examples = "kuke diff -f site.yaml || kuke apply -f site.yaml",
}};

}  // namespace
}  // namespace kukeon::cli
