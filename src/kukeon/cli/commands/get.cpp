// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kukeon/api/cell_methods.h"
#include "kukeon/api/container_methods.h"
#include "kukeon/api/realm_methods.h"
#include "kukeon/api/space_methods.h"
#include "kukeon/api/stack_methods.h"
#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/commands/scope.h"
#include "kukeon/cli/context.h"
#include "kukeon/cli/output/format.h"
#include "kukeon/cli/output/table.h"

namespace kukeon::cli {
namespace {

using reflect::label;
using v1beta1::Kind;

// What `get` needs to know of a kind that has documents of its own: its calls, its columns, how it
// says that one is not there.
struct Realms {
  static constexpr Kind kind = Kind::realm;
  static constexpr std::string_view empty = "No realms found.";
  using Doc = v1beta1::RealmDoc;
  using Get = api::GetRealm;
  using List = api::ListRealms;

  static List::Request list_request(const Place&) { return {}; }
  static std::vector<std::string> header() { return {"NAME", "NAMESPACE", "STATE", "CGROUP"}; }
  static std::vector<std::string> row(const Doc& doc) {
    return {doc.metadata.name, doc.spec.containerd_namespace,
            std::string{v1beta1::state_word(doc.status)}, doc.status.cgroup_path};
  }
  static std::string not_found(const std::string& name, const Place&) {
    return fmt::format("realm {} not found", quote(name));
  }
};

struct Spaces {
  static constexpr Kind kind = Kind::space;
  static constexpr std::string_view empty = "No spaces found.";
  using Doc = v1beta1::SpaceDoc;
  using Get = api::GetSpace;
  using List = api::ListSpaces;

  static List::Request list_request(const Place& place) { return {.realm_name = place.realm}; }
  static std::vector<std::string> header() { return {"NAME", "REALM", "STATE", "CGROUP"}; }
  static std::vector<std::string> row(const Doc& doc) {
    return {doc.metadata.name, doc.spec.realm_name, std::string{v1beta1::state_word(doc.status)},
            doc.status.cgroup_path};
  }
  static std::string not_found(const std::string& name, const Place& place) {
    return fmt::format("space {} not found in realm {}", quote(name), quote(place.realm));
  }
};

struct Stacks {
  static constexpr Kind kind = Kind::stack;
  static constexpr std::string_view empty = "No stacks found.";
  using Doc = v1beta1::StackDoc;
  using Get = api::GetStack;
  using List = api::ListStacks;

  static List::Request list_request(const Place& place) {
    return {.realm_name = place.realm, .space_name = place.space};
  }
  static std::vector<std::string> header() { return {"NAME", "REALM", "SPACE", "STATE", "CGROUP"}; }
  static std::vector<std::string> row(const Doc& doc) {
    return {doc.metadata.name, doc.spec.realm_name, doc.spec.space_name,
            std::string{v1beta1::state_word(doc.status)}, doc.status.cgroup_path};
  }
  static std::string not_found(const std::string& name, const Place& place) {
    return fmt::format("stack {} not found in realm {}, space {}", quote(name), quote(place.realm),
                       quote(place.space));
  }
};

struct Cells {
  static constexpr Kind kind = Kind::cell;
  static constexpr std::string_view empty = "No cells found.";
  using Doc = v1beta1::CellDoc;
  using Get = api::GetCell;
  using List = api::ListCells;

  static List::Request list_request(const Place& place) {
    return {.realm_name = place.realm, .space_name = place.space, .stack_name = place.stack};
  }
  static std::vector<std::string> header() {
    return {"NAME", "REALM", "SPACE", "STACK", "STATE", "CGROUP"};
  }
  static std::vector<std::string> row(const Doc& doc) {
    return {doc.metadata.name,
            doc.spec.realm_name,
            doc.spec.space_name,
            doc.spec.stack_name,
            std::string{v1beta1::state_word(doc.status)},
            doc.status.cgroup_path};
  }
  static std::string not_found(const std::string& name, const Place& place) {
    return fmt::format("cell {} not found in stack {}/{}/{}", quote(name), quote(place.realm),
                       quote(place.space), quote(place.stack));
  }
};

template <class Things>
class Get : public Command {
  std::string name_;
  std::optional<std::string> output_;
  bool show_controllers_ = false;
  Scope scope_;

