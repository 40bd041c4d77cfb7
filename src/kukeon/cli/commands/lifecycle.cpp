// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "kukeon/api/cell_methods.h"
#include "kukeon/api/container_methods.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/commands/scope.h"
#include "kukeon/cli/context.h"

namespace kukeon::cli {
namespace {

using v1beta1::CellDoc;
using v1beta1::ContainerDoc;
using v1beta1::Kind;

// `kuke start|stop|kill|restart cell|container NAME`: one call each, and one line.
template <class Call, class Doc>
class Lifecycle : public Command {
  static constexpr Kind kind = Doc::document_kind;
  std::string name_;
  Scope scope_;

  void describe(Args& args) override {
    args.positional(kind == Kind::cell ? "CELL" : "CONTAINER", name_);
    scope_.describe(args, kind);
  }

  void run(Context& context) override {
    const Place place = scope_.required();
    {
      const Progress progress{context.terminal(), "waiting for the containers"};
      context.call<Call>({.doc = address_of<Doc>(name_, place)});
    }
    context.print("{} {} {} from {}", done(), lower_word_of(kind), quote(name_),
                  kind == Kind::cell ? fmt::format("stack {}", quote(place.stack))
                                     : fmt::format("cell {}", quote(place.cell)));
  }

  static constexpr std::string_view done() {
    constexpr std::string_view call = Call::name;
    if (call.starts_with("Start")) return "Started";
    if (call.starts_with("Restart")) return "Restarted";
    return call.starts_with("Stop") ? "Stopped" : "Killed";
  }
};

const RegisterGroup start{{
    .path = "start",
    .summary = "Start what was stopped",
    .examples = "kuke start cell web\nkuke start container sidecar --cell web",
    .aliases = "sta",
}};
const Register<Lifecycle<api::StartCell, CellDoc>> start_cell{{
    .path = "start cell",
    .summary = "Start a cell with all its containers",
    .examples = "kuke start cell web",
    .aliases = "ce",
}};
const Register<Lifecycle<api::StartContainer, ContainerDoc>> start_container{{
    .path = "start container",
    .summary = "Start one container of a cell",
    .examples = "kuke start container sidecar --cell web",
    .aliases = "co",
}};

const RegisterGroup stop{{
    .path = "stop",
    .summary = "Stop gracefully and keep the definition",
    .about =
        R"(Sends SIGTERM, waits, then SIGKILL. What was stopped keeps its definition and its files, and stays
stopped until it is started again.)",
    .examples = "kuke stop cell web\nkuke stop container sidecar --cell web",
    .aliases = "sto",
}};
const Register<Lifecycle<api::StopCell, CellDoc>> stop_cell{{
    .path = "stop cell",
    .summary = "Stop a cell and keep its definition",
    .examples = "kuke stop cell web",
    .aliases = "ce",
}};
const Register<Lifecycle<api::StopContainer, ContainerDoc>> stop_container{{
    .path = "stop container",
    .summary = "Stop one container of a cell",
    .examples = "kuke stop container sidecar --cell web",
    .aliases = "co",
}};

const RegisterGroup kill{{
    .path = "kill",
    .summary = "Stop at once, with SIGKILL",
    .examples = "kuke kill cell web\nkuke kill container sidecar --cell web",
    .aliases = "k",
}};
const Register<Lifecycle<api::KillCell, CellDoc>> kill_cell{{
    .path = "kill cell",
    .summary = "Kill the containers of a cell and keep its definition",
    .examples = "kuke kill cell web",
    .aliases = "ce",
}};
const Register<Lifecycle<api::KillContainer, ContainerDoc>> kill_container{{
    .path = "kill container",
    .summary = "Kill one container of a cell",
    .examples = "kuke kill container sidecar --cell web",
    .aliases = "co",
}};

const RegisterGroup restart{{
    .path = "restart",
    .summary = "Stop what runs and start it again",
    .about =
        R"(Stops gracefully and starts again, as one step: nothing else gets in between. What has ended is
just started. Files and addresses stay.)",
    .examples = "kuke restart cell web\nkuke restart container sidecar --cell web",
}};
const Register<Lifecycle<api::RestartCell, CellDoc>> restart_cell{{
    .path = "restart cell",
    .summary = "Restart a cell with all its containers",
    .examples = "kuke restart cell web",
    .aliases = "ce",
}};
const Register<Lifecycle<api::RestartContainer, ContainerDoc>> restart_container{{
    .path = "restart container",
    .summary = "Restart one container of a cell",
    .examples = "kuke restart container sidecar --cell web",
    .aliases = "co",
}};

}  // namespace
}  // namespace kukeon::cli
