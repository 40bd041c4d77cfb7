// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/model/names.h"
#include "kukeon/model/resources.h"
#include "kukeon/model/shared.h"

namespace kukeon::model {

// The first seven are those of documents and of the wire, the others are told beside them
// (ContainerStatus::exact_state).
enum class ContainerState {
  pending,
  ready,
  stopped,
  paused,
  pausing,
  failed,
  unknown,
  not_created,
  exited,
  error,
};

// Nothing and an empty struct differ: the empty one is `{}` in texts and keeps space defaults away.
struct ContainerCapabilities {
  reflect::StringList drop;
  reflect::StringList add;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("drop", &ContainerCapabilities::drop, omitempty,
                       "Capabilities to take away, CAP_ optional; ALL empties the set."),
        reflect::field("add", &ContainerCapabilities::add, omitempty,
                       "Capabilities to grant, after drop."),
    };
  }
  friend bool operator==(const ContainerCapabilities&, const ContainerCapabilities&) = default;
};

struct ContainerTmpfsMount {
  std::string path;
  std::int64_t size_bytes = 0;
  reflect::StringList options;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("path", &ContainerTmpfsMount::path, required,
                       "Where in the container; a blank entry is passed over."),
        reflect::field("sizeBytes", &ContainerTmpfsMount::size_bytes, omitempty,
                       "Size limit in bytes; 0 leaves the kernel's default."),
        reflect::field("options", &ContainerTmpfsMount::options, omitempty,
                       "Mount options after nosuid and nodev."),
    };
  }
  friend bool operator==(const ContainerTmpfsMount&, const ContainerTmpfsMount&) = default;
};

// A reference to a value on the daemon's host; the value itself is never stored or returned.
struct ContainerSecret {
  std::string name;
  std::string from_file;
  std::string from_env;
  std::string mount_path;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("name", &ContainerSecret::name, required,
                       "Name of the environment variable, or of the staged file."),
        reflect::field("fromFile", &ContainerSecret::from_file, omitempty,
                       "File on the daemon's host that holds the value."),
        reflect::field("fromEnv", &ContainerSecret::from_env, omitempty,
                       "Variable in the daemon's environment that holds the value."),
        reflect::field("mountPath", &ContainerSecret::mount_path, omitempty,
                       "Absolute path of a read-only file; empty: an environment variable."),
    };
  }
  friend bool operator==(const ContainerSecret&, const ContainerSecret&) = default;
};

struct VolumeMount {
  std::string kind;
  std::string source;
  std::string target;
  bool read_only = false;
  std::int64_t size_bytes = 0;
  std::uint32_t mode = 0;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("kind", &VolumeMount::kind, omitempty,
                       "bind or tmpfs; empty means bind and stays empty."),
        reflect::field("source", &VolumeMount::source, omitempty,
                       "Absolute host path of a bind mount; a tmpfs has none."),
        reflect::field("target", &VolumeMount::target, required, "Absolute path in the container."),
        reflect::field("readOnly", &VolumeMount::read_only, omitempty, "Mount it read-only."),
        reflect::field("sizeBytes", &VolumeMount::size_bytes, omitempty,
                       "Size limit of a tmpfs in bytes; 0 leaves the kernel's default."),
        reflect::field("mode", &VolumeMount::mode, omitempty,
                       "Permission bits of a tmpfs, written as a number (0755 in YAML is octal)."),
    };
  }
  friend bool operator==(const VolumeMount&, const VolumeMount&) = default;
};

// What an entry of `devices` asks for.
struct DeviceMapping {
  std::string host_path;
  std::string container_path;
  std::string access = "rwm";  // of the device cgroup: read, write, mknod

  friend bool operator==(const DeviceMapping&, const DeviceMapping&) = default;
};

// "/dev/fuse", "/dev/sda:/dev/disk", "/dev/sda:r", "/dev/sda:/dev/disk:rw", as Docker has it.
// Throws invalid_argument.
DeviceMapping parse_device(std::string_view text);

struct TtyStage {
  std::string script;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("script", &TtyStage::script, omitempty, "Shell text to run."),
    };
  }
  friend bool operator==(const TtyStage&, const TtyStage&) = default;
};

struct ContainerTty {
  std::string prompt;
  reflect::List<TtyStage> on_init;
  std::string log_file;

  // An empty block counts as none.
  bool is_empty() const;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("prompt", &ContainerTty::prompt, omitempty,
                       "Prompt expression of the shell."),
        reflect::field("onInit", &ContainerTty::on_init, omitempty,
                       "Scripts to run in order when the shell first starts."),
        reflect::field("logFile", &ContainerTty::log_file, omitempty,
                       "Path in the container of the terminal wrapper's own log."),
    };
  }
  friend bool operator==(const ContainerTty&, const ContainerTty&) = default;
};

