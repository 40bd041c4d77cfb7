// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "kukeon/runtime/runtime.h"

namespace kukeon::containerd {

struct Options {
  std::filesystem::path socket = "/run/containerd/containerd.sock";
  std::string snapshotter = "overlayfs";
  std::string oci_runtime = "runc";  // binary name or path handed to containerd's runc shim
  // Where FIFOs and log files have their names until a shim has opened them; it must see the same
  // folder.
  std::filesystem::path streams = "/run/kukeon/streams";
};

// A Runtime over containerd's gRPC API (1.6 to 2.x). Connects lazily and again after a restart of
// containerd.
std::unique_ptr<runtime::Runtime> connect(const Options& options);

}  // namespace kukeon::containerd
