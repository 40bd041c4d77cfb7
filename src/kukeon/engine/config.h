// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/image/pull.h"
#include "kukeon/model/restart.h"
#include "kukeon/network/address.h"
#include "kukeon/reflect/field.h"

namespace kukeon::engine {

// Where one engine lives and how it names things. Two engines on one host differ in every one of
// the first six.
struct Config {
  std::filesystem::path run_path = "/opt/kukeon";  // state that survives a reboot
  std::filesystem::path runtime_dir =
      "/run/kukeon";  // pinned namespaces, staged files: lost at reboot
  std::string namespace_suffix = "kukeon.io";
  std::string cgroup_root = "/kukeon";
  network::Subnet pod_subnet = {{0x0A580000}, 16};  // 10.88.0.0/16, cut into /24 per space
  std::filesystem::path pause_binary = "/usr/local/bin/kukepause";

  gid_t group = 0;  // owns sockets and directories; 0: root only
  std::chrono::milliseconds stop_grace{
      5000};  // SIGTERM to SIGKILL when a cell is stopped (runtime.md 3.6)
  std::chrono::milliseconds delete_grace{10000};  // the same when it is deleted (3.7)
  std::chrono::milliseconds kill_wait{5000};      // from SIGKILL to "still alive"
  std::chrono::seconds reconcile_interval{30};    // 0: off
  model::RestartPacing restarts;                  // of workloads that ended
  image::PullOptions pulls;                       // how missing images come in
  // Of a container that has none of its own (runtime.md lesson 42); 0: none.
  std::int64_t default_memory_limit_bytes = 0;
};

// Suffix and cgroup root as runtime.md 1.2 wants them; throws invalid_argument `server
// configuration is invalid`.
void validate(const Config& config);

// `<run_path>/.kukeon-instance.json`: how the engine of a run path names things, written at its
// first start.
struct Instance {
  std::string namespace_suffix;
  std::string cgroup_root;
  std::string runtime_dir;  // ours; where the last daemon had its state of this boot

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("containerdNamespaceSuffix", &Instance::namespace_suffix, always,
                       "End of every containerd namespace of this run path."),
        reflect::field("cgroupRoot", &Instance::cgroup_root, always,
                       "Group above every cgroup of this run path."),
        reflect::field("runtimeDir", &Instance::runtime_dir, omitempty,
                       "Directory of pinned namespaces and sockets."),
    };
  }
  bool operator==(const Instance&) const = default;
};

inline constexpr std::string_view instance_file = ".kukeon-instance.json";

std::optional<Instance> read_instance(const std::filesystem::path& run_path);

// Writes the file where there is none; throws instance_mismatch where suffix or cgroup root are
// others. A copy in the runtime directory marks that as ours.
void claim_instance(const Config& config);

}  // namespace kukeon::engine
