// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "kukeon/v1beta1/local_documents.h"

namespace kukeon::v1beta1 {

inline constexpr std::size_t max_profile_bytes = std::size_t{1} << 20;

// The value that a caller passed for a parameter, or nothing.
using ParameterValue = std::function<std::optional<std::string>(std::string_view name)>;

// Reads a CellProfile and puts the parameters' values where `${NAME}` stands in a scalar; keys are
// left as they are. A value comes from `passed`, else the parameter's default, else `environment`,
// else it is empty, which a required one must not be. A scalar is typed after that: `${COUNT}` may
// stand where a number is wanted. Throws validation_failed with every problem and its place:
// another kind, no name, a cell that has an id, parameter names that are no names or come twice,
// `${NAME}` that no parameter declares, required parameters without a value.
CellProfile read_cell_profile(std::string_view yaml, const ParameterValue& passed,
                              const ParameterValue& environment);

}  // namespace kukeon::v1beta1