struct ContainerSpec {
  std::string id;
  std::string containerd_id;
  std::string realm_name;
  std::string space_name;
  std::string stack_name;
  std::string cell_name;
  bool root = false;
  std::string image;
  std::string command;
  reflect::StringList args;
  std::string working_dir;
  reflect::StringList env;
  reflect::StringList ports;
  reflect::List<VolumeMount> volumes;
  reflect::StringList networks;
  reflect::StringList networks_aliases;
  bool privileged = false;
  bool host_network = false;
  bool host_pid = false;
  bool host_cgroup = false;
  std::string user;
  bool read_only_root_filesystem = false;
  std::optional<ContainerCapabilities> capabilities;
  reflect::StringList security_opts;
  reflect::StringList devices;
  reflect::List<ContainerTmpfsMount> tmpfs;
  std::optional<ContainerResources> resources;
  reflect::List<ContainerSecret> secrets;
  std::string cni_config_path;
  std::string restart_policy;
  std::optional<std::int64_t> restart_backoff_seconds;
  std::optional<std::int64_t> restart_max_retries;
  bool attachable = false;
  std::optional<ContainerTty> tty;

  // Filled in when the container is made; never stored and never on the wire (model.md 4.1).
  bool nested_cgroup_runtime = false;  // of the cell
  std::string cell_cgroup_path;        // the task goes below it; empty: the runtime's own place
  std::string etc_hosts_path;          // host file to mount at /etc/hosts; empty: none
  std::string etc_hostname_path;       // host file to mount at /etc/hostname; empty: none
  std::string cell_profile_name;       // KUKEON_CELL_PROFILE_NAME

  Path path() const { return {realm_name, space_name, stack_name, cell_name, id}; }

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("id", &ContainerSpec::id, required | immutable,
                       "Name of the container within its cell."),
        reflect::field("containerdId", &ContainerSpec::containerd_id, omitempty | derived,
                       "Its id in containerd; filled in by the daemon."),
        reflect::field("realmId", &ContainerSpec::realm_name, always | derived,
                       "Name of the realm it belongs to."),
        reflect::field("spaceId", &ContainerSpec::space_name, always | derived,
                       "Name of the space it belongs to."),
        reflect::field("stackId", &ContainerSpec::stack_name, always | derived,
                       "Name of the stack it belongs to."),
        reflect::field("cellId", &ContainerSpec::cell_name, always | derived,
                       "Name of the cell it belongs to."),
        reflect::field("root", &ContainerSpec::root, omitempty | recreate,
                       "Whether it owns the cell's namespaces; at most one per cell."),
        reflect::field("image", &ContainerSpec::image, required | recreate,
                       "Image reference to run."),
        reflect::field("command", &ContainerSpec::command, recreate,
                       "Program to run; empty keeps the image's entrypoint unless args are given."),
        reflect::field("args", &ContainerSpec::args, recreate,
                       "Arguments of the command; alone they replace the whole command line."),
        reflect::field("workingDir", &ContainerSpec::working_dir, omitempty | recreate,
                       "Working directory; empty: the image's."),
        reflect::field("env", &ContainerSpec::env, recreate,
                       "Environment as NAME=value; wins over the KUKEON_ variables."),
        reflect::field("ports", &ContainerSpec::ports, recreate,
                       "Ports, for information; nothing is published."),
        reflect::field("volumes", &ContainerSpec::volumes, recreate,
                       "Host paths and memory file systems to mount."),
        reflect::field("networks", &ContainerSpec::networks, recreate,
                       "Networks, for information; the space decides."),
        reflect::field("networksAliases", &ContainerSpec::networks_aliases, recreate,
                       "Network aliases, for information."),
        reflect::field("privileged", &ContainerSpec::privileged, recreate,
                       "All capabilities and devices, nothing masked."),
        reflect::field("hostNetwork", &ContainerSpec::host_network, omitempty | immutable,
                       "Share the host's network namespace."),
        reflect::field("hostPID", &ContainerSpec::host_pid, omitempty | immutable,
                       "Share the host's process namespace."),
        reflect::field("hostCgroup", &ContainerSpec::host_cgroup, omitempty | immutable,
                       "Share the parent's cgroup namespace instead of having its own."),
        reflect::field("user", &ContainerSpec::user, omitempty | recreate,
                       "User to run as: name or number, with an optional :group."),
        reflect::field("readOnlyRootFilesystem", &ContainerSpec::read_only_root_filesystem,
                       omitempty | recreate, "Mount the root file system read-only."),
        reflect::field("capabilities", &ContainerSpec::capabilities, omitempty | recreate,
                       "Capabilities to drop and add."),
        reflect::field("securityOpts", &ContainerSpec::security_opts, omitempty | recreate,
                       "no-new-privileges[=bool], seccomp=unconfined or seccomp=<profile path>."),
        reflect::field("devices", &ContainerSpec::devices, omitempty | recreate,
                       "Device nodes of the host, as path[:path in the container][:rwm]."),
        reflect::field("tmpfs", &ContainerSpec::tmpfs, omitempty | recreate,
                       "Memory file systems to mount."),
        reflect::field("resources", &ContainerSpec::resources, omitempty | recreate,
                       "Limits on memory, CPU, disks and processes."),
        reflect::field("secrets", &ContainerSpec::secrets, omitempty | recreate,
                       "Values read on the daemon's host, passed as variables or files."),
        reflect::field("cniConfigPath", &ContainerSpec::cni_config_path, omitempty | derived,
                       "Conflist of its space; filled in by the daemon."),
        reflect::field("restartPolicy", &ContainerSpec::restart_policy, live,
                       "What to do when it exits: always, on-failure or never; empty: never."),
        reflect::field("restartBackoffSeconds", &ContainerSpec::restart_backoff_seconds,
                       omitempty | live,
                       "Longest pause before a restart; needs always or on-failure."),
        reflect::field("restartMaxRetries", &ContainerSpec::restart_max_retries, omitempty | live,
                       "Restarts before it is given up, 1 or more; needs on-failure."),
        reflect::field("attachable", &ContainerSpec::attachable, omitempty | recreate,
                       "Run it under a terminal that `kuke attach` can join."),
        reflect::field("tty", &ContainerSpec::tty, omitempty | recreate,
                       "Settings of that terminal; requires attachable."),
    };
  }
  friend bool operator==(const ContainerSpec&, const ContainerSpec&) = default;
};

