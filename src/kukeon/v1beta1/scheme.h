// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "kukeon/model/cell.h"
#include "kukeon/model/container.h"
#include "kukeon/model/realm.h"
#include "kukeon/model/space.h"
#include "kukeon/model/stack.h"
#include "kukeon/model/validate.h"
#include "kukeon/v1beta1/documents.h"

// Conversion between the documents and the hub model. A key that both tables have is copied; what
// is written out in scheme.cpp are the exceptions of model.md 4.2.
namespace kukeon::v1beta1 {

// Throws conversion_failed: another apiVersion than v1beta1 or none, or a rule of model.md 4.3.
model::Realm to_model(const RealmDoc& doc);
model::Space to_model(const SpaceDoc& doc);
model::Stack to_model(const StackDoc& doc);
model::Cell to_model(const CellDoc& doc);
model::Container to_model(const ContainerDoc& doc);

// Throws conversion_failed where a cell's roots disagree. Documents keep to the state labels of
// reference v0.5.0: a peer of that version fails to decode a reply that has another one, and loses
// the connection with it (wire.md 2.2). What is more exact stands beside it in `exactState`, which
// such a peer ignores: Exited and Error read Stopped, Degraded reads Ready, NotCreated reads
// Stopped. to_model() takes either, so nothing is lost between two of us.
RealmDoc from_model(const model::Realm& realm);
SpaceDoc from_model(const model::Space& space);
StackDoc from_model(const model::Stack& stack);
CellDoc from_model(const model::Cell& cell);
ContainerDoc from_model(const model::Container& container);

// Specs as they stand within a cell or a list of containers: the containerd id is kept.
model::ContainerSpec to_model(const ContainerSpec& spec);
ContainerSpec from_model(const model::ContainerSpec& spec);

// As to_model(), without its checks: for a caller that collects every problem itself.
model::Realm to_model_unchecked(const RealmDoc& doc);
model::Space to_model_unchecked(const SpaceDoc& doc);
model::Stack to_model_unchecked(const StackDoc& doc);
model::Cell to_model_unchecked(const CellDoc& doc);
model::Container to_model_unchecked(const ContainerDoc& doc);

// The label set that every KukeonV1 method promises: the nearest of its states.
CellState promised(CellState state);
ContainerState promised(ContainerState state);

model::SpaceState to_model(SpaceState state);
SpaceState from_model(model::SpaceState state);

}  // namespace kukeon::v1beta1
