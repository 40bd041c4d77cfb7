// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kukeon/base/error.h"

// Internal to this folder: what the shim and the OCI runtime say when a task does not start.
namespace kukeon::containerd {

// The error of a failed start in a person's words. What the user wrote wrongly (a command that the
// image lacks, a working directory that is a file) becomes invalid_argument; the runtime's layers
// of "failed to create" are dropped, its cause stays.
Error to_start_error(const Error& error);

// Whether a start failed because the shim it was sent to had just gone.
bool is_lost_shim(std::string_view message);

// Whether a start met a task of the same name that containerd is still clearing away: one whose
// client was killed in the middle of its own start.
bool is_unfinished_cleanup(std::string_view message);

}  // namespace kukeon::containerd
