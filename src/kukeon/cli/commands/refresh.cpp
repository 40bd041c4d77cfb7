// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/context.h"

namespace kukeon::cli {
namespace {

constexpr std::size_t names_shown = 5;

// "  Cells: 2 (a, b)"
std::string counted(std::string_view kinds, const reflect::StringList& names) {
  std::string line = fmt::format("  {}: {}", kinds, names.size());
  if (names.empty()) return line;
  const auto shown = static_cast<std::ptrdiff_t>(std::min(names.size(), names_shown));
  line += " (" + join({names.begin(), names.begin() + shown}, ", ");
  if (names.size() > names_shown) line += ", ...";
  return line + ")";
}

class Refresh : public Command {
  std::vector<std::string> ignored_;

  void describe(Args& args) override { args.any_words("", ignored_); }

  void run(Context& context) override {
    const auto result = context.call<api::RefreshAll>({});
    context.print("Refreshed metadata status:");
    context.print("{}", counted("Realms", result.realms_found));
    context.print("{}", counted("Spaces", result.spaces_found));
    context.print("{}", counted("Stacks", result.stacks_found));
    context.print("{}", counted("Cells", result.cells_found));
    context.print("{}\n\nUpdated:", counted("Containers", result.containers_found));
    bool any = false;
    for (const auto& [kinds, names] :
         {std::pair{"Realms", &result.realms_updated}, std::pair{"Spaces", &result.spaces_updated},
          std::pair{"Stacks", &result.stacks_updated}, std::pair{"Cells", &result.cells_updated},
          std::pair{"Containers", &result.containers_updated}}) {
      if (names->empty()) continue;
      context.print("{}", counted(kinds, *names));
      any = true;
    }
    if (!any) context.print("  (none)");
    context.print("\nErrors:");
    for (const std::string& error : result.errors) context.print("  {}", error);
    if (result.errors.empty()) context.print("  (none)");
  }
};

const Register<Refresh> registered{{
    .path = "refresh",
    .summary = "Look at everything on the host and store what state it is in",
    .about =
        R"(Compares every realm, space, stack, cell and container with the host and stores its state. Only the status
of documents changes. What could not be looked at is listed under Errors.)",
    .examples = "kuke refresh",
}};

}  // namespace
}  // namespace kukeon::cli
