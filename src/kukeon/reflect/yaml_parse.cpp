// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <sstream>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/base64.h"
#include "kukeon/reflect/numbers.h"
#include "kukeon/reflect/yaml.h"

namespace kukeon::reflect {
namespace {

constexpr std::size_t most_bytes = std::size_t{4} << 20;
// yaml-cpp holds every token of a line and of a flow collection at once, up to 130 bytes for each
// byte of text.
constexpr std::size_t most_held_bytes = std::size_t{1} << 19;
constexpr int most_open_brackets = 10'000;
// What aliases may add to a document: enough for any manifest, too little for a bomb.
constexpr std::size_t most_copied_nodes = 100'000;
constexpr std::size_t most_copied_bytes = std::size_t{16} << 20;
constexpr int most_levels = 1000;

[[noreturn]] void refuse(Mark at, std::string_view cause) {
  throw Error{kinds::decode_failed,
              fmt::format("line {}, column {}: {}", at.line, at.column, cause)};
}

// Builds a tree from yaml-cpp's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(int first_line) : first_line_{first_line} {}

  Tree take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& at) override {
    // At a stray bracket yaml-cpp makes empty documents without ever going on.
    if (documents_ > 0 && at.pos == document_start_) {
      refuse(mark(at), "this does not belong to the document before it");
    }
    document_start_ = at.pos;
    ++documents_;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& at, YAML::anchor_t anchor) override {
    Node node;
    node.tree.mark = mark(at);
    node.tree.text = "null";
    finish(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& at, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) refuse(mark(at), "an anchor's value contains itself");
    charge(known->second, mark(at));
    finish(Node{known->second}, 0);
  }

