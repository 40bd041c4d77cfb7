// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include <fmt/format.h>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/commands/input_file.h"
#include "kukeon/cli/context.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/yaml.h"
#include "kukeon/v1beta1/parse.h"

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
  std::string file_;
  std::string output_;
  std::string validate_;

  void describe(Args& args) override {
    args.flag("-f, --file", file_, "File with documents; - reads standard input");
    args.required();
    args.flag("-o, --output", output_, "json or yaml; otherwise a line a document");
    args.flag("--validate", validate_,
              "What unknown fields are: strict (an error), warn or ignore; otherwise as the daemon"
              " is set up");
  }

  void run(Context& context) override {
    v1beta1::parse_validation(validate_);
    std::string text = read_input(context.terminal(), file_);
    auto [resources, warnings] = [&] {
      const Progress progress{context.terminal(), "applying"};
      return context.call<api::ApplyDocuments>(
          {.raw_yaml = reflect::Bytes{std::move(text)}, .validate = validate_});
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
three dashes and applied parents first; missing parents are made on the fly.)",
    .examples = "kuke apply -f hello-world.yaml\ncat *.yaml | kuke apply -f -",
}};

}  // namespace
}  // namespace kukeon::cli