  void describe(Args& args) override {
    args.optional_positional("NAME", name_);
    args.flag("-o, --output", output_, "yaml, json or table");
    args.flag("--show-controllers", show_controllers_, "Add the cgroup controllers to the table");
    scope_.describe(args, Things::kind);
  }

  void run(Context& context) override {
    const Format format = parse_format(output_);
    if (name_.empty()) return list(context, format);
    const Place place = scope_.or_default();
    const auto result =
        context.call<typename Things::Get>({.doc = address_of<typename Things::Doc>(name_, place)});
    if (!result.metadata_exists) {
      throw Error{kinds::not_found, Things::not_found(name_, place)};
    }
    context.terminal().print(text_of(result.doc, format));
  }

  void list(Context& context, Format format) {
    const auto docs = context.call<typename Things::List>(Things::list_request(scope_.filter()));
    if (format == Format::json || format == Format::yaml) {
      return context.terminal().print(text_of(docs, format));
    }
    if (docs.empty()) return context.print("{}", Things::empty);
    auto header = Things::header();
    if (show_controllers_) header.emplace_back("CONTROLLERS");
    Table table{std::move(header)};
    for (const auto& doc : docs) {
      auto row = Things::row(doc);
      if (show_controllers_) row.push_back(join(doc.status.subtree_controllers, ","));
      table.add_row(std::move(row));
    }
    context.terminal().print(table.text());
  }
};

// A container has no document of its own: lists hold specs, and its state is asked for one by one.
class GetContainers : public Command {
  std::string name_;
  std::optional<std::string> output_;
  Scope scope_;

  void describe(Args& args) override {
    args.optional_positional("NAME", name_);
    args.flag("-o, --output", output_, "yaml, json or table");
    scope_.describe(args, Kind::container);
  }

  void run(Context& context) override {
    const Format format = parse_format(output_);
    if (name_.empty()) return list(context, format);
    const auto result = context.call<api::GetContainer>(
        {.doc = address_of<v1beta1::ContainerDoc>(name_, scope_.or_default())});
    context.terminal().print(text_of(result.doc, format));
  }

  void list(Context& context, Format format) {
    const Place place = scope_.filter();
    const auto specs = find(context, place);
    if (format == Format::json || format == Format::yaml) {
      return context.terminal().print(text_of(specs, format));
    }
    if (specs.empty()) {
      context.print("No containers found{}.", filter_text(place));
      return print_hint(context, place);
    }
    Table table{{"NAME", "REALM", "SPACE", "STACK", "CELL", "ROOT", "IMAGE", "STATE"}};
    for (const auto& spec : specs) {
      table.add_row({spec.root ? "root" : spec.id, spec.realm_name, spec.space_name,
                     spec.stack_name, spec.cell_name, spec.root ? "true" : "false", spec.image,
                     state_of(context, spec)});
    }
    context.terminal().print(table.text());
  }

  // The daemon filters by cell only where all its parents are named (wire.md 6); we do the rest.
  static reflect::List<v1beta1::ContainerSpec> find(Context& context, const Place& place) {
    const bool has_parents = !place.realm.empty() && !place.space.empty() && !place.stack.empty();
    auto specs = context.call<api::ListContainers>({.realm_name = place.realm,
                                                    .space_name = place.space,
                                                    .stack_name = place.stack,
                                                    .cell_name = has_parents ? place.cell : ""});
    std::erase_if(specs, [&](const auto& spec) {
      return !place.cell.empty() && spec.cell_name != place.cell;
    });
    specs.set_null(false);
    return specs;
  }

  static std::string state_of(Context& context, const v1beta1::ContainerSpec& spec) {
    try {
      const Place place{spec.realm_name, spec.space_name, spec.stack_name, spec.cell_name};
      const auto result = context.call<api::GetContainer>(
          {.doc = address_of<v1beta1::ContainerDoc>(spec.id, place)});
      return std::string{v1beta1::state_word(result.doc.status)};
    } catch (const Error& error) {
      context.warn("Warning: failed to get container state for {} : {}", spec.id, error.what());
      return "Unknown";
    }
  }

