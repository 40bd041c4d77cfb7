// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "kukeon/model/cell.h"
#include "kukeon/model/container.h"
#include "kukeon/model/realm.h"
#include "kukeon/model/space.h"
#include "kukeon/model/stack.h"
#include "kukeon/reflect/decode.h"

// What a type cannot say about a document. Every function returns all problems at once; an empty
// list means valid. Paths are those of the document; marks are never set.
namespace kukeon::model {

using Problems = std::vector<reflect::Problem>;

// Everything that can be judged without looking at the host.
Problems validate(const Realm& realm);
Problems validate(const Space& space);
Problems validate(const Stack& stack);
Problems validate(const Cell& cell);
Problems validate(const Container& container);

// The rules that conversion enforces, in their order: ttys, the cell's tty, the root
// (model.md 4.3). Paths are relative to the spec.
Problems conversion_problems(const ContainerSpec& container);
Problems conversion_problems(const CellSpec& cell);
// The last of them alone: more than one root, or declarations that disagree.
Problems root_problems(const CellSpec& cell);

inline constexpr std::string_view host_network_root_text =
    "explicit rootContainerId must have hostNetwork: true when any cell container has hostNetwork: "
    "true";

Problems validate_egress(const EgressPolicy& policy);

// What only the daemon's host can tell: bind sources and secret files that exist, secret variables
// that are set. Judged when a container is about to be created.
Problems missing_on_host(const ContainerSpec& container);
Problems missing_on_host(const CellSpec& cell);

// Throws validation_failed with every problem, one a line, when there is any.
void throw_if_any(const Problems& problems);

}  // namespace kukeon::model
