// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "kukeon/api/cell_methods.h"
#include "kukeon/api/container_methods.h"
#include "kukeon/api/document_methods.h"
#include "kukeon/api/realm_methods.h"
#include "kukeon/api/space_methods.h"
#include "kukeon/api/stack_methods.h"
#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/commands/input_file.h"
#include "kukeon/cli/commands/scope.h"
#include "kukeon/cli/context.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/yaml.h"

namespace kukeon::cli {
namespace {

using v1beta1::Kind;

std::string parent_text(Kind kind, const Place& place) {
  switch (kind) {
    case Kind::realm:
      return "";
    case Kind::space:
      return fmt::format(" from realm {}", quote(place.realm));
    case Kind::stack:
      return fmt::format(" from space {}", quote(place.space));
    case Kind::cell:
      return fmt::format(" from stack {}", quote(place.stack));
    case Kind::container:
      return fmt::format(" from cell {}", quote(place.cell));
  }
  return "";
}

template <class Call, class Doc>
class Delete : public Command {
  std::string name_;
  bool cascade_ = false;
  bool force_ = false;
  Scope scope_;

  void describe(Args& args) override {
    args.positional("NAME", name_);
    args.flag("--cascade", cascade_, "Delete what is inside first");
    args.flag("--force", force_, "Do not check what is inside");
    scope_.describe(args, Doc::document_kind);
  }

  void run(Context& context) override {
    const Place place = scope_.or_default();
    typename Call::Request request{};
    request.doc = address_of<Doc>(name_, place);
    if constexpr (requires { request.cascade; }) {
      request.cascade = cascade_;
      request.force = force_;
    }
    {
      const Progress progress{context.terminal(), "deleting"};
      context.call<Call>(request);
    }
    context.print("Deleted {} {}{}", lower_word_of(Doc::document_kind), quote(name_),
                  parent_text(Doc::document_kind, place));
  }
};

// The object of `-o`: lower case in both formats (cli.md 7.6).
struct Report {
  reflect::List<api::DeletedResource> resources;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("resources", &Report::resources, always, "One entry a document."),
    };
  }
};

// "2 stack(s) deleted (cascade)" for each kind of children that went.
void print_cascaded(Context& context, const api::DeletedResource& resource) {
  for (const Kind kind : {Kind::space, Kind::stack, Kind::cell}) {
    const std::string_view word = lower_word_of(kind);
    const auto count = std::ranges::count_if(resource.cascaded, [&](const std::string& child) {
      return child.starts_with(word) && child[word.size()] == ':';
    });
    if (count > 0) context.print("  - {} {}(s) deleted (cascade)", count, word);
  }
}

class DeleteFile : public Command {
  std::string file_;
  std::string output_;
  bool cascade_ = false;
  bool force_ = false;

  void describe(Args& args) override {
    args.flag("-f, --file", file_, "File with documents; - reads standard input");
    args.required();
    args.flag("-o, --output", output_, "json or yaml; otherwise a line a document");
    args.flag("--cascade", cascade_, "With -f: delete what is inside first");
    args.flag("--force", force_, "With -f: do not check what is inside");
  }

  void run(Context& context) override {
    std::string text = read_input(context.terminal(), file_);
    auto resources = [&] {
      const Progress progress{context.terminal(), "deleting"};
      return context
          .call<api::DeleteDocuments>(
              {.raw_yaml = reflect::Bytes{std::move(text)}, .cascade = cascade_, .force = force_})
          .resources;
    }();
    resources.set_null(false);
    if (output_ == "json") {
      context.terminal().print(reflect::to_json(Report{std::move(resources)}, 2));
    } else if (output_ == "yaml") {
      context.terminal().print(reflect::to_yaml(Report{std::move(resources)}, 4));
    } else {
      print_lines(context, resources);
    }
  }

  static void print_lines(Context& context, const reflect::List<api::DeletedResource>& resources) {
    bool any_failed = false;
    for (const api::DeletedResource& resource : resources) {
      context.print("{} \"{}\": {}", resource.kind, resource.name, resource.action);
      print_cascaded(context, resource);
      for (const auto& [what, detail] : resource.details) context.print("  - {}: {}", what, detail);
      if (resource.action != "failed") continue;
      any_failed = true;
      context.print("  Error: {}", resource.error);
    }
    if (any_failed) throw Error{kinds::unknown, "config error: some resources failed to delete"};
  }
};

const RegisterGroupWith<DeleteFile> group{{
    .path = "delete",
    .summary = "Delete an object and everything it made on the host",
    .about =
        R"(Deletes one object, or with -f all that the documents of a file name, children before parents. A
cell is stopped first, gracefully. A realm, space or stack with something inside is refused without
--cascade, which deletes that first.)",
    .examples = "kuke delete cell web\nkuke delete space blog --cascade\nkuke delete -f site.yaml",
    .aliases = "d",
}};
const Register<Delete<api::DeleteRealm, v1beta1::RealmDoc>> realm{{
    .path = "delete realm",
    .summary = "Delete a realm",
    .examples = "kuke delete realm dev --cascade",
    .aliases = "r",
}};
const Register<Delete<api::DeleteSpace, v1beta1::SpaceDoc>> space{{
    .path = "delete space",
    .summary = "Delete a space and its network",
    .examples = "kuke delete space blog --cascade",
    .aliases = "sp",
}};
const Register<Delete<api::DeleteStack, v1beta1::StackDoc>> stack{{
    .path = "delete stack",
    .summary = "Delete a stack",
    .examples = "kuke delete stack front --space blog --cascade",
    .aliases = "st",
}};
const Register<Delete<api::DeleteCell, v1beta1::CellDoc>> cell{{
    .path = "delete cell",
    .summary = "Stop a cell and delete it",
    .examples = "kuke delete cell web --space blog --stack front",
    .aliases = "ce",
}};
const Register<Delete<api::DeleteContainer, v1beta1::ContainerDoc>> container{{
    .path = "delete container",
    .summary = "Stop a container and delete it from its cell",
    .examples = "kuke delete container sidecar --cell web",
    .aliases = "co",
}};

}  // namespace
}  // namespace kukeon::cli
