// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include <fmt/format.h>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/api/document_methods.h"
#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/commands/manifest.h"
#include "kukeon/cli/commands/planned.h"
#include "kukeon/cli/context.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/yaml.h"

namespace kukeon::cli {
namespace {

// The object of `-o json`, keys inside as on the wire.
struct JsonReport {
  reflect::List<api::AppliedResource> resources;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("resources", &JsonReport::resources, always, "One entry a document."),
    };
  }
};

// The same for `-o yaml`, where the keys are lower case (cli.md 7.2).
struct YamlResource {
  api::AppliedResource of;
  std::int64_t index = of.index;
  std::string kind = of.kind;
  std::string name = of.name;
  std::string action = of.action;
  std::string error = of.error;
  reflect::StringList changes = of.changes;
  reflect::Labelset details = of.details;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("index", &YamlResource::index, always, "Position of the document."),
        reflect::field("kind", &YamlResource::kind, always, "Kind."),
        reflect::field("name", &YamlResource::name, always, "Name."),
        reflect::field("action", &YamlResource::action, always, "What happened."),
        reflect::field("error", &YamlResource::error, always, "Why it failed."),
        reflect::field("changes", &YamlResource::changes, always, "What changed."),
        reflect::field("details", &YamlResource::details, always, "How it changed."),
    };
  }
};

struct YamlReport {
  reflect::List<YamlResource> resources;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("resources", &YamlReport::resources, always, "One entry a document."),
    };
  }
};

void print_report(Context& context, const reflect::List<api::AppliedResource>& resources) {
  bool any_failed = false;
  for (const api::AppliedResource& resource : resources) {
    context.print("{} \"{}\": {}", resource.kind, resource.name, resource.action);
    for (const std::string& change : resource.changes) context.print("  - {}", change);
    if (resource.action == "failed") {
      any_failed = true;
      context.print("  Error: {}", resource.error);
    }
  }
  if (any_failed) throw Error{kinds::unknown, "config error: some resources failed to apply"};
}

class Apply : public Command {
  Manifest manifest_;
  std::string output_;
  std::string plan_;
  bool dry_run_ = false;
  bool yes_ = false;

  void describe(Args& args) override {
    manifest_.describe(args);
    args.flag("-o, --output", output_, "json or yaml; otherwise a line a document");
    args.flag("--dry-run", dry_run_, "Print the plan and change nothing, as `kuke plan` does");
    args.flag("--plan", plan_, "Do what the plan with this hash says, or nothing if things moved");
    args.flag("-y, --yes", yes_, "Do not ask before --prune deletes");
  }

  void run(Context& context) override {
    manifest_.read(context.terminal());
    if (dry_run_) return print_plan(context, manifest_.plan(context), output_);
    // Asked for first in any case: a daemon that knows no plans would ignore the hash.
    std::string hash = plan_;
    if (manifest_.prunes() || !plan_.empty()) {
      const auto planned = manifest_.plan(context);
      if (manifest_.prunes()) confirm_deletions(context, planned, yes_);
      if (hash.empty()) hash = planned.hash;
    }
    auto [resources, warnings] = [&] {
      const Progress progress{context.terminal(), "applying"};
      auto request = manifest_.request<api::ApplyDocuments>();
      request.plan = hash;
      return context.call<api::ApplyDocuments>(request);
    }();
    for (const std::string& warning : warnings) context.warn("Warning: {}", warning);
    if (output_ == "json") {
      context.terminal().print(reflect::to_json(JsonReport{std::move(resources)}, 2));
    } else if (output_ == "yaml") {
      YamlReport report;
      report.resources.set_null(false);
      for (const api::AppliedResource& resource : resources) {
        report.resources.push_back({.of = resource});
      }
      context.terminal().print(reflect::to_yaml(report, 4));
    } else {
      print_report(context, resources);
    }
  }
};

const Register<Apply> registered{{
    .path = "apply",
    .summary = "Make the host look like the documents of a file",
    .about =
        R"(Creates what the documents describe and does not exist, changes what differs, and leaves the
rest alone; applying the same file again changes nothing. Documents are separated by lines of
three dashes and applied parents first; missing parents are made on the fly.

Documents of one file are a set. With --prune, what an earlier apply of the same set declared and
this one does not is deleted; parents that were made on the fly stay. The name of a set is the
absolute path of the file, or what --set says.)",
    .examples = "kuke apply -f hello-world.yaml\ncat *.yaml | kuke apply -f -\n"
                "kuke apply -f site.yaml --prune --yes\n"
                "kuke apply -f site.yaml --plan sha256:3f1c…",
}};

}  // namespace
}  // namespace kukeon::cli
