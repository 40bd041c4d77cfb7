// SPDX-License-Identifier: Apache-2.0
#include "kukeon/oci/runtime_spec.h"

#include "kukeon/reflect/json.h"

namespace kukeon::oci {

std::string to_json(const Spec& spec) { return reflect::to_json(spec); }
std::string to_json(const Process& process) { return reflect::to_json(process); }

Spec parse_spec(std::string_view json) { return reflect::from_json<Spec>(json); }

}  // namespace kukeon::oci
