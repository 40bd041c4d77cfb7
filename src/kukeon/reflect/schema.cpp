// SPDX-License-Identifier: Apache-2.0
#include "kukeon/reflect/schema.h"

#include <utility>

#include <fmt/format.h>

#include "kukeon/reflect/json.h"

namespace kukeon::reflect {
namespace {

constexpr std::string_view dialect = "https://json-schema.org/draft/2020-12/schema";

// What decode() takes for a boolean beside true and false.
constexpr std::string_view boolean_words = "^(y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$";
constexpr std::string_view placeholder = "[$][{][A-Za-z_][A-Za-z0-9_]*[}]";

Tree scalar(Tree::Kind kind, std::string_view text) {
  Tree tree;
  tree.kind = kind;
  tree.text = text;
  return tree;
}
Tree string(std::string_view text) { return scalar(Tree::Kind::string, text); }
Tree null() { return scalar(Tree::Kind::null, "null"); }
Tree yes() { return scalar(Tree::Kind::boolean, "true"); }
Tree no() { return scalar(Tree::Kind::boolean, "false"); }
template <class Integer>
Tree number(Integer value) {
  return scalar(Tree::Kind::number, fmt::to_string(value));
}

Tree list(std::vector<Tree> items = {}) {
  Tree tree;
  tree.kind = Tree::Kind::list;
  tree.items = std::move(items);
  return tree;
}

Tree map(std::vector<std::pair<std::string, Tree>> members = {}) {
  Tree tree;
  tree.kind = Tree::Kind::map;
  tree.members = std::move(members);
  return tree;
}

void add(Tree& to, std::string_view key, Tree value) {
  to.members.emplace_back(key, std::move(value));
}

enum class Null { refused, allowed };
enum class Scalars { literal, placeholders };

void add_types(Tree& to, std::vector<std::string_view> names, Null null_) {
  if (null_ == Null::allowed) names.push_back("null");
  if (names.size() == 1) return add(to, "type", string(names[0]));
  Tree types = list();
  for (const std::string_view name : names) types.items.push_back(string(name));
  add(to, "type", std::move(types));
}

// A number, or what stands for one.
void add_number(Tree& to, std::string_view name, Null null_, Scalars scalars) {
  if (scalars == Scalars::literal) return add_types(to, {name}, null_);
  add_types(to, {name, "string"}, null_);
  add(to, "pattern", string(placeholder));
}

void add_structure(Tree& to, const Type& type, const std::vector<FixedMember>& fixed,
                   Scalars scalars);

// Adds the keywords that say what a value of the type may be.
void add_type(Tree& to, const Type& type, Null null_, Scalars scalars) {
  switch (type.shape) {
    case Shape::boolean:
      add_types(to, {"boolean", "string"}, null_);
      return add(to, "pattern",
                 scalars == Scalars::literal
                     ? string(boolean_words)
                     : string(fmt::format("{}|{}", boolean_words, placeholder)));
    case Shape::integer:
      add_number(to, "integer", null_, scalars);
      add(to, "minimum", number(type.least));
      return add(to, "maximum", number(type.most));
    case Shape::number:
      return add_number(to, "number", null_, scalars);
    case Shape::string:
      return add_types(to, {"string", "number", "boolean"}, null_);
    case Shape::time:
      add_types(to, {"string"}, null_);
      return add(to, "format", string("date-time"));  // an annotation, which checks nothing
    case Shape::bytes:
      add_types(to, {"string", "array"}, null_);
      add(to, "contentEncoding", string("base64"));
      return add(
          to, "items",
          map({{"type", string("integer")}, {"minimum", number(0)}, {"maximum", number(255)}}));
    case Shape::json:
      return;
    case Shape::word: {
      Tree words = list();
      for (const std::string_view word : type.words) words.items.push_back(string(word));
      if (null_ == Null::allowed) words.items.push_back(null());
      return add(to, "anyOf",
                 list({map({{"enum", std::move(words)}}),
                       map({{"type", string("integer")},
                            {"minimum", number(0)},
                            {"maximum", number(type.words.size() - 1)}})}));
    }
    case Shape::list:
    case Shape::map: {
      const bool is_list = type.shape == Shape::list;
      add_types(to, {is_list ? "array" : "object"}, null_);
      Tree element = map();
      add_type(element, *type.element, Null::allowed,
               scalars);  // a null entry is dropped, or empty
      return add(to, is_list ? "items" : "additionalProperties", std::move(element));
    }
    case Shape::structure:
      add_types(to, {"object"}, null_);
      return add_structure(to, type, {}, scalars);
  }
}

Tree of_member(const Member& member, Scalars scalars) {
  Tree tree = map({{"description", string(member.doc)}});
  const bool required = member.tags.has(Tag::required);
  add_type(tree, *member.type, required ? Null::refused : Null::allowed, scalars);
  if (member.tags.has(Tag::derived)) {
    add(tree, "readOnly", yes());
  } else if (!member.fallback.empty()) {
    add(tree, "default", parse_json(member.fallback));
  }
  return tree;
}

Tree of_fixed(const Member& member, std::string_view word) {
  Tree tree = map({{"description", string(member.doc)}});
  if (member.tags.has(Tag::required)) {
    add(tree, "const", string(word));
  } else {
    add(tree, "enum", list({string(word), string(""), null()}));
    add(tree, "default", string(word));
  }
  return tree;
}

void add_structure(Tree& to, const Type& type, const std::vector<FixedMember>& fixed,
                   Scalars scalars) {
  Tree properties = map();
  Tree required = list();
  for (const Member& member : type.members) {
    const FixedMember* word = nullptr;
    for (const FixedMember& each : fixed) {
      if (each.name == member.name) word = &each;
    }
    add(properties, member.name,
        word == nullptr ? of_member(member, scalars) : of_fixed(member, word->word));
    if (member.tags.has(Tag::required)) required.items.push_back(string(member.name));
  }
  add(to, "properties", std::move(properties));
  if (!required.items.empty()) add(to, "required", std::move(required));
  add(to, "additionalProperties", no());
}

void add_document(Tree& to, const Schema& schema) {
  add(to, "title", string(schema.title));
  add(to, "description", string(schema.description));
  add(to, "type", string("object"));
  add_structure(to, *schema.type, schema.fixed,
                schema.has_placeholders ? Scalars::placeholders : Scalars::literal);
}

}  // namespace

Tree json_schema(const Schema& schema) {
  Tree tree = map({{"$schema", string(dialect)}});
  add_document(tree, schema);
  return tree;
}

Tree json_schema_of_any(const std::string& title, std::string_view by,
                        const std::vector<Schema>& schemas) {
  Tree words = list();
  Tree choices = list();
  Tree definitions = map();
  for (const Schema& schema : schemas) {
    for (const FixedMember& fixed : schema.fixed) {
      if (fixed.name != by) continue;
      words.items.push_back(string(fixed.word));
      Tree is_it =
          map({{"type", string("object")},
               {"properties", map({{std::string{by}, map({{"const", string(fixed.word)}})}})},
               {"required", list({string(by)})}});
      Tree then = map({{"$ref", string(fmt::format("#/$defs/{}", fixed.word))}});
      choices.items.push_back(map({{"if", std::move(is_it)}, {"then", std::move(then)}}));
      Tree definition = map();
      add_document(definition, schema);
      add(definitions, fixed.word, std::move(definition));
    }
  }
  // A piece of a stream that holds only comments is null, and no document.
  return map({{"$schema", string(dialect)},
              {"title", string(title)},
              {"type", list({string("object"), string("null")})},
              {"properties", map({{std::string{by}, map({{"enum", std::move(words)}})}})},
              {"required", list({string(by)})},
              {"allOf", std::move(choices)},
              {"$defs", std::move(definitions)}});
}

}  // namespace kukeon::reflect
