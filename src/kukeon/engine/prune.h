// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "kukeon/base/timestamp.h"
#include "kukeon/engine/plan.h"
#include "kukeon/reflect/field.h"
#include "kukeon/store/store.h"

// Sets: who applied what. `kuke apply --prune` removes what an earlier apply of the same set
// declared and the present one does not; nothing else, so two sets never fight over what only one
// of them knows, and a parent that was made on the way belongs to none.
namespace kukeon::engine {

// One object that a set declared. The time tells it from a later object of the same name, which the
// set has no claim to.
struct Declared {
  std::string path;
  Timestamp created_at;  // of a container: of its cell

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("path", &Declared::path, always, "Names from the realm down."),
        reflect::field("createdAt", &Declared::created_at, always,
                       "When the object was first stored."),
    };
  }
  friend bool operator==(const Declared&, const Declared&) = default;
};

// Throws invalid_argument for what cannot name a set: longer than a path, or with control
// characters.
void check_set_name(const std::string& set);

// What the store remembers of a set, sorted by path.
std::vector<Declared> declared_by(const store::Store& store, const std::string& set);

// Appends the removals to a plan, children before parents.
void add_removals(Plan& plan, const store::Store& store);

// Remembers what the plan declared, after it was executed. Without prune, what the set declared
// before stays its own, so that a later prune finds it.
void remember_declared(const Plan& plan, store::Store& store);

}  // namespace kukeon::engine
