// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
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

// One container of a cell that the plan touches.
struct ContainerChange {
  enum class Action { add, remove, recreate, live };

  std::string id;
  Action action = Action::live;
  std::vector<reflect::Difference> fields;
};

// One document's part of a plan.
struct Change {
  enum class Action {
    none,
    create,
    update,
    restart,  // nothing differs, but the cell does not run
    refuse,   // `refusal` says why
  };
  static constexpr int implied = -1;

  int index = 0;  // of the document; `implied` for a parent that nobody wrote down
  Action action = Action::none;
  Document desired;             // normalised, as it will be stored
  std::int64_t generation = 0;  // of the stored spec it was compared with; 0: there was none
  std::vector<reflect::Difference> fields;  // outside the containers
  std::vector<ContainerChange> containers;
  bool recreate_root = false;  // then every container is replaced
  std::string refusal;
};

struct Plan {
  std::vector<Change>
      changes;  // in the order of execution: realms, spaces, stacks, cells, containers
};

// Pure: reads the store, changes nothing. `namespace_suffix` names the namespace of a realm that
// does not.
Plan make_plan(std::vector<Desired> documents, const store::Store& store,
               const std::string& namespace_suffix);

// `spec.resources.memoryLimitBytes` of a container is its field `resources`.
std::string container_field(const reflect::Difference& difference);

}  // namespace kukeon::engine
