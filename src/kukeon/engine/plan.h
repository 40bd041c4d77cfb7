// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kukeon/model/cell.h"
#include "kukeon/model/container.h"
#include "kukeon/model/kinds.h"
#include "kukeon/model/names.h"
#include "kukeon/model/realm.h"
#include "kukeon/model/space.h"
#include "kukeon/model/stack.h"
#include "kukeon/reflect/diff.h"
#include "kukeon/store/store.h"

// What an apply would do, as data. Nothing in these types can cause an effect (design D4);
// Engine::execute() takes a plan and does just that.
namespace kukeon::engine {

using Document =
    std::variant<model::Realm, model::Space, model::Stack, model::Cell, model::Container>;

model::Kind kind_of(const Document& document);
model::Path path_of(const Document& document);

// A document of a manifest, with its place there.
struct Desired {
  int index = 0;
  Document document;
};

// What the change of one field costs (runtime.md 3.10).
enum class Effect {
  live,      // written down, and in force at once
  recreate,  // its container is replaced; a cell's own field: all of them are
  refused,   // delete the object and create it again
};
std::string_view word_of(Effect effect);
Effect effect_of(const reflect::Difference& field);

// One container of a cell that the plan touches.
struct ContainerChange {
  enum class Action {
    add,
    remove,
    recreate,  // replaced; its files survive unless its image is another
    restart,   // as it is, because the root that holds its namespaces is replaced
    live,      // goes on running
  };

  std::string id;
  Action action = Action::live;
  std::vector<reflect::Difference> fields;
};
std::string_view word_of(ContainerChange::Action action);

// Something on the host, or a document, that a change touches: "replace container web_app".
struct Touch {
  std::string_view verb;  // create, change, replace, restart, start, repair, remove
  std::string object;

  friend bool operator==(const Touch&, const Touch&) = default;
};

// One document's part of a plan.
struct Change {
  enum class Action {
    none,
    create,
    update,
    restart,  // nothing differs, but the cell does not run, or the layer is not whole
    remove,   // an earlier apply of the set declared it, this one does not
    refuse,   // `refusal` says why
  };
  static constexpr int implied = -1;

  int index =
      0;  // of the document; `implied` for a parent that nobody wrote down, and for removals
  Action action = Action::none;
  Document desired;             // normalised, as it will be stored; of a removal as it is stored
  std::int64_t generation = 0;  // of the stored spec it was compared with; 0: there was none
  std::vector<reflect::Difference> fields;  // outside the containers; secrets are masked
  std::vector<ContainerChange> containers;
  bool recreate_root = false;  // then no container goes on running
  bool start = false;          // beside an update: the cell does not run, and will
  std::string refusal;
  std::vector<Touch> objects;
};
std::string_view word_of(Change::Action action);

struct PlanOptions {
  std::string set;     // whose declarations these documents are; empty: nobody keeps count
  bool prune = false;  // remove what the set declared before and does not now
};

struct Plan {
  PlanOptions options;
  std::vector<Change>
      changes;  // in the order of execution: realms, spaces, stacks, cells, containers; removals
};

// How an engine names things on its host.
struct HostNames {
  std::string namespace_suffix;
  std::string cgroup_root;
};

// Pure: reads the store, changes nothing.
Plan make_plan(std::vector<Desired> documents, const store::Store& store, const HostNames& names,
               PlanOptions options = {});

// Fills in Change::objects.
void name_objects(Plan& plan, const HostNames& names);

// "sha256:…" over what the plan would do and what it was made from. The order of independent
// documents does not matter.
std::string hash_of(const Plan& plan);

// What hash_of() hashes, a text for each document: "cell default/default/default/web" and what is
// to become of it.
struct PlannedPart {
  std::string_view action;
  std::int64_t generation = 0;
  std::string digest;

  friend bool operator==(const PlannedPart&, const PlannedPart&) = default;
};
using Fingerprint = std::map<std::string, PlannedPart>;
Fingerprint fingerprint_of(const Plan& plan);

// What differs between two plans, in words: "cell r/s/t/web was changed (generation 2, now 3)".
std::vector<std::string> moved_between(const Fingerprint& before, const Fingerprint& now);

// `spec.resources.memoryLimitBytes` of a container is its field `resources`.
std::string container_field(const reflect::Difference& difference);

}  // namespace kukeon::engine
