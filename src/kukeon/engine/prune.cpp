// SPDX-License-Identifier: Apache-2.0
#include "kukeon/engine/prune.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/json.h"

namespace kukeon::engine {
namespace {

constexpr std::string_view fact_prefix = "set ";
constexpr std::size_t longest_set_name = 4096;  // PATH_MAX: the usual name is a path

std::string fact_of(const std::string& set) { return std::string{fact_prefix} + set; }

std::vector<Declared> parse(const std::optional<std::string>& fact) {
  if (!fact) return {};
  return reflect::from_json<reflect::List<Declared>>(*fact);
}

// No name holds a slash (runtime.md 1.1).
model::Path path_of_key(const std::string& key) {
  model::Path path;
  const auto names = split(key, '/');
  for (std::size_t i = 0; i < names.size() && i < model::all_kinds.size(); ++i) {
    path.part(model::all_kinds[i]) = names[i];
  }
  return path;
}

template <class T>
std::optional<Timestamp> age_of(const store::Store& store, const model::Path& path) {
  const auto stored = store.find<T>(path);
  if (!stored || stored->intent == store::Intent::deleted) return std::nullopt;
  return stored->value.status.created_at;
}

// When the object that stands at a path was made; nothing where there is none.
std::optional<Timestamp> created_at(const store::Store& store, const model::Path& path) {
  switch (path.kind()) {
    case model::Kind::realm:
      return age_of<model::Realm>(store, path);
    case model::Kind::space:
      return age_of<model::Space>(store, path);
    case model::Kind::stack:
      return age_of<model::Stack>(store, path);
    case model::Kind::cell:
      return age_of<model::Cell>(store, path);
    case model::Kind::container:
      break;
  }
  const auto cell = store.find<model::Cell>(path.up_to(model::Kind::cell));
  if (!cell || model::find_container(cell->value.spec, path.container) == nullptr) {
    return std::nullopt;
  }
  return age_of<model::Cell>(store, path.up_to(model::Kind::cell));
}

template <class T>
void take_stored(Change& change, const store::Store& store, const model::Path& path) {
  const auto stored = store.find<T>(path);
  change.desired = stored->value;
  change.generation = stored->generation;
}

Change removal_of(const store::Store& store, const model::Path& path) {
  Change change;
  change.index = Change::implied;
  change.action = Change::Action::remove;
  switch (path.kind()) {
    case model::Kind::realm:
      take_stored<model::Realm>(change, store, path);
      break;
    case model::Kind::space:
      take_stored<model::Space>(change, store, path);
      break;
    case model::Kind::stack:
      take_stored<model::Stack>(change, store, path);
      break;
    case model::Kind::cell:
      take_stored<model::Cell>(change, store, path);
      break;
    case model::Kind::container: {
      const auto cell = store.find<model::Cell>(path.up_to(model::Kind::cell));
      const auto* spec = model::find_container(cell->value.spec, path.container);
      change.desired = model::Container{
          .metadata = {.name = spec->id, .labels = {}}, .spec = *spec, .status = {}};
      change.generation = cell->generation;
      break;
    }
  }
  return change;
}

// What the documents of a plan declare: each for itself, and a cell its containers.
std::set<model::Path> declared_in(const Plan& plan) {
  std::set<model::Path> paths;
  for (const Change& change : plan.changes) {
    if (change.index == Change::implied) continue;
    const model::Path path = path_of(change.desired);
    paths.insert(path);
    if (const auto* cell = std::get_if<model::Cell>(&change.desired)) {
      for (const model::ContainerSpec& spec : cell->spec.containers) {
        model::Path container = path;
        container.container = spec.id;
        paths.insert(std::move(container));
      }
    }
  }
  return paths;
}

// Paths that a set other than `but` lays claim to.
std::set<std::string> claimed_by_others(const store::Store& store, const std::string& but) {
  std::set<std::string> paths;
  for (const auto& [key, fact] : store.facts(fact_prefix)) {
    if (key == fact_of(but)) continue;
    for (const Declared& one : parse(fact)) {
      if (created_at(store, path_of_key(one.path)) == one.created_at) paths.insert(one.path);
    }
  }
  return paths;
}

// The first object that would be left without its parent, if any.
template <class Child>
std::string child_that_stays(const store::Store& store, const Plan& plan, const model::Path& path,
                             const std::set<model::Path>& gone) {
  for (const auto& child : store.list<Child>(path)) {
    if (!gone.contains(child->value.path())) return child->value.path().key();
  }
  for (const Change& change : plan.changes) {
    const model::Path at = path_of(change.desired);
    if (change.action == Change::Action::create && at.parent() == path) return at.key();
  }
  return {};
}

void refuse_parent_of_others(Change& removal, const Plan& plan, const store::Store& store,
                             const std::set<model::Path>& gone) {
  const model::Path path = path_of(removal.desired);
  std::string child;
  std::string_view word;
  if (path.kind() == model::Kind::realm) {
    child = child_that_stays<model::Space>(store, plan, path, gone);
    word = "space";
  } else if (path.kind() == model::Kind::space) {
    child = child_that_stays<model::Stack>(store, plan, path, gone);
    word = "stack";
  } else if (path.kind() == model::Kind::stack) {
    child = child_that_stays<model::Cell>(store, plan, path, gone);
    word = "cell";
  }
  if (child.empty()) return;
  removal.action = Change::Action::refuse;
  removal.refusal = fmt::format(
      "{0} {1} is not pruned: it holds {2} {3}, which this set did not declare; delete that first",
      model::lower_word_of(path.kind()), quote(path.name()), word, child);
}

}  // namespace

void check_set_name(const std::string& set) {
  const bool printable =
      std::ranges::none_of(set, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (set.size() <= longest_set_name && printable) return;
  throw Error{kinds::invalid_argument,
              fmt::format("the name of a set is at most {} bytes without control characters",
                          longest_set_name)};
}

std::vector<Declared> declared_by(const store::Store& store, const std::string& set) {
  return parse(store.fact(fact_of(set)));
}

void add_removals(Plan& plan, const store::Store& store) {
  const auto kept = declared_in(plan);
  const auto claimed = claimed_by_others(store, plan.options.set);
  std::vector<model::Path> gone;
  for (const Declared& one : declared_by(store, plan.options.set)) {
    const model::Path path = path_of_key(one.path);
    if (claimed.contains(one.path)) continue;
    // What is declared still needs its parents, though nobody may write them down any more.
    if (std::ranges::any_of(kept, [&](const model::Path& at) { return path.contains(at); }))
      continue;
    if (created_at(store, path) != one.created_at) continue;
    gone.push_back(path);
  }
  const std::set<model::Path> all{gone.begin(), gone.end()};
  // A container goes with its cell, or by the cell's own document.
  std::erase_if(gone, [&](const model::Path& path) {
    const model::Path cell = path.up_to(model::Kind::cell);
    return path.kind() == model::Kind::container &&
           (all.contains(cell) || std::ranges::any_of(plan.changes, [&](const Change& change) {
              return change.index != Change::implied && path_of(change.desired) == cell;
            }));
  });
  std::ranges::sort(gone, [](const model::Path& a, const model::Path& b) {
    return std::pair{b.kind(), a} < std::pair{a.kind(), b};
  });
  // Bottom up, so that what stays keeps its parents.
  std::set<model::Path> removed = all;
  std::vector<Change> removals;
  for (const model::Path& path : gone) {
    Change removal = removal_of(store, path);
    refuse_parent_of_others(removal, plan, store, removed);
    if (removal.action == Change::Action::refuse) removed.erase(path);
    removals.push_back(std::move(removal));
  }
  std::ranges::move(removals, std::back_inserter(plan.changes));
}

void remember_declared(const Plan& plan, store::Store& store) {
  const std::string& set = plan.options.set;
  if (set.empty()) return;
  const auto now = [&] {
    std::map<std::string, Timestamp> paths;
    for (const Declared& one : declared_by(store, set)) {
      if (created_at(store, path_of_key(one.path)) == one.created_at) {
        paths[one.path] = one.created_at;
      }
    }
    for (const Change& change : plan.changes) {
      if (change.index == Change::implied) continue;
      const model::Path path = path_of(change.desired);
      if (const auto since = created_at(store, path)) paths[path.key()] = *since;
    }
    reflect::List<Declared> all = reflect::List<Declared>::empty_list();
    for (const auto& [path, since] : paths) all.push_back({path, since});
    return all;
  };
  // Mostly the set declares what it did, and an apply of that costs no write.
  if (static_cast<const std::vector<Declared>&>(now()) == declared_by(store, set)) return;
  store.write([&](store::Changes& changes) {
    const auto all = now();
    if (all.empty()) {
      changes.erase_fact(fact_of(set));
    } else {
      changes.set_fact(fact_of(set), reflect::to_json(all));
    }
  });
}

}  // namespace kukeon::engine
