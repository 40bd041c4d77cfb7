// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include <algorithm>

#include <fmt/format.h>

#include "kukeon/api/cell_methods.h"
#include "kukeon/api/container_methods.h"
#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/commands/scope.h"
#include "kukeon/cli/context.h"
#include "kukeon/cli/follow.h"

namespace kukeon::cli {
namespace {

class Log : public Command {
  std::string cell_;
  std::string container_;
  bool follow_ = false;
  Scope scope_;

  void describe(Args& args) override {
    args.positional("CELL", cell_);
    args.flag("--container", container_, "Container; needed when the cell has several");
    args.flag("-f, --follow", follow_, "Go on as the container writes, until Ctrl-C");
    scope_.describe(args, v1beta1::Kind::cell);
  }

  void run(Context& context) override {
    Place place = scope_.required();
    const std::string container = container_.empty() ? only_container(context, place) : container_;
    place.cell = cell_;
    const auto log = context.call<api::LogContainer>(
        {.doc = address_of<v1beta1::ContainerDoc>(container, place)});
    const std::string& path = log.host_log_path.empty() ? log.host_capture_path : log.host_log_path;
    try {
      copy_file(context.terminal(), path, follow_ ? Follow::yes : Follow::no);
    } catch (const Error& error) {
      if (error.os_error() != ENOENT) throw;
      throw Error{kinds::not_found,
                  fmt::format("cell {} container {} has no log file at {}: {}", quote(cell_),
                              quote(container), path, error.what())};
    }
  }

  std::string only_container(Context& context, const Place& place) {
    const auto cell =
        context.call<api::GetCell>({.doc = address_of<v1beta1::CellDoc>(cell_, place)});
    if (!cell.metadata_exists) {
      throw Error{kinds::cell_not_found,
                  fmt::format("cell {} not found in stack {}/{}/{}", quote(cell_),
                              quote(place.realm), quote(place.space), quote(place.stack))};
    }
    std::vector<std::string> candidates;
    for (const auto& spec : cell.doc.spec.containers) {
      if (!spec.root && spec.id != cell.doc.spec.root_container_id) candidates.push_back(spec.id);
    }
    std::ranges::sort(candidates);
    if (candidates.empty()) {
      throw Error{kinds::container_not_found,
                  fmt::format("no attachable container in cell (cell {})", quote(cell_))};
    }
    if (candidates.size() > 1) {
      throw Error{kinds::usage,
                  fmt::format("multiple attachable containers in cell; specify --container "
                              "(cell {}): candidates: {}",
                              quote(cell_), join(candidates, ", "))};
    }
    return candidates.front();
  }
};

const Register<Log> registered{{
    .path = "log",
    .summary = "Print what a container wrote",
    .about =
        R"(Prints standard output and standard error of a container since it was created. With -f it goes on
until Ctrl-C.)",
    .examples = "kuke log web\nkuke log web --container sidecar -f",
    .aliases = "logs",
}};

}  // namespace
}  // namespace kukeon::cli
