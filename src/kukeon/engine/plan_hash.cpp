// SPDX-License-Identifier: Apache-2.0
// What tells one plan from another.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kukeon/engine/plan.h"
#include "kukeon/image/digest.h"
#include "kukeon/reflect/json.h"

namespace kukeon::engine {
namespace {

// Quoted, so that no text can be taken for two.
void add(std::string& text, std::string_view part) {
  text += reflect::json_quote(part);
  text += '\n';
}

void add(std::string& text, const std::vector<reflect::Difference>& fields) {
  for (const reflect::Difference& field : fields) {
    add(text, field.path);
    add(text, word_of(effect_of(field)));
    add(text, field.before);
    add(text, field.after);
  }
}

// The document as it would be stored, secrets and all: of two plans that differ in nothing else one
// must not pass for the other. What is observed is not part of it.
std::string wanted_text(const Document& document) {
  return std::visit(
      [](const auto& value) {
        return reflect::to_json(value.metadata) + reflect::to_json(value.spec);
      },
      document);
}

std::string digest_of(const Change& change) {
  std::string text;
  add(text, word_of(change.action));
  add(text, std::to_string(change.generation));
  add(text, change.index == Change::implied ? "implied" : "declared");
  add(text, change.recreate_root ? "recreate root" : "");
  add(text, change.start ? "start" : "");
  add(text, change.refusal);
  add(text, change.fields);
  std::vector<const ContainerChange*> containers;
  for (const ContainerChange& one : change.containers) containers.push_back(&one);
  std::ranges::sort(containers, {}, [](const ContainerChange* one) { return one->id; });
  for (const ContainerChange* one : containers) {
    add(text, one->id);
    add(text, word_of(one->action));
    add(text, one->fields);
  }
  add(text, wanted_text(change.desired));
  return image::sha256_digest(text);
}

}  // namespace

Fingerprint fingerprint_of(const Plan& plan) {
  Fingerprint parts;
  for (const Change& change : plan.changes) {
    const model::Path path = path_of(change.desired);
    const std::string name =
        fmt::format("{} {}", model::lower_word_of(kind_of(change.desired)), path.key());
    // A document may be there twice; then their order matters.
    std::string key = name;
    for (int twin = 2; parts.contains(key); ++twin) key = fmt::format("{} ({})", name, twin);
    parts[key] = {word_of(change.action), change.generation, digest_of(change)};
  }
  return parts;
}

std::string hash_of(const Plan& plan) {
  std::string text;
  for (const auto& [name, part] : fingerprint_of(plan)) {
    add(text, name);
    add(text, part.digest);
  }
  return image::sha256_digest(text);
}

std::vector<std::string> moved_between(const Fingerprint& before, const Fingerprint& now) {
  std::vector<std::string> moved;
  for (const auto& [name, was] : before) {
    const auto at = now.find(name);
    if (at == now.end()) {
      moved.push_back(fmt::format("{} is not part of it any more", name));
      continue;
    }
    const PlannedPart& is = at->second;
    if (was == is) continue;
    if (was.generation != is.generation) {
      moved.push_back(fmt::format("{} was changed (generation {}, now {})", name, was.generation,
                                  is.generation));
    } else if (was.action != is.action) {
      moved.push_back(
          fmt::format("{}: the plan said \"{}\", now it is \"{}\"", name, was.action, is.action));
    } else {
      moved.push_back(fmt::format("{}: other changes than planned", name));
    }
  }
  for (const auto& [name, is] : now) {
    if (!before.contains(name)) moved.push_back(fmt::format("{} is new in it", name));
  }
  return moved;
}

}  // namespace kukeon::engine
