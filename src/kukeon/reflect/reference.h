// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kukeon/reflect/describe.h"

namespace kukeon::reflect {

// A reference page in markdown below its heading: one table of all fields of a structure, in the
// order of its field table; a member that the daemon fills in (`status`) is a section of its own.
std::string reference_tables(const Type& type);

// A text as markdown shows it literally, also within a table; what stands in backticks is code.
std::string markdown(std::string_view text);

}  // namespace kukeon::reflect
