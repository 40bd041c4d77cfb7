// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kukeon/store/store.h"

namespace kukeon::apps {

// The external form of metadata.json: the v1beta1 document, indented by two (runtime.md 1.5).
std::unique_ptr<store::ShadowRenderer> make_shadow_renderer();

}  // namespace kukeon::apps
