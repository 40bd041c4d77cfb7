// SPDX-License-Identifier: Apache-2.0
#include "kukeon/v1beta1/parse.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/model/validate.h"
#include "kukeon/reflect/yaml.h"
#include "kukeon/v1beta1/scheme.h"

namespace kukeon::v1beta1 {
namespace {

using reflect::Tree;

// The problems of a whole stream, each told with its document.
class Findings {
 public:
  Findings(Validation validation, std::vector<std::string>* warnings)
      : validation_{validation}, warnings_{warnings} {}

  reflect::UnknownFields unknown_fields() const {
    return validation_ == Validation::ignore ? reflect::UnknownFields::ignore
                                             : reflect::UnknownFields::report;
  }

  void about(int index, std::string_view kind, std::string_view name, std::string_view what) {
    text_ += "\n  " + line(index, kind, name, what);
  }

  void about(int index, std::string_view kind, std::string_view name,
             const reflect::Problem& problem) {
    if (!problem.unknown_field || validation_ == Validation::strict) {
      about(index, kind, name, problem.to_string());
    } else if (warnings_ != nullptr) {
      warnings_->push_back(line(index, kind, name, problem.to_string()));
    }
  }

  void throw_if_any() const {
    if (!text_.empty()) throw Error{kinds::validation_failed, "validation failed:" + text_};
  }

 private:
  static std::string line(int index, std::string_view kind, std::string_view name,
                          std::string_view what) {
    const std::string object =
        name.empty() ? std::string{kind} : fmt::format("{} {}", kind, quote(name));
    return fmt::format("document {} ({}): {}", index, object, what);
  }

