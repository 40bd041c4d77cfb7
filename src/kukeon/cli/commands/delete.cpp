// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "kukeon/api/cell_methods.h"
#include "kukeon/api/container_methods.h"
#include "kukeon/api/realm_methods.h"
#include "kukeon/api/space_methods.h"
#include "kukeon/api/stack_methods.h"
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

const RegisterGroup group{{
    .path = "delete",
    .summary = "Delete an object and everything it made on the host",
    .about =
        R"(Deletes one object. A cell is stopped first, gracefully. A realm, space or stack with something
inside is refused without --cascade, which deletes that first.)",
    .examples = "kuke delete cell web\nkuke delete space blog --cascade",
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
