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
  void about(int index, std::string_view kind, std::string_view name, std::string_view what) {
    const std::string object =
        name.empty() ? std::string{kind} : fmt::format("{} {}", kind, quote(name));
    text_ += fmt::format("\n  document {} ({}): {}", index, object, what);
  }

  void throw_if_any() const {
    if (!text_.empty()) throw Error{kinds::validation_failed, "validation failed:" + text_};
  }

 private:
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
Document decode_document(int index, const Tree& tree, reflect::UnknownFields unknown,
                         Findings& findings) {
  reflect::Decoder decoder{reflect::Syntax::yaml, unknown};
  Doc doc;
  reflect::decode(decoder, tree, doc);

  const std::string_view kind = model::word_of(Doc::document_kind);
  const auto report = [&](std::string_view what) {
    findings.about(index, kind, trim(doc.metadata.name), what);
  };
  for (const reflect::Problem& problem : decoder.problems()) report(problem.to_string());

  if (!doc.api_version.empty() && doc.api_version != api_version_v1beta1) {
    report(fmt::format("unsupported apiVersion: {} (expected {})", doc.api_version,
                       api_version_v1beta1));
  }
  // What could not be read would be reported a second time as missing.
  const bool complete = std::ranges::all_of(
      decoder.problems(),
      [](const reflect::Problem& problem) { return problem.text.starts_with("unknown field"); });
  if (complete) {
    for (reflect::Problem& problem : model::validate(to_model_unchecked(doc))) {
      if (!problem.path.empty()) problem.mark = mark_at(tree, problem.path);
      report(problem.to_string());
    }
  }
  return {.index = index, .kind = Doc::document_kind, .doc = std::move(doc)};
}

std::optional<Document> parse_piece(int index, const Tree& tree, reflect::UnknownFields unknown,
                                    Findings& findings) {
  const auto report = [&](std::string_view what) {
    findings.about(index, "", "", fmt::format("document {}: {}", index, what));
  };
  if (tree.kind != Tree::Kind::map) {
    report(fmt::format("line {}: a document must be a map, not {}", tree.mark.line,
                       reflect::name_of(tree.kind)));
    return std::nullopt;
  }
  const Tree* const word = tree.find("kind");
  const auto kind = word == nullptr || word->kind != Tree::Kind::string
                        ? std::nullopt
                        : model::parse_kind(word->text);
  if (!kind) {
    report(unknown_kind(word == nullptr ? std::string_view{} : word->text));
    return std::nullopt;
  }
  switch (*kind) {
    case Kind::realm:
      return decode_document<RealmDoc>(index, tree, unknown, findings);
    case Kind::space:
      return decode_document<SpaceDoc>(index, tree, unknown, findings);
    case Kind::stack:
      return decode_document<StackDoc>(index, tree, unknown, findings);
    case Kind::cell:
      return decode_document<CellDoc>(index, tree, unknown, findings);
    case Kind::container:
      break;
  }
  return decode_document<ContainerDoc>(index, tree, unknown, findings);
}

}  // namespace

const std::string& Document::name() const {
  return std::visit([](const auto& each) -> const std::string& { return each.metadata.name; }, doc);
}

model::Path Document::path() const {
  return std::visit([](const auto& each) { return to_model_unchecked(each).path(); }, doc);
}

std::vector<Document> parse_documents(std::string_view stream, reflect::UnknownFields unknown) {
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

  Findings findings;
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
    if (auto document = parse_piece(index, tree, unknown, findings)) {
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
