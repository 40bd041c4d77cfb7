// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kukeon/runtime/runtime.h"

// Filters for Runtime::list_containers().
namespace kukeon::runtime {

// labels."kukeon.io/cell"=="web"
std::string label_is(std::string_view key, std::string_view value);
// All of `labels` have these values.
std::string labels_are(const Labels& labels);

}  // namespace kukeon::runtime
