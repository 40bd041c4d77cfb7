// SPDX-License-Identifier: Apache-2.0
#include "kukeon/v1beta1/cell_profile.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/numbers.h"
#include "kukeon/reflect/yaml.h"
#include "kukeon/v1beta1/documents.h"

namespace kukeon::v1beta1 {
namespace {

using reflect::Mark;
using reflect::Problem;
using reflect::Tree;

// What has to be known before a value is put anywhere: the rest may not fit its types yet.
struct ProfileHead {
  struct Spec {
    reflect::List<CellProfileParameter> parameters;

    static constexpr auto fields() {
      return std::tuple{reflect::field("parameters", &Spec::parameters, reflect::Tag::always, "")};
    }
  };

  std::string kind;
  LocalMetadata metadata;
  Spec spec;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("kind", &ProfileHead::kind, always, ""),
        reflect::field("metadata", &ProfileHead::metadata, always, ""),
        reflect::field("spec", &ProfileHead::spec, always, ""),
    };
  }
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_parameter_name(std::string_view name) {
  return !name.empty() && is_letter(name[0]) &&
         std::ranges::all_of(name, [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

class Substitution {
 public:
  Substitution(const std::map<std::string, std::string, std::less<>>& values,
               std::vector<Problem>& problems)
      : values_{values}, problems_{problems} {}

  void apply(Tree& tree, const std::string& path) {
    if (path == "spec.parameters") return;
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
      apply(tree.items[i], fmt::format("{}[{}]", path, i));
    }
    for (auto& [key, value] : tree.members) {
      apply(value, path.empty() ? key : path + "." + key);
    }
    if (tree.kind == Tree::Kind::string) substitute(tree, path);
  }

 private:
  void substitute(Tree& scalar, const std::string& path) {
    std::string out;
    std::string_view rest = scalar.text;
    bool replaced = false;
    while (true) {
      const std::size_t begin = rest.find("${");
      const std::size_t end = begin == std::string_view::npos ? begin : rest.find('}', begin);
      if (end == std::string_view::npos) break;
      const std::string_view name = rest.substr(begin + 2, end - begin - 2);
      out += rest.substr(0, begin);
      if (const auto value = values_.find(name); value != values_.end()) {
        out += value->second;
        replaced = true;
      } else if (is_parameter_name(name)) {
        problems_.push_back(
            {path, scalar.mark, fmt::format("${{{}}} is no parameter of this profile", name)});
      } else {
        out += rest.substr(begin, end + 1 - begin);  // a shell's own ${1:-x} and the like
      }
      rest.remove_prefix(end + 1);
    }
    if (!replaced) return;
    scalar.text = out.append(rest);
    retype(scalar);
  }

  // As if the value had stood in the file. An empty one stays a string: null would leave the field.
  static void retype(Tree& scalar) {
    switch (reflect::resolve_plain(scalar.text)) {
      case reflect::PlainKind::integer:
      case reflect::PlainKind::real:
        scalar.kind = Tree::Kind::number;
        break;
      case reflect::PlainKind::boolean:
        scalar.kind = Tree::Kind::boolean;
        break;
      default:
        break;
    }
  }

  const std::map<std::string, std::string, std::less<>>& values_;
  std::vector<Problem>& problems_;
};

void throw_if_any(const std::vector<Problem>& problems) {
  if (problems.empty()) return;
  std::string text;
  for (const Problem& problem : problems) text += "\n  " + problem.to_string();
  throw Error{kinds::validation_failed, "profile is invalid:" + text};
}

Mark mark_of(const Tree& tree, std::string_view key) {
  const Tree* const member = tree.find(key);
  return member == nullptr ? tree.mark : member->mark;
}

}  // namespace

CellProfile read_cell_profile(std::string_view yaml, const ParameterValue& passed,
                              const ParameterValue& environment) {
  if (yaml.size() > max_profile_bytes) {
    throw Error{kinds::invalid_argument, fmt::format("the profile is {} bytes long (at most {})",
                                                     yaml.size(), max_profile_bytes)};
  }
  Tree tree = reflect::parse_yaml(yaml);
  reflect::Decoder head_decoder{reflect::Syntax::yaml, reflect::UnknownFields::ignore};
  ProfileHead head;
  reflect::decode(head_decoder, tree, head);
  std::vector<Problem> problems = head_decoder.problems();

  if (head.kind != CellProfile::kind_word) {
    problems.push_back(
        {"kind", mark_of(tree, "kind"),
         fmt::format("must be {}, not {}", CellProfile::kind_word, quote(head.kind))});
  }
  if (trim(head.metadata.name).empty()) {
    problems.push_back({"metadata.name", mark_of(tree, "metadata"), "metadata.name is required"});
  }

  const Tree* const spec = tree.find("spec");
  const Mark list_mark = spec == nullptr ? tree.mark : mark_of(*spec, "parameters");
  std::map<std::string, std::string, std::less<>> values;
  for (std::size_t i = 0; i < head.spec.parameters.size(); ++i) {
    const CellProfileParameter& parameter = head.spec.parameters[i];
    const auto wrong = [&](std::string text) {
      problems.push_back({fmt::format("spec.parameters[{}]", i), list_mark, std::move(text)});
    };
    if (!is_parameter_name(parameter.name)) {
      wrong(fmt::format("{} is no name: letters, digits and _, not a digit first",
                        quote(parameter.name)));
      continue;
    }
    auto value = passed(parameter.name);
    if (!value) value = parameter.default_value;
    if (!value) value = environment(parameter.name);
    if (!value && parameter.required) {
      wrong(fmt::format("parameter {} is required: pass it, or set it in the environment",
                        quote(parameter.name)));
    }
    if (!values.try_emplace(parameter.name, value.value_or("")).second) {
      wrong(fmt::format("parameter {} is declared twice", quote(parameter.name)));
    }
  }
  Substitution{values, problems}.apply(tree, "");
  throw_if_any(problems);

  reflect::Decoder decoder{reflect::Syntax::yaml, reflect::UnknownFields::report};
  CellProfile profile;
  reflect::decode(decoder, tree, profile);
  problems = decoder.problems();
  if (!profile.api_version.empty() && profile.api_version != api_version_v1beta1) {
    problems.push_back({"", mark_of(tree, "apiVersion"),
                        fmt::format("unsupported apiVersion: {} (expected {})", profile.api_version,
                                    api_version_v1beta1)});
  }
  if (!profile.spec.cell.id.empty()) {
    problems.push_back({"spec.cell.id", mark_of(*spec, "cell"),
                        "must be empty: each cell made from a profile gets a name of its own"});
  }
  throw_if_any(problems);
  return profile;
}

}  // namespace kukeon::v1beta1