  void OnScalar(const YAML::Mark& at, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.tree.mark = mark(at);
    node.tree.kind = kind_of_scalar(node.tree.mark, tag, value);
    node.tree.text = tag == "!" ? repaired(value) : value;
    node.bytes = value.size();
    if (tag == "tag:yaml.org,2002:binary") node.tree.text = decode_binary(node.tree);
    node.merge_key = tag == "?" && value == "<<";
    finish(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& at, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Tree::Kind::list, at, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& at, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Tree::Kind::map, at, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  // A finished value, and its size for the bounds.
  struct Node {
    Tree tree;
    std::size_t nodes = 1;
    std::size_t bytes = 0;
    int levels = 1;
    bool merge_key = false;
  };

  // A list or map that is still open.
  struct Frame {
    Node node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    bool key_is_merge = false;
    std::string key;
    Mark key_mark;
    std::unordered_map<std::string, int> key_lines;
    std::vector<Tree> merges;
  };

  Mark mark(const YAML::Mark& at) const { return {at.line + first_line_, at.column + 1}; }

  static Tree::Kind kind_of_scalar(Mark at, const std::string& tag, const std::string& value) {
    if (tag == "!") return Tree::Kind::string;
    constexpr std::string_view core = "tag:yaml.org,2002:";
    std::string_view type;
    if (tag.starts_with(core)) type = std::string_view{tag}.substr(core.size());
    if (tag != "?" && type != "int" && type != "float" && type != "bool" && type != "null") {
      return Tree::Kind::string;
    }
    const PlainKind plain = resolve_plain(value);
    const bool number = plain == PlainKind::integer || plain == PlainKind::real;
    if ((type == "int" && plain != PlainKind::integer) || (type == "float" && !number) ||
        (type == "bool" && plain != PlainKind::boolean) ||
        (type == "null" && plain != PlainKind::null)) {
      refuse(at, fmt::format("{} is not of the type !!{}", quote(value), type));
    }
    if (number) return Tree::Kind::number;
    if (plain == PlainKind::boolean) return Tree::Kind::boolean;
    if (plain == PlainKind::null) return Tree::Kind::null;
    return Tree::Kind::string;
  }

  // yaml-cpp reads the escapes \\N and \\_ as bare bytes; the text itself was checked to be UTF-8.
  static std::string repaired(const std::string& value) {
    std::string out;
    for (std::size_t i = 0; i < value.size();) {
      const std::size_t length = utf8_length(value, i);
      if (length == 0) out += '\xC2';
      out.append(value, i, std::max<std::size_t>(length, 1));
      i += std::max<std::size_t>(length, 1);
    }
    return out;
  }

  static std::string decode_binary(const Tree& tree) {
    std::string text = tree.text;
    std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
    return during(fmt::format("line {}, column {}", tree.mark.line, tree.mark.column),
                  [&] { return decode_base64(text); });
  }

  void open(Tree::Kind kind, const YAML::Mark& at, YAML::anchor_t anchor) {
    refuse_second_document(mark(at));
    Frame& frame = frames_.emplace_back();
    frame.node.tree.kind = kind;
    frame.node.tree.mark = mark(at);
    frame.anchor = anchor;
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    for (Tree& source : frame.merges) merge(frame, source);
    finish(std::move(frame.node), frame.anchor);
  }

  void finish(Node&& node, YAML::anchor_t anchor) {
    if (node.tree.kind != Tree::Kind::null) refuse_second_document(node.tree.mark);
    if (anchor != 0) {
      charge(node, node.tree.mark);
      anchors_.insert_or_assign(anchor, node);
    }
    if (frames_.empty()) {
      if (documents_ == 1) root_ = std::move(node.tree);
      return;
    }
    Frame& parent = frames_.back();
    parent.node.nodes += node.nodes;
    parent.node.bytes += node.bytes;
    parent.node.levels = std::max(parent.node.levels, node.levels + 1);
    if (parent.node.levels > most_levels) {
      refuse(node.tree.mark, fmt::format("nested deeper than {}", most_levels));
    }
    const bool is_key = parent.node.tree.kind == Tree::Kind::map && !parent.has_key;
    if (!is_key && ++values_ > most_values) {
      refuse(node.tree.mark, fmt::format("more than {} values", most_values));
    }
    if (parent.node.tree.kind == Tree::Kind::list) {
      parent.node.tree.items.push_back(std::move(node.tree));
    } else if (parent.has_key) {
      add_member(parent, std::move(node.tree));
    } else {
      take_key(parent, std::move(node));
    }
  }

  static void take_key(Frame& frame, Node&& node) {
    const Mark at = node.tree.mark;
    if (node.tree.kind == Tree::Kind::list || node.tree.kind == Tree::Kind::map ||
        node.tree.kind == Tree::Kind::null) {
      refuse(at, fmt::format("a key must be a string, not {}", name_of(node.tree.kind)));
    }
    frame.key = std::move(node.tree.text);
    frame.key_mark = at;
    frame.key_is_merge = node.merge_key;
    frame.has_key = true;
    const auto [known, is_new] = frame.key_lines.try_emplace(frame.key, at.line);
    if (!is_new) {
      refuse(at, fmt::format("mapping key {} already defined at line {}", quote(frame.key),
                             known->second));
    }
  }

  static void add_member(Frame& frame, Tree&& value) {
    frame.has_key = false;
    if (frame.key_is_merge) {
      frame.merges.push_back(std::move(value));
      return;
    }
    frame.node.tree.member_marks.push_back(frame.key_mark);
    frame.node.tree.members.emplace_back(std::move(frame.key), std::move(value));
  }

  // `<<: *defaults`: members that the map itself does not set.
  static void merge(Frame& frame, Tree& source) {
    if (source.kind == Tree::Kind::list) {
      for (Tree& each : source.items) {
        if (each.kind != Tree::Kind::map) refuse_merge(each.mark);
        merge(frame, each);
      }
      return;
    }
    if (source.kind != Tree::Kind::map) refuse_merge(source.mark);
    for (std::size_t i = 0; i < source.members.size(); ++i) {
      auto& [key, value] = source.members[i];
      if (!frame.key_lines.try_emplace(key, source.member_marks[i].line).second) continue;
      frame.node.tree.member_marks.push_back(source.member_marks[i]);
      frame.node.tree.members.emplace_back(std::move(key), std::move(value));
    }
  }

  [[noreturn]] static void refuse_merge(Mark at) {
    refuse(at, "map merge requires a map or a list of maps as the value");
  }

  void refuse_second_document(Mark at) const {
    if (documents_ < 2) return;
    refuse(at, "a second document: separate documents by a line that holds only ---");
  }

  void charge(const Node& node, Mark at) {
    copied_nodes_ += node.nodes;
    copied_bytes_ += node.bytes;
    if (copied_nodes_ > most_copied_nodes || copied_bytes_ > most_copied_bytes) {
      refuse(at, "the aliases of this document expand to too much");
    }
  }

  int first_line_;
  int documents_ = 0;
  int document_start_ = 0;
  Tree root_;
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, Node> anchors_;
  std::size_t copied_nodes_ = 0;
  std::size_t copied_bytes_ = 0;
  std::size_t values_ = 0;
};

// yaml-cpp stops at some control bytes as if the text ended there, guesses at other encodings, and
// reads all of `[[[[…` before it looks at the depth.
void check_characters(std::string_view text, int line) {
  std::size_t line_start = 0;
  int open_brackets = 0;  // in strings and scripts too, hence the generous bounds
  std::size_t held_bytes = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const Mark at{line, static_cast<int>(i - line_start) + 1};
    if (byte == '\n') {
      ++line;
      line_start = i + 1;
    }
    if ((byte < 0x20 && byte != '\n' && byte != '\t' && byte != '\r') || byte == 0x7F) {
      refuse(at, "control characters are not allowed");
    }
    if (byte == '[' || byte == '{') ++open_brackets;
    if ((byte == ']' || byte == '}') && open_brackets > 0) --open_brackets;
    if (open_brackets > most_open_brackets) refuse(at, "nested too deeply");
    held_bytes = byte == '\n' && open_brackets == 0 ? 0 : held_bytes + 1;
    if (held_bytes > most_held_bytes) {
      refuse(at, fmt::format("more than {} bytes in one line or within brackets", most_held_bytes));
    }
    const std::size_t length = byte < 0x80 ? 1 : utf8_length(text, i);
    if (length == 0) refuse(at, "this is not UTF-8");
    i += length;
  }
}

bool is_blank(std::string_view line) { return trim(line).empty(); }

}  // namespace

