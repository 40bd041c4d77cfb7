// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kukeon/model/names.h"
#include "kukeon/v1beta1/documents.h"

// Documents as keys (wire.md §5, Addressing): the path that a document names, its parts trimmed.
// The first name that is missing, own name first and then realm, space, stack, cell, is thrown as
// its kind's name_required.
namespace kukeon::daemon {

model::Path address_of(const v1beta1::RealmDoc& doc);
model::Path address_of(const v1beta1::SpaceDoc& doc);
model::Path address_of(const v1beta1::StackDoc& doc);
model::Path address_of(const v1beta1::CellDoc& doc);
// The name is metadata.name, else spec.id.
model::Path address_of(const v1beta1::ContainerDoc& doc);

}  // namespace kukeon::daemon