struct ContainerStatus {
  std::string name;
  std::string id;
  ContainerState state = ContainerState::pending;
  std::string exact_state;  // only in documents: v1beta1::from_model()
  std::int64_t restart_count = 0;
  std::int64_t restart_attempts = 0;
  Timestamp restart_time;
  Timestamp start_time;
  Timestamp finish_time;
  std::int64_t exit_code = 0;
  std::string exit_signal;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("name", &ContainerStatus::name, always | derived, "Name of the container."),
        reflect::field("id", &ContainerStatus::id, always | derived, "The same as name."),
        reflect::field("state", &ContainerStatus::state, always | derived, "State of its task."),
        reflect::field("exactState", &ContainerStatus::exact_state, omitempty | derived,
                       "NotCreated, Exited or Error, where state can only say Stopped."),
        reflect::field("restartCount", &ContainerStatus::restart_count, always | derived,
                       "How often it was restarted."),
        reflect::field("restartAttempts", &ContainerStatus::restart_attempts, omitempty | derived,
                       "Restarts since it last ran for a while; the pause before the next grows "
                       "with it."),
        reflect::field("restartTime", &ContainerStatus::restart_time, always | derived,
                       "When it was last restarted."),
        reflect::field("startTime", &ContainerStatus::start_time, always | derived,
                       "When its task was first seen running."),
        reflect::field("finishTime", &ContainerStatus::finish_time, always | derived,
                       "When its task ended."),
        reflect::field("exitCode", &ContainerStatus::exit_code, always | derived,
                       "Exit code of the last task; 128 and above: ended by a signal."),
        reflect::field("exitSignal", &ContainerStatus::exit_signal, always | derived,
                       "Name of the signal that ended the last task."),
    };
  }
  friend bool operator==(const ContainerStatus&, const ContainerStatus&) = default;
};

struct Container {
  Metadata metadata;
  ContainerSpec spec;
  ContainerStatus status;

  Path path() const {
    Path out = spec.path();
    if (out.container.empty()) out.container = metadata.name;
    return out;
  }

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("metadata", &Container::metadata, always, "Name and labels."),
        reflect::field("spec", &Container::spec, always, "What is wanted."),
        reflect::field("status", &Container::status, always | derived, "What is."),
    };
  }
  friend bool operator==(const Container&, const Container&) = default;
};

}  // namespace kukeon::model

template <>
struct kukeon::reflect::Labels<kukeon::model::ContainerState> {
  static constexpr std::string_view what = "container state";
  static constexpr std::array<std::string_view, 10> words{
      "Pending", "Ready",   "Stopped",    "Paused", "Pausing",
      "Failed",  "Unknown", "NotCreated", "Exited", "Error"};
};