Tree parse_yaml(std::string_view text, int first_line) {
  if (text.size() > most_bytes) {
    throw Error{kinds::decode_failed,
                fmt::format("the document is larger than {} bytes", most_bytes)};
  }
  check_characters(text, first_line);
  TreeBuilder builder{first_line};
  try {
    std::string closed{text};
    // yaml-cpp lets a quoted scalar run out at the end of the text, but not at the end of a
    // document.
    if (text.ends_with('\n')) closed += "...\n";
    std::istringstream stream{std::move(closed)};
    YAML::Parser parser{stream};
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::DeepRecursion& deep) {
    refuse({deep.mark.line + first_line, deep.mark.column + 1}, "nested too deeply");
  } catch (const YAML::Exception& error) {
    throw Error{kinds::decode_failed,
                fmt::format("line {}, column {}: {}", error.mark.line + first_line,
                            error.mark.column + 1, error.msg)};
  }
  return builder.take();
}

std::vector<YamlPiece> split_yaml_documents(std::string_view stream) {
  std::vector<YamlPiece> pieces;
  YamlPiece piece;
  int line_number = 0;
  const auto end_piece = [&] {
    while (!piece.text.empty() && is_blank(piece.text.substr(piece.text.size() - 1))) {
      piece.text.pop_back();
    }
    if (!piece.text.empty()) pieces.push_back(std::move(piece));
    piece = {};
  };
  while (!stream.empty()) {
    const std::size_t end = std::min(stream.find('\n'), stream.size() - 1);
    const std::string_view line = stream.substr(0, end + 1);
    stream.remove_prefix(line.size());
    ++line_number;
    if (trim(line) == "---") {
      end_piece();
    } else if (!piece.text.empty() || !is_blank(line)) {
      if (piece.text.empty()) piece.first_line = line_number;
      piece.text += line;
    }
  }
  end_piece();
  return pieces;
}

}  // namespace kukeon::reflect
