// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/model/container.h"
#include "kukeon/oci/capabilities.h"
#include "kukeon/oci/image_spec.h"
#include "kukeon/oci/runtime_spec.h"
#include "kukeon/oci/seccomp.h"

// From a container of the model to the OCI runtime specification that runs it (runtime.md 2.3
// to 2.6). Pure: what has to be looked up on the host is looked up by the caller and stands in
// BuildInput.
namespace kukeon::oci {

inline constexpr std::string_view default_path_env =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
inline constexpr std::string_view pause_path = "/.kukeon/bin/kukepause";
// Containers whose annotation has the same value share one containerd shim.
inline constexpr std::string_view shim_group_annotation = "io.containerd.runc.v2.group";
inline constexpr std::string_view cni_config_annotation = "io.kukeon.cni.config";

// Namespaces of the cell, pinned by kukeond; an empty path is a new namespace.
struct NamespacePaths {
  std::string net;
  std::string ipc;
  std::string uts;
  std::string pid{};
};

// A host file or directory that is bound into the container read-only.
struct SecretMount {
  std::string host_path;
  std::string target;
};

// A device of the host, and what the container may do with it.
struct ExposedDevice {
  LinuxDevice node;
  std::string access = "rwm";
};

struct BuildInput {
  // With what the daemon fills in: names of its parents, containerd id, cgroup, etc files.
  model::ContainerSpec container;

  // The image: its `config` part, and the user that effective_user() names, looked up in its root
  // file system (oci/user.h).
  ContainerConfig image;
  User user;

  // The cell around it.
  std::string containerd_namespace;  // "default.kukeon.io"
  NamespacePaths namespaces;
  std::string shim_group;  // the cell's root id
  std::string hostname;    // set by the root container; empty: its containerd id

  // Host path of the static pause program; bound into the root container at pause_path.
  std::string pause_binary;

  // What secrets[] came to: NAME=value for the environment, files to bind.
  reflect::StringList secret_env;
  std::vector<SecretMount> secret_mounts;

  // Devices to expose, already looked up: the container's own, and for a privileged one all of the
  // host's. Of two with one path in the container the first counts.
  std::vector<ExposedDevice> devices;

  // The filter of a container that names no other, for the capabilities that it has; none: no
  // filter. Privileged containers go without.
  std::function<std::string(const reflect::StringList& capabilities)> default_seccomp;
  // Profiles that securityOpts `seccomp=<path>` names, in either format: path -> JSON.
  std::map<std::string, std::string, std::less<>> seccomp_profiles;
  SeccompHost host;

  reflect::StringList daemon_capabilities;                      // what `privileged` grants
  reflect::StringList all_capabilities = known_capabilities();  // what `ALL` in add means
  std::optional<std::uint32_t> kukeon_gid;                      // joins additionalGids
  std::int64_t default_memory_limit_bytes = 0;                  // 0: none
  bool cgroup_v2 = false;  // whether containers live in the v2 hierarchy
};

// The user string that counts: the container's, else the image's.
std::string effective_user(const model::ContainerSpec& container, const ContainerConfig& image);

// Throws invalid_argument for what cannot be run: an unknown securityOpt or capability, a seccomp
// profile that is none, no command, a limit that cgroup v1 does not have.
Spec build_container_spec(const BuildInput& input);

// The same for the container that anchors a cell: it carries the host name, and runs the pause
// program where neither it nor its image names a command.
Spec build_root_container_spec(const BuildInput& input);

// Paths of the `seccomp=<path>` opts, for the caller to read.
std::vector<std::string> seccomp_profile_paths(const model::ContainerSpec& container);

// A copy that joins `paths`: the entry of each kind gets the path, or is appended; an empty path
// leaves the kind as it is (runtime.md 2.6).
Spec join_namespaces(const Spec& spec, const NamespacePaths& paths);

}  // namespace kukeon::oci
