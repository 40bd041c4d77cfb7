// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "kukeon/api/cell_methods.h"
#include "kukeon/api/realm_methods.h"
#include "kukeon/api/space_methods.h"
#include "kukeon/api/stack_methods.h"
#include "kukeon/base/error.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/commands/scope.h"
#include "kukeon/cli/context.h"

namespace kukeon::cli {
namespace {

using v1beta1::Kind;

std::string_view outcome(bool created, bool exists) {
  if (created) return "created";
  return exists ? "already existed" : "missing";
}

void require_name(const std::string& name, Kind kind) {
  if (!name.empty()) return;
  const std::string_view word = lower_word_of(kind);
  throw Error{
      name_required(kind),
      fmt::format("{} name is required (usage: kuke create {} [name] [flags])", word, word)};
}

// A new document to create, as opposed to an address.
template <class Doc>
Doc document(const std::string& name, const Place& place) {
  Doc doc = address_of<Doc>(name, place);
  doc.api_version = v1beta1::api_version_v1beta1;
  doc.kind = word_of(Doc::document_kind);
  return doc;
}

class CreateRealm : public Command {
  std::string name_;
  std::string namespace_;

  void describe(Args& args) override {
    args.optional_positional("NAME", name_);
    args.flag("--namespace", namespace_, "Containerd namespace (default NAME.kukeon.io)");
  }

  void run(Context& context) override {
    require_name(name_, Kind::realm);
    auto doc = document<v1beta1::RealmDoc>(name_, {});
    doc.spec.containerd_namespace = namespace_;
    const auto made = context.call<api::CreateRealm>({.doc = std::move(doc)});
    context.print("Realm {} (namespace {})", quote(made.doc.metadata.name),
                  quote(made.doc.spec.containerd_namespace));
    context.print("  - metadata: {}", outcome(made.created, made.metadata_exists_post));
    context.print("  - containerd namespace: {}", outcome(made.containerd_namespace_created,
                                                          made.containerd_namespace_exists_post));
    context.print("  - cgroup: {}", outcome(made.cgroup_created, made.cgroup_exists_post));
  }
};

class CreateSpace : public Command {
  std::string name_;
  Scope scope_;

  void describe(Args& args) override {
    args.optional_positional("NAME", name_);
    scope_.describe(args, Kind::space);
  }

  void run(Context& context) override {
    require_name(name_, Kind::space);
    const auto made = context.call<api::CreateSpace>(
        {.doc = document<v1beta1::SpaceDoc>(name_, scope_.or_default())});
    const std::string& realm = made.doc.spec.realm_name;
    const std::string& name = made.doc.metadata.name;
    context.print("Space {} (realm {}, network {})", quote(name), quote(realm),
                  quote(fmt::format("{}-{}", realm, name)));
    context.print("  - metadata: {}", outcome(made.created, made.metadata_exists_post));
    context.print("  - network: {}",
                  outcome(made.cni_network_created, made.cni_network_exists_post));
    context.print("  - cgroup: {}", outcome(made.cgroup_created, made.cgroup_exists_post));
  }
};

class CreateStack : public Command {
  std::string name_;
  Scope scope_;

  void describe(Args& args) override {
    args.optional_positional("NAME", name_);
    scope_.describe(args, Kind::stack);
  }

  void run(Context& context) override {
    require_name(name_, Kind::stack);
    const auto made = context.call<api::CreateStack>(
        {.doc = document<v1beta1::StackDoc>(name_, scope_.or_default())});
    context.print("Stack {} (realm {}, space {})", quote(made.doc.metadata.name),
                  quote(made.doc.spec.realm_name), quote(made.doc.spec.space_name));
    context.print("  - metadata: {}", outcome(made.created, made.metadata_exists_post));
    context.print("  - cgroup: {}", outcome(made.cgroup_created, made.cgroup_exists_post));
  }
};

class CreateCell : public Command {
  std::string name_;
  Scope scope_;

  void describe(Args& args) override {
    args.optional_positional("NAME", name_);
    scope_.describe(args, Kind::cell);
  }

  void run(Context& context) override {
    require_name(name_, Kind::cell);
    const auto made = context.call<api::CreateCell>(
        {.doc = document<v1beta1::CellDoc>(name_, scope_.or_default())});
    context.print("Cell {} (realm {}, space {}, stack {})", quote(made.doc.metadata.name),
                  quote(made.doc.spec.realm_name), quote(made.doc.spec.space_name),
                  quote(made.doc.spec.stack_name));
    context.print("  - metadata: {}", outcome(made.created, made.metadata_exists_post));
    context.print("  - cgroup: {}", outcome(made.cgroup_created, made.cgroup_exists_post));
    context.print("  - root container: {}",
                  outcome(made.root_container_created, made.root_container_exists_post));
    if (made.containers.empty()) context.print("  - containers: none defined");
    for (const auto& container : made.containers) {
      context.print("  - container {}: {}", quote(container.name),
                    outcome(container.created, container.exists_post));
    }
    context.print("  - containers: {}", made.started ? "started" : "not started");
  }
};

const RegisterGroup group{{
    .path = "create",
    .summary = "Create a realm, space, stack or an empty cell",
    .about =
        R"(Makes sure that an object exists. One that does is left as it is, and what is missing of it on the
host is repaired. Containers come with kuke apply.)",
    .examples = "kuke create realm dev\nkuke create space blog --realm dev",
    .aliases = "c",
}};
const Register<CreateRealm> realm{{
    .path = "create realm",
    .summary = "Create a realm: a containerd namespace and a cgroup",
    .examples = "kuke create realm dev\nkuke create realm dev --namespace dev.example",
    .aliases = "r",
}};
const Register<CreateSpace> space{{
    .path = "create space",
    .summary = "Create a space: a network of its own in a realm",
    .examples = "kuke create space blog --realm dev",
    .aliases = "sp",
}};
const Register<CreateStack> stack{{
    .path = "create stack",
    .summary = "Create a stack: a group of cells in a space",
    .examples = "kuke create stack front --space blog",
    .aliases = "st",
}};
const Register<CreateCell> cell{{
    .path = "create cell",
    .summary = "Create a cell without containers of its own",
    .about =
        R"(Creates and starts a cell that holds its address and nothing else. Declare containers in a file and
use kuke apply.)",
    .examples = "kuke create cell web --space blog --stack front",
    .aliases = "ce",
}};

}  // namespace
}  // namespace kukeon::cli
