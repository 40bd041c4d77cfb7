// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "kukeon/engine/config.h"
#include "kukeon/runtime/runtime.h"
#include "kukeon/v1beta1/parse.h"

namespace kukeon::apps {

struct Options {
  engine::Config engine;
  std::string socket;  // its directory is the engine's runtime_dir
  std::string containerd_socket = "/run/containerd/containerd.sock";
  v1beta1::Validation manifest_validation = v1beta1::Validation::strict;
};

// How a Runtime is reached; src/apps supplies containerd's. What it must hand to shims by name lies
// in a folder of its own below `runtime_dir`.
using ConnectRuntime = std::function<std::unique_ptr<runtime::Runtime>(
    const std::filesystem::path& socket, const std::string& oci_runtime,
    const std::filesystem::path& runtime_dir)>;

// `kukeond serve`: takes the run path, finds or starts containerd, and serves the socket until
// SIGINT or SIGTERM. Throws engine_locked when another kukeond has the run path,
// connect_containerd, instance_mismatch, and what the socket refuses.
void serve(const Options& options, const ConnectRuntime& connect);

// `kukeond stdio`: one connection on standard input and output, for `kuke --no-daemon` and ssh.
// Where a daemon holds the run path it answers reads, and refuses writes naming that daemon.
void serve_private(const Options& options, const ConnectRuntime& connect);

}  // namespace kukeon::apps
