// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>

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

constexpr std::string_view failure_prefix = "purge-error:";

template <class Call, class Doc>
class Purge : public Command {
  std::string name_;
  bool cascade_ = false;
  bool force_ = false;
  Scope scope_;

  void describe(Args& args) override {
    args.positional("NAME", name_);
    args.flag("--cascade", cascade_, "Purge what is inside first");
    args.flag("--force", force_, "Do not check what is inside");
    scope_.describe(args, Doc::document_kind);
  }

  void run(Context& context) override {
    const Place place = scope_.required();
    typename Call::Request request{};
    request.doc = address_of<Doc>(name_, place);
    if constexpr (requires { request.cascade; }) {
      request.cascade = cascade_;
      request.force = force_;
    }
    const auto result = [&] {
      const Progress progress{context.terminal(), "purging"};
      return context.call<Call>(request);
    }();
    // Below the realm a failure travels as a success (wire.md §6); here it is one.
    for (const std::string& purged : result.purged) {
      if (purged.starts_with(failure_prefix)) {
        throw Error{kinds::unknown, purged.substr(failure_prefix.size())};
      }
    }
    context.print("Purged {} {}{}", lower_word_of(Doc::document_kind), quote(name_),
                  parent_text(Doc::document_kind, place));
    if constexpr (requires { result.cni_network_deleted; }) {
      context.print("Deleted resources -> metadata:{} cgroup:{} cni:{}", result.metadata_deleted,
                    result.cgroup_deleted, result.cni_network_deleted);
    }
    if (!result.purged.empty()) {
      context.print("Additional resources purged: [{}]", join(result.purged, " "));
    }
  }
};

const RegisterGroup group{{
    .path = "purge",
    .summary = "Delete an object and sweep up whatever is left of it",
    .about =
        R"(Deletes as "kuke delete" does, goes on where that fails, and then looks on the host for what the object's
name leads to: containers, snapshots, links, addresses, namespaces, cgroups, files. It also clears away what
stayed of an object whose document is gone.)",
    .examples = "kuke purge cell web\nkuke purge realm dev --cascade",
    .aliases = "p",
}};
const Register<Purge<api::PurgeRealm, v1beta1::RealmDoc>> realm{{
    .path = "purge realm",
    .summary = "Purge a realm, also one without a document",
    .examples = "kuke purge realm dev --cascade",
    .aliases = "r",
}};
const Register<Purge<api::PurgeSpace, v1beta1::SpaceDoc>> space{{
    .path = "purge space",
    .summary = "Purge a space and its network",
    .examples = "kuke purge space blog --cascade",
    .aliases = "sp",
}};
const Register<Purge<api::PurgeStack, v1beta1::StackDoc>> stack{{
    .path = "purge stack",
    .summary = "Purge a stack",
    .examples = "kuke purge stack front --space blog --cascade",
    .aliases = "st",
}};
const Register<Purge<api::PurgeCell, v1beta1::CellDoc>> cell{{
    .path = "purge cell",
    .summary = "Purge a cell and everything on the host that has its name",
    .examples = "kuke purge cell web --space blog --stack front",
    .aliases = "ce",
}};
const Register<Purge<api::PurgeContainer, v1beta1::ContainerDoc>> container{{
    .path = "purge container",
    .summary = "Purge a container, also one that its cell does not know",
    .examples = "kuke purge container sidecar --cell web",
    .aliases = "co",
}};

}  // namespace
}  // namespace kukeon::cli
