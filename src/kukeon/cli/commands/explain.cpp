// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>

#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/context.h"
#include "kukeon/cli/output/table.h"
#include "kukeon/reflect/explain.h"
#include "kukeon/v1beta1/document_kinds.h"

namespace kukeon::cli {
namespace {

class Explain : public Command {
  std::string what_;
  bool recursive_ = false;

  void describe(Args& args) override {
    args.optional_positional("KIND[.FIELD]", what_);
    args.flag("--recursive", recursive_, "Print the names of all fields below, without their text");
  }

  void run(Context& context) override {
    if (what_.empty()) return list(context);
    const std::size_t dot = std::min(what_.find('.'), what_.size());
    const v1beta1::DocumentKind& kind = v1beta1::find_document_kind(what_.substr(0, dot));
    const std::string path = dot < what_.size() ? what_.substr(dot + 1) : "";
    context.terminal().print(
        reflect::explain(v1beta1::explained(kind), path, context.terminal().columns(),
                         recursive_ ? reflect::Fields::recursive : reflect::Fields::direct));
  }

  static void list(Context& context) {
    Table table{{"KIND", "ALIASES", "DESCRIPTION"}};
    for (const v1beta1::DocumentKind& kind : v1beta1::document_kinds()) {
      // The first sentence: one line each.
      const std::string_view text = kind.description.substr(0, kind.description.find(". "));
      table.add_row({to_lower_ascii(kind.word), join(split(kind.aliases, ' '), ", "),
                     std::string{text.substr(0, text.find_last_not_of('.') + 1)}});
    }
    context.terminal().print(table.text());
    context.print("\nkuke explain KIND shows the fields of its documents.");
  }
};

const Register<Explain> registered{{
    .path = "explain",
    .summary = "Explain a kind of document or a field of it",
    .about =
        R"(Tells what a document holds: each field with its type, whether a manifest must set it and what
a change of it does. A path goes through lists and maps. Asks no daemon.)",
    .examples = "kuke explain\nkuke explain cell\nkuke explain cell.spec.containers.resources\n"
                "kuke explain space --recursive",
}};

}  // namespace
}  // namespace kukeon::cli