  static std::string filter_text(const Place& place) {
    std::string text;
    const auto add = [&](std::string_view word, const std::string& name) {
      if (!name.empty()) text += fmt::format(" {} {}", word, quote(name));
    };
    add("cell", place.cell);
    add("stack", place.stack);
    add("space", place.space);
    add("realm", place.realm);
    return text.empty() ? text : " for" + text;
  }

  // Where the innermost thing that was named does exist, when that is not where it was looked for.
  static void print_hint(Context& context, const Place& place) {
    std::string what;
    std::vector<std::string> elsewhere;
    const auto add = [&](const Place& found) {
      const bool was_searched = (place.realm.empty() || place.realm == found.realm) &&
                                (place.space.empty() || place.space == found.space) &&
                                (place.stack.empty() || place.stack == found.stack);
      if (!was_searched) elsewhere.push_back(place_text(found));
    };
    if (!place.cell.empty()) {
      what = "cell " + quote(place.cell);
      for (const auto& doc : context.call<api::ListCells>({})) {
        if (doc.metadata.name == place.cell) {
          add({doc.spec.realm_name, doc.spec.space_name, doc.spec.stack_name, ""});
        }
      }
    } else if (!place.stack.empty()) {
      what = "stack " + quote(place.stack);
      for (const auto& doc : context.call<api::ListStacks>({})) {
        if (doc.metadata.name == place.stack) {
          add({doc.spec.realm_name, doc.spec.space_name, doc.metadata.name, ""});
        }
      }
    } else if (!place.space.empty()) {
      what = "space " + quote(place.space);
      for (const auto& doc : context.call<api::ListSpaces>({})) {
        if (doc.metadata.name == place.space) {
          add({doc.spec.realm_name, doc.metadata.name, "", ""});
        }
      }
    }
    if (elsewhere.empty()) return;
    std::ranges::sort(elsewhere);
    context.print("Hint: {} exists in {} — pass --realm/--space/--stack to filter there.", what,
                  join(elsewhere, "; "));
  }

  static std::string place_text(const Place& place) {
    std::string text = "realm " + quote(place.realm);
    if (!place.space.empty()) text += " space " + quote(place.space);
    if (!place.stack.empty()) text += " stack " + quote(place.stack);
    return text;
  }
};

const RegisterGroup group{{
    .path = "get",
    .summary = "Show what exists",
    .about =
        R"(Lists the objects of a kind, or shows one. A list is a table, one object is its document;
-o says otherwise. Lists show everything, --realm, --space, --stack and --cell narrow them.)",
    .examples = "kuke get cells\nkuke get cell web -o json\nkuke get containers --cell web",
    .aliases = "g",
}};
const Register<Get<Realms>> realm{{
    .path = "get realm",
    .summary = "List realms, or show one",
    .examples = "kuke get realms\nkuke get realm default -o json",
    .aliases = "realms r",
}};
const Register<Get<Spaces>> space{{
    .path = "get space",
    .summary = "List spaces, or show one",
    .examples = "kuke get spaces --realm default\nkuke get space default",
    .aliases = "spaces sp",
}};
const Register<Get<Stacks>> stack{{
    .path = "get stack",
    .summary = "List stacks, or show one",
    .examples = "kuke get stacks --space default\nkuke get stack default",
    .aliases = "stacks st",
}};
const Register<Get<Cells>> cell{{
    .path = "get cell",
    .summary = "List cells, or show one",
    .examples = "kuke get cells\nkuke get cell web --space blog --stack front",
    .aliases = "cells ce",
}};
const Register<GetContainers> container{{
    .path = "get container",
    .summary = "List containers, or show one",
    .examples = "kuke get containers\nkuke get container main --cell web",
    .aliases = "containers co",
}};

}  // namespace
}  // namespace kukeon::cli
