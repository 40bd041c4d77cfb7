// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/commands/planned.h"

#include <map>
#include <string_view>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/yaml.h"

namespace kukeon::cli {
namespace {

char sign_of(std::string_view action) {
  if (action == "create" || action == "add") return '+';
  if (action == "delete" || action == "remove") return '-';
  if (action == "start") return '>';
  return action == "refuse" ? '!' : '~';
}

std::string title_of(const api::PlannedChange& change) {
  return fmt::format("{} {}", to_lower_ascii(change.kind), change.path);
}

std::string fields_text(const reflect::List<api::PlannedField>& fields, std::size_t indent) {
  std::string text;
  for (const api::PlannedField& field : fields) {
    text += fmt::format("{:{}}{}: {} -> {} ({})\n", "", indent, field.path, field.before,
                        field.after, field.effect);
  }
  return text;
}

std::string change_text(const api::PlannedChange& change, Objects objects) {
  std::string text = fmt::format("{} {}", sign_of(change.action), title_of(change));
  if (change.index < 0 && change.action == "create") text += " (implied)";
  text += change.error.empty() ? "\n" : fmt::format(": {}\n", change.error);
  text += fields_text(change.changed, 4);
  for (const api::PlannedContainer& container : change.containers) {
    const char sign = container.action == "restart" ? '>' : sign_of(container.action);
    text += fmt::format("    {} container {} ({})\n", sign, container.id, container.action);
    text += fields_text(container.changed, 8);
  }
  if (objects == Objects::listed) {
    for (const api::PlannedObject& object : change.objects) {
      text += fmt::format("    * {} {}\n", object.verb, object.object);
    }
  }
  return text;
}

}  // namespace

std::string changes_text(const api::PlanDocuments::Result& plan, Objects objects) {
  std::string text;
  for (const api::PlannedChange& change : plan.changes) {
    if (change.action != "none") text += change_text(change, objects);
  }
  return text;
}

std::string summary_text(const api::PlanDocuments::Result& plan) {
  std::map<std::string, int, std::less<>> count;
  for (const api::PlannedChange& change : plan.changes) ++count[change.action];
  std::string text =
      fmt::format("Plan: {} to create, {} to change, {} to delete, {} unchanged", count["create"],
                  count["update"] + count["start"], count["delete"], count["none"]);
  if (count["refuse"] > 0) text += fmt::format(", {} refused", count["refuse"]);
  return text + fmt::format(".\nHash: {}\n", plan.hash);
}

void print_plan(Context& context, const api::PlanDocuments::Result& plan,
                const std::string& output) {
  for (const std::string& warning : plan.warnings) context.warn("Warning: {}", warning);
  if (output == "json") {
    context.terminal().print(reflect::to_json(plan, 2) + "\n");
    return;
  }
  if (output == "yaml") {
    context.terminal().print(reflect::to_yaml(plan, 2));
    return;
  }
  const std::string changes = changes_text(plan, Objects::listed);
  context.terminal().print(changes + (changes.empty() ? "" : "\n") + summary_text(plan));
  for (const api::PlannedChange& change : plan.changes) {
    if (change.action == "refuse") {
      throw Error{kinds::failed_precondition, "config error: some resources would fail to apply"};
    }
  }
}

void confirm_deletions(Context& context, const api::PlanDocuments::Result& plan, bool yes) {
  std::string list;
  for (const api::PlannedChange& change : plan.changes) {
    if (change.action == "delete") list += fmt::format("  - {}\n", title_of(change));
  }
  if (list.empty() || yes) return;
  Terminal& terminal = context.terminal();
  terminal.complain(fmt::format("This deletes:\n{}", list));
  if (!terminal.in_is_tty()) {
    throw Error{kinds::cancelled, "nobody can be asked whether to delete this; give --yes"};
  }
  while (true) {
    terminal.complain("Are you sure? (yes/no) ");
    const auto line = terminal.read_line();
    if (!line) throw Error{kinds::cancelled, "read confirmation: EOF"};
    const std::string answer = to_lower_ascii(trim(*line));
    if (answer == "y" || answer == "yes") return;
    if (answer.empty() || answer == "n" || answer == "no") {
      throw Error{kinds::cancelled, "apply aborted, nothing was done"};
    }
  }
}

}  // namespace kukeon::cli
