// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/context.h"
#include "kukeon/reflect/json.h"
#include "kukeon/reflect/schema.h"
#include "kukeon/reflect/write_tree.h"
#include "kukeon/reflect/yaml.h"
#include "kukeon/v1beta1/document_kinds.h"

namespace kukeon::cli {
namespace {

class Schema : public Command {
  std::string kind_;
  std::string output_ = "json";

  void describe(Args& args) override {
    args.optional_positional("KIND", kind_);
    args.flag("-o, --output", output_, "json or yaml");
  }

  // KUKE_GET_OUTPUT is about objects, and a table is no schema: parse_format() does not fit here.
  void run(Context& context) override {
    const std::string format = to_lower_ascii(output_);
    if (format != "json" && format != "yaml") {
      throw Error{kinds::usage,
                  fmt::format("invalid output format: {} (supported: json, yaml)", output_)};
    }
    const reflect::Tree tree =
        kind_.empty()
            ? v1beta1::schema_of_any_document()
            : reflect::json_schema(v1beta1::schema_of(v1beta1::find_document_kind(kind_)));
    context.terminal().print(format == "json" ? written(reflect::JsonWriter{2}, tree) + "\n"
                                              : written(reflect::YamlWriter{2}, tree));
  }

  template <class Writer>
  static std::string written(Writer writer, const reflect::Tree& tree) {
    reflect::write_tree(writer, tree);
    return writer.take();
  }
};

const Register<Schema> registered{{
    .path = "schema",
    .summary = "Print the JSON Schema of documents",
    .about =
        R"(Prints the JSON Schema (2020-12) of a kind of document, or without a kind one that fits every
document of a manifest. Editors check and complete manifests with it. Asks no daemon.)",
    .examples = "kuke schema >kukeon.schema.json\nkuke schema cell -o yaml",
}};

}  // namespace
}  // namespace kukeon::cli
