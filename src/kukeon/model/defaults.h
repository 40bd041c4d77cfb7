// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kukeon/model/cell.h"
#include "kukeon/model/container.h"
#include "kukeon/model/realm.h"
#include "kukeon/model/space.h"
#include "kukeon/model/stack.h"

// What the daemon fills in before a document is stored. All of it is idempotent.
namespace kukeon::model {

// Fills the container's unset fields from spec.defaults.container of its space. A set field
// replaces the default as a whole: nothing is merged (model.md 5.1).
void apply_space_defaults_to_container(const Space& space, ContainerSpec& container);

// Adds the labels realm.kukeon.io … that are absent (runtime.md 1.3). A realm's carries its
// containerd namespace, so that must be known.
void inject_labels(Realm& realm);
void inject_labels(Space& space);
void inject_labels(Stack& stack);
void inject_labels(Cell& cell);

// Trims names and fills in an empty spec.namespace or spec.id. A cell's containers are told their
// parents.
void fill_in(Realm& realm, std::string_view namespace_suffix = default_namespace_suffix);
void fill_in(Space& space);
void fill_in(Stack& stack);
void fill_in(Cell& cell);
void fill_in(Container& container);

inline constexpr std::string_view root_container_name = "root";
inline constexpr std::string_view default_root_image = "docker.io/library/busybox:latest";
inline constexpr std::string_view pause_program = "/.kukeon/bin/kukepause";

// The root container of a cell that declares none: it runs kukepause, which reaps and ends on
// SIGTERM as `sleep` as PID 1 would not (runtime.md 2.2).
ContainerSpec default_root_container(std::string_view realm, std::string_view space,
                                     std::string_view stack, std::string_view cell_name,
                                     std::string_view cell_id);

// Whether a container is the root that the daemon made, not one that an author wrote.
bool is_default_root(const ContainerSpec& container);

// Makes the cell have one root: the declared one, else a default root is added (runtime.md 3.4);
// writes rootContainerId and the root's flag. Throws conversion_failed where the declarations
// disagree.
void resolve_root(Cell& cell);

}  // namespace kukeon::model
