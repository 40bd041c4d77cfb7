// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kukeon/engine/config.h"

namespace kukeon::apps {

// "crun" where it is installed and can make a container on this host, else "runc". crun starts a
// container in about a third of runc's time, but refuses some cgroup layouts (facts: a hybrid host
// whose v2 tree owns controllers), so it is asked to create one and nothing less.
std::string probe_oci_runtime(const engine::Config& config);

}  // namespace kukeon::apps
