// SPDX-License-Identifier: Apache-2.0
#include "kukeon/engine/plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/engine/prune.h"
#include "kukeon/model/defaults.h"
#include "kukeon/model/derive.h"
#include "kukeon/model/validate.h"

namespace kukeon::engine {
namespace {

using reflect::Difference;
using reflect::Tag;

// The stored documents with the plan's own on top: a cell sees the space that the same manifest
// declares.
class Overlay {
 public:
  explicit Overlay(const store::Store& store) : store_{store} {}

  void set(const Document& document) { planned_[path_of(document)] = document; }

  template <class T>
  std::optional<T> find(const model::Path& path) const {
    if (const auto at = planned_.find(path); at != planned_.end()) {
      if (const T* planned = std::get_if<T>(&at->second)) return *planned;
    }
    const auto stored = store_.find<T>(path);
    if (!stored || stored->intent == store::Intent::deleted) return std::nullopt;
    return stored->value;
  }

 private:
  const store::Store& store_;
  std::map<model::Path, Document> planned_;
};

// Values of variables may be secrets: told are the names of those that differ.
Difference masked_env(const Difference& field, const reflect::StringList& before,
                      const reflect::StringList& after) {
  const auto names = [](const reflect::StringList& all, const reflect::StringList& others) {
    reflect::StringList out = reflect::StringList::empty_list();
    for (const std::string& variable : all) {
      if (std::ranges::find(others, variable) != others.end()) continue;
      const auto equals = variable.find('=');
      out.push_back(equals == std::string::npos ? variable
                                                : variable.substr(0, equals) + "=(hidden)");
    }
    return reflect::to_json(out);
  };
  Difference masked = field;
  masked.before = names(before, after);
  masked.after = names(after, before);
  return masked;
}

// Labels of ours survive when the document does not mention them (model.md 4.5).
void keep_managed_labels(reflect::Labelset& labels, const reflect::Labelset& stored) {
  for (const auto& [key, value] : stored) {
    if (model::is_managed_label(key)) labels.try_emplace(key, value);
  }
}

template <class T>
std::vector<Difference> metadata_and_spec(const T& stored, const T& desired) {
  std::vector<Difference> fields;
  reflect::diff(stored.metadata, desired.metadata, "metadata", {}, fields);
  reflect::diff(stored.spec, desired.spec, "spec", {}, fields);
  return fields;
}

void refuse_immutable(Change& change, model::Kind kind, const std::string& name) {
  std::vector<std::string> breaking;
  for (const Difference& field : change.fields) {
    if (field.tags.has(Tag::immutable)) breaking.push_back(field.path);
  }
  for (const ContainerChange& container : change.containers) {
    for (const Difference& field : container.fields) {
      if (field.tags.has(Tag::immutable)) {
        breaking.push_back(kind == model::Kind::container
                               ? "spec." + field.path
                               : fmt::format("containers[{}].{}", container.id, field.path));
      }
    }
  }
  if (breaking.empty()) return;
  change.action = Change::Action::refuse;
  change.refusal = fmt::format(
      "{0} \"{1}\" has breaking changes: [{2}]. Delete the {0} and recreate it with the new spec",
      model::lower_word_of(kind), name, fmt::join(breaking, " "));
}

void refuse_deleted(Change& change, store::Intent intent) {
  if (intent != store::Intent::deleted) return;
  change.action = Change::Action::refuse;
  const model::Path path = path_of(change.desired);
  change.refusal = fmt::format("{} {} is being deleted; apply again when it is gone",
                               model::lower_word_of(path.kind()), quote(path.name()));
}

template <class T>
Change plan_layer(int index, T desired, const store::Snapshot<T>& stored) {
  Change change;
  change.index = index;
  change.action = Change::Action::create;
  if (stored) {
    change.generation = stored->generation;
    keep_managed_labels(desired.metadata.labels, stored->value.metadata.labels);
    desired.status = stored->value.status;
    change.fields = metadata_and_spec(stored->value, desired);
    using State = decltype(desired.status.state);
    const bool whole = desired.status.state == State::ready;
    change.start = !whole && !change.fields.empty();
    change.action = !change.fields.empty() ? Change::Action::update
                    : whole                ? Change::Action::none
                                           : Change::Action::restart;
  }
  change.desired = desired;
  refuse_immutable(change, kind_of(change.desired), desired.metadata.name);
  if (stored) refuse_deleted(change, stored->intent);
  return change;
}

Change plan_realm(int index, model::Realm realm, const store::Store& store,
                  const std::string& suffix) {
  const auto stored = store.find<model::Realm>(realm.path());
  // A namespace that the document leaves out is the one the realm has.
  if (stored && realm.spec.containerd_namespace.empty()) {
    realm.spec.containerd_namespace = stored->value.spec.containerd_namespace;
  }
  model::fill_in(realm, suffix);
  model::inject_labels(realm);
  return plan_layer(index, std::move(realm), stored);
}

Change plan_space(int index, model::Space space, const store::Store& store) {
  const auto stored = store.find<model::Space>(space.path());
  if (stored && space.spec.cni_config_path.empty()) {
    space.spec.cni_config_path = stored->value.spec.cni_config_path;
  }
  model::inject_labels(space);
  return plan_layer(index, std::move(space), stored);
}

Change plan_stack(int index, model::Stack stack, const store::Store& store) {
  const auto stored = store.find<model::Stack>(stack.path());
  if (stored && stack.spec.id.empty()) stack.spec.id = stored->value.spec.id;
  model::fill_in(stack);
  model::inject_labels(stack);
  return plan_layer(index, std::move(stack), stored);
}

void normalise_cell(model::Cell& cell, const std::optional<model::Space>& space) {
  model::fill_in(cell);
  model::inject_labels(cell);
  if (space) {
    for (model::ContainerSpec& container : cell.spec.containers) {
      model::apply_space_defaults_to_container(*space, container);
    }
  }
  model::resolve_root(cell);
}

void compare_containers(const model::Cell& stored, const model::Cell& desired, Change& change) {
  using Action = ContainerChange::Action;
  for (const model::ContainerSpec& wanted : desired.spec.containers) {
    const model::ContainerSpec* had = model::find_container(stored.spec, wanted.id);
    if (had == nullptr) {
      change.containers.push_back({wanted.id, Action::add, {}});
      change.recreate_root = change.recreate_root || model::is_root(desired.spec, wanted);
      continue;
    }
    auto fields = reflect::diff(*had, wanted);
    if (fields.empty()) continue;
    for (Difference& field : fields) {
      if (field.path == "env") field = masked_env(field, had->env, wanted.env);
    }
    const bool restarts = std::ranges::any_of(
        fields, [](const Difference& field) { return !field.tags.has(Tag::live); });
    change.recreate_root = change.recreate_root || (restarts && model::is_root(stored.spec, *had));
    change.containers.push_back({wanted.id, restarts ? Action::recreate : Action::live, fields});
  }
  for (const model::ContainerSpec& had : stored.spec.containers) {
    if (model::find_container(desired.spec, had.id) == nullptr) {
      change.containers.push_back({had.id, Action::remove, {}});
      change.recreate_root = change.recreate_root || model::is_root(stored.spec, had);
    }
  }
  change.recreate_root =
      change.recreate_root || std::ranges::any_of(change.fields, [](const Difference& field) {
        return effect_of(field) == Effect::recreate;
      });
  if (!change.recreate_root) return;
  // The others live in namespaces of the root that goes.
  for (const model::ContainerSpec& wanted : desired.spec.containers) {
    const auto at = std::ranges::find(change.containers, wanted.id, &ContainerChange::id);
    if (at == change.containers.end()) {
      change.containers.push_back({wanted.id, Action::restart, {}});
    } else if (at->action == Action::live) {
      at->action = Action::restart;
    }
  }
}

Change plan_cell(int index, model::Cell cell, const store::Store& store, const Overlay& overlay) {
  const model::Path path = cell.path();
  const auto stored = store.find<model::Cell>(path);
  if (stored && cell.spec.id.empty()) cell.spec.id = stored->value.spec.id;
  normalise_cell(cell, overlay.find<model::Space>(path.up_to(model::Kind::space)));

  Change change;
  change.index = index;
  change.action = Change::Action::create;
  if (stored) {
    change.generation = stored->generation;
    keep_managed_labels(cell.metadata.labels, stored->value.metadata.labels);
    cell.status = stored->value.status;
    change.fields = metadata_and_spec(stored->value, cell);
    std::erase_if(change.fields,
                  [](const Difference& field) { return field.path == "spec.containers"; });
    compare_containers(stored->value, cell, change);
    const bool differs = !change.fields.empty() || !change.containers.empty();
    const bool runs =
        model::is_up(stored->value.status.state) && stored->intent == store::Intent::running;
    change.start = differs && !runs;
    change.action = differs ? Change::Action::update
                    : runs  ? Change::Action::none
                            : Change::Action::restart;
  }
  change.desired = cell;
  refuse_immutable(change, model::Kind::cell, cell.metadata.name);
  if (stored) refuse_deleted(change, stored->intent);
  return change;
}

// A Container document is its cell with that one container changed; the cell as this plan leaves
// it.
Change plan_container(int index, const model::Container& container, const store::Store& store,
                      Overlay& overlay) {
  const model::Path cell_path = container.path().up_to(model::Kind::cell);
  Change change;
  change.index = index;
  change.action = Change::Action::refuse;
  change.desired = container;
  const auto before = overlay.find<model::Cell>(cell_path);
  if (!before) {
    change.refusal = fmt::format("parent cell \"{}\" not found", cell_path.cell);
    return change;
  }
  model::Cell cell = *before;
  if (auto* had = model::find_container(cell.spec, container.spec.id)) {
    const std::string containerd_id = had->containerd_id;
    const bool root = had->root;
    *had = container.spec;
    had->containerd_id = containerd_id;
    had->root = root || container.spec.root;
  } else {
    cell.spec.containers.push_back(container.spec);
  }
  normalise_cell(cell, overlay.find<model::Space>(cell_path.up_to(model::Kind::space)));
  compare_containers(*before, cell, change);
  const bool added = model::find_container(before->spec, container.spec.id) == nullptr;
  change.action = added                       ? Change::Action::create
                  : change.containers.empty() ? Change::Action::none
                                              : Change::Action::update;
  if (const auto stored = store.find<model::Cell>(cell_path)) {
    change.generation = stored->generation;
    change.start =
        change.action == Change::Action::update &&
        (!model::is_up(stored->value.status.state) || stored->intent != store::Intent::running);
  }
  refuse_immutable(change, model::Kind::container, container.spec.id);
  if (change.action != Change::Action::refuse) overlay.set(cell);
  return change;
}

}  // namespace

model::Kind kind_of(const Document& document) {
  return static_cast<model::Kind>(document.index());  // the variant lists the kinds in their order
}

model::Path path_of(const Document& document) {
  return std::visit([](const auto& value) { return value.path(); }, document);
}

std::string_view word_of(Effect effect) {
  switch (effect) {
    case Effect::live:
      return "live";
    case Effect::recreate:
      return "recreate";
    case Effect::refused:
      return "refused";
  }
  return "";
}

// A field whose row says nothing is taken for the dearest that is possible.
Effect effect_of(const Difference& field) {
  if (field.tags.has(Tag::immutable)) return Effect::refused;
  return field.tags.has(Tag::live) ? Effect::live : Effect::recreate;
}

std::string_view word_of(ContainerChange::Action action) {
  switch (action) {
    case ContainerChange::Action::add:
      return "add";
    case ContainerChange::Action::remove:
      return "remove";
    case ContainerChange::Action::recreate:
      return "recreate";
    case ContainerChange::Action::restart:
      return "restart";
    case ContainerChange::Action::live:
      return "live";
  }
  return "";
}

std::string_view word_of(Change::Action action) {
  switch (action) {
    case Change::Action::none:
      return "none";
    case Change::Action::create:
      return "create";
    case Change::Action::update:
      return "update";
    case Change::Action::restart:
      return "start";
    case Change::Action::remove:
      return "delete";
    case Change::Action::refuse:
      return "refuse";
  }
  return "";
}

std::string container_field(const Difference& difference) {
  return difference.path.substr(0, difference.path.find('.'));
}

Plan make_plan(std::vector<Desired> documents, const store::Store& store, const HostNames& names,
               PlanOptions options) {
  std::ranges::stable_sort(documents, {}, [](const Desired& one) {
    return std::pair{kind_of(one.document), one.index};
  });

  Overlay overlay{store};
  Plan plan;
  std::set<model::Path> implied;

  // Parents that exist nowhere are made with defaults (wire.md §7).
  const auto imply_parents = [&](const model::Path& path) {
    const auto declared = [&](const model::Path& parent) {
      return std::ranges::any_of(
          documents, [&](const Desired& one) { return path_of(one.document) == parent; });
    };
    for (const model::Kind kind : {model::Kind::realm, model::Kind::space, model::Kind::stack}) {
      if (kind >= path.kind()) return;
      const model::Path parent = path.up_to(kind);
      if (declared(parent) || implied.contains(parent)) continue;
      Change change;
      if (kind == model::Kind::realm && !overlay.find<model::Realm>(parent)) {
        change =
            plan_realm(Change::implied,
                       {.metadata = {.name = parent.realm, .labels = {}}, .spec = {}, .status = {}},
                       store, names.namespace_suffix);
      } else if (kind == model::Kind::space && !overlay.find<model::Space>(parent)) {
        model::Space space;
        space.metadata.name = parent.space;
        space.spec.realm_name = parent.realm;
        change = plan_space(Change::implied, std::move(space), store);
      } else if (kind == model::Kind::stack && !overlay.find<model::Stack>(parent)) {
        model::Stack stack;
        stack.metadata.name = parent.stack;
        stack.spec.realm_name = parent.realm;
        stack.spec.space_name = parent.space;
        change = plan_stack(Change::implied, std::move(stack), store);
      } else {
        continue;
      }
      implied.insert(parent);
      overlay.set(change.desired);
      plan.changes.push_back(std::move(change));
    }
  };

  for (Desired& one : documents) {
    const model::Path path = path_of(one.document);
    imply_parents(path);
    Change change;
    if (auto* realm = std::get_if<model::Realm>(&one.document)) {
      change = plan_realm(one.index, std::move(*realm), store, names.namespace_suffix);
    } else if (auto* space = std::get_if<model::Space>(&one.document)) {
      change = plan_space(one.index, std::move(*space), store);
    } else if (auto* stack = std::get_if<model::Stack>(&one.document)) {
      change = plan_stack(one.index, std::move(*stack), store);
    } else if (auto* cell = std::get_if<model::Cell>(&one.document)) {
      change = plan_cell(one.index, std::move(*cell), store, overlay);
    } else {
      change = plan_container(one.index, std::get<model::Container>(one.document), store, overlay);
    }
    if (change.action != Change::Action::refuse) overlay.set(change.desired);
    plan.changes.push_back(std::move(change));
  }
  std::ranges::stable_sort(plan.changes, {},
                           [](const Change& change) { return kind_of(change.desired); });
  plan.options = std::move(options);
  if (plan.options.prune) add_removals(plan, store);
  name_objects(plan, names);
  return plan;
}

}  // namespace kukeon::engine