  Validation validation_;
  std::vector<std::string>* warnings_;
  std::string text_;
};

// Where the value at `path` stands, or what comes nearest to it: `spec.containers[0].image`.
reflect::Mark mark_at(const Tree& root, std::string_view path) {
  const Tree* at = &root;
  while (!path.empty()) {
    const Tree* next = nullptr;
    if (path.front() == '[') {
      std::size_t index = 0;
      const auto end = std::from_chars(path.data() + 1, path.data() + path.size(), index).ptr;
      path.remove_prefix(std::min(path.size(), static_cast<std::size_t>(end - path.data()) + 1));
      if (index < at->items.size()) next = &at->items[index];
    } else {
      const std::size_t end = std::min(path.find_first_of(".["), path.size());
      next = at->find(path.substr(0, end));
      path.remove_prefix(end);
    }
    if (path.starts_with('.')) path.remove_prefix(1);
    if (next == nullptr) break;
    at = next;
  }
  return at->mark;
}

// What the author may have meant by a kind that there is not.
std::string unknown_kind(std::string_view word) {
  std::vector<std::string_view> known;
  for (const Kind kind : model::all_kinds) known.push_back(model::word_of(kind));
  if (word.empty())
    return "unknown kind: (none given; one of Realm, Space, Stack, Cell, Container)";
  std::string text = fmt::format("unknown kind: {}", to_valid_utf8(word.substr(0, 64)));
  for (const std::string_view each : known) {
    if (equal_ignoring_ascii_case(each, word))
      return text + fmt::format(" (did you mean {}?)", each);
  }
  const std::string_view near = nearest(word, known);
  return near.empty() ? text + " (one of Realm, Space, Stack, Cell, Container)"
                      : text + fmt::format(" (did you mean {}?)", near);
}

template <class Doc>
Document decode_document(int index, const Tree& tree, Findings& findings) {
  reflect::Decoder decoder{reflect::Syntax::yaml, findings.unknown_fields()};
  Doc doc;
  reflect::decode(decoder, tree, doc);

  const std::string_view kind = model::word_of(Doc::document_kind);
  const auto report = [&](const reflect::Problem& problem) {
    findings.about(index, kind, trim(doc.metadata.name), problem);
  };
  for (const reflect::Problem& problem : decoder.problems()) report(problem);

  const auto report_at_its_place = [&](reflect::Problem problem) {
    problem.mark = mark_at(tree, problem.path);
    report(problem);
  };
  if (!doc.api_version.empty() && doc.api_version != api_version_v1beta1) {
    report({.path = {},
            .mark = mark_at(tree, "apiVersion"),
            .text = fmt::format("unsupported apiVersion: {} (expected {})", doc.api_version,
                                api_version_v1beta1)});
  }
  // What could not be read would be reported a second time as missing.
  const bool complete = std::ranges::all_of(decoder.problems(), &reflect::Problem::unknown_field);
  if (complete) {
    for (reflect::Problem& problem : model::validate(to_model_unchecked(doc))) {
      report_at_its_place(std::move(problem));
    }
  }
  return {.index = index, .kind = Doc::document_kind, .doc = std::move(doc)};
}

std::optional<Document> parse_piece(int index, const Tree& tree, Findings& findings) {
  const auto report = [&](std::string_view what) {
    findings.about(index, "", "", fmt::format("document {}: {}", index, what));
  };
  if (tree.kind != Tree::Kind::map) {
    report(fmt::format("line {}, column {}: a document must be a map, not {}", tree.mark.line,
                       tree.mark.column, reflect::name_of(tree.kind)));
    return std::nullopt;
  }
  const Tree* const word = tree.find("kind");
  const auto kind = word == nullptr || word->kind != Tree::Kind::string
                        ? std::nullopt
                        : model::parse_kind(word->text);
  if (!kind) {
    const reflect::Mark at = word == nullptr ? tree.mark : word->mark;
    report(fmt::format("{} at line {}, column {}",
                       unknown_kind(word == nullptr ? std::string_view{} : word->text), at.line,
                       at.column));
    return std::nullopt;
  }
  switch (*kind) {
    case Kind::realm:
      return decode_document<RealmDoc>(index, tree, findings);
    case Kind::space:
      return decode_document<SpaceDoc>(index, tree, findings);
    case Kind::stack:
      return decode_document<StackDoc>(index, tree, findings);
    case Kind::cell:
      return decode_document<CellDoc>(index, tree, findings);
    case Kind::container:
      break;
  }
  return decode_document<ContainerDoc>(index, tree, findings);
}

}  // namespace

const std::string& Document::name() const {
  return std::visit([](const auto& each) -> const std::string& { return each.metadata.name; }, doc);
}

model::Path Document::path() const {
  return std::visit([](const auto& each) { return to_model_unchecked(each).path(); }, doc);
}

Validation parse_validation(std::string_view word) {
  if (word.empty() || word == "strict") return Validation::strict;
  if (word == "warn") return Validation::warn;
  if (word == "ignore") return Validation::ignore;
  throw Error{kinds::invalid_argument,
              fmt::format("manifest validation is strict, warn or ignore, not {}", quote(word))};
}

std::vector<Document> parse_documents(std::string_view stream, Validation validation,
                                      std::vector<std::string>* warnings) {
  if (stream.size() > max_manifest_bytes) {
    throw Error{kinds::invalid_argument,
                fmt::format("failed to parse YAML: the input is {} bytes long (at most {})",
                            stream.size(), max_manifest_bytes)};
  }
  const auto pieces = reflect::split_yaml_documents(stream);
  if (pieces.size() > max_manifest_documents) {
    throw Error{kinds::invalid_argument,
                fmt::format("failed to parse YAML: the input holds {} documents (at most {})",
                            pieces.size(), max_manifest_documents)};
  }

  Findings findings{validation, warnings};
  std::vector<Document> documents;
  int index = 0;
  for (const reflect::YamlPiece& piece : pieces) {
    Tree tree;
    try {
      tree = reflect::parse_yaml(piece.text, piece.first_line);
    } catch (const Error& error) {
      findings.about(
          index, "", "",
          fmt::format("document {}: failed to parse kind: yaml: {}", index, error.what()));
      ++index;
      continue;
    }
    // Only comments: a licence at the head of a file is no document.
    if (tree.kind == Tree::Kind::null) continue;
    if (auto document = parse_piece(index, tree, findings)) {
      documents.push_back(std::move(*document));
    }
    ++index;
  }
  findings.throw_if_any();
  if (documents.empty()) {
    throw Error{kinds::invalid_argument, "failed to parse YAML: no documents found in input"};
  }
  return documents;
}

void sort_for_apply(std::vector<Document>& documents) {
  std::ranges::stable_sort(documents, {}, [](const Document& document) {
    return std::pair{document.kind, document.index};
  });
}

}  // namespace kukeon::v1beta1
