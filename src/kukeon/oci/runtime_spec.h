// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

// The part of the OCI runtime specification (config.json) that kukeon writes and reads back. Names,
// order and omitted zeros are those of runtime-spec's Go types, so the text is what runc and crun
// expect.
namespace kukeon::oci {

inline constexpr std::string_view runtime_spec_version = "1.0.2";

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  reflect::List<std::uint32_t> additional_gids;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("uid", &User::uid, always, "User id inside the container."),
        reflect::field("gid", &User::gid, always, "Primary group id."),
        reflect::field("additionalGids", &User::additional_gids, omitempty,
                       "Supplementary group ids."),
    };
  }
  bool operator==(const User&) const = default;
};

struct LinuxCapabilities {
  reflect::StringList bounding;
  reflect::StringList effective;
  reflect::StringList inheritable;
  reflect::StringList permitted;
  reflect::StringList ambient;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("bounding", &LinuxCapabilities::bounding, omitempty, "Bounding set."),
        reflect::field("effective", &LinuxCapabilities::effective, omitempty, "Effective set."),
        reflect::field("inheritable", &LinuxCapabilities::inheritable, omitempty,
                       "Inheritable set."),
        reflect::field("permitted", &LinuxCapabilities::permitted, omitempty, "Permitted set."),
        reflect::field("ambient", &LinuxCapabilities::ambient, omitempty, "Ambient set."),
    };
  }
  bool operator==(const LinuxCapabilities&) const = default;
};

struct Rlimit {
  std::string type;
  std::uint64_t hard = 0;
  std::uint64_t soft = 0;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("type", &Rlimit::type, always, "RLIMIT_NOFILE and the like."),
        reflect::field("hard", &Rlimit::hard, always, "Hard limit."),
        reflect::field("soft", &Rlimit::soft, always, "Soft limit."),
    };
  }
  bool operator==(const Rlimit&) const = default;
};

struct Process {
  bool terminal = false;
  User user;
  reflect::StringList args;
  reflect::StringList env;
  std::string cwd;
  std::optional<LinuxCapabilities> capabilities;
  reflect::List<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::string apparmor_profile;
  std::optional<std::int64_t> oom_score_adj;
  std::string selinux_label;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("terminal", &Process::terminal, omitempty, "Whether it has a terminal."),
        reflect::field("user", &Process::user, always, "User and groups."),
        reflect::field("args", &Process::args, omitempty, "The argument vector."),
        reflect::field("env", &Process::env, omitempty, "Environment, KEY=value."),
        reflect::field("cwd", &Process::cwd, always, "Working directory."),
        reflect::field("capabilities", &Process::capabilities, omitempty, "Capability sets."),
        reflect::field("rlimits", &Process::rlimits, omitempty, "Resource limits of the process."),
        reflect::field("noNewPrivileges", &Process::no_new_privileges, omitempty,
                       "prctl(PR_SET_NO_NEW_PRIVS)."),
        reflect::field("apparmorProfile", &Process::apparmor_profile, omitempty,
                       "AppArmor profile."),
        reflect::field("oomScoreAdj", &Process::oom_score_adj, omitempty, "oom_score_adj."),
        reflect::field("selinuxLabel", &Process::selinux_label, omitempty, "SELinux label."),
    };
  }
  bool operator==(const Process&) const = default;
};

struct Root {
  std::string path;
  bool readonly = false;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("path", &Root::path, always, "Root file system, relative to the bundle."),
        reflect::field("readonly", &Root::readonly, omitempty, "Mounted read-only."),
    };
  }
  bool operator==(const Root&) const = default;
};

struct Mount {
  std::string destination;
  std::string type;
  std::string source;
  reflect::StringList options;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("destination", &Mount::destination, always, "Path in the container."),
        reflect::field("type", &Mount::type, omitempty, "File system type, or bind."),
        reflect::field("source", &Mount::source, omitempty, "Host path or device."),
        reflect::field("options", &Mount::options, omitempty, "Mount options."),
    };
  }
  bool operator==(const Mount&) const = default;
};

struct LinuxNamespace {
  std::string type;  // pid, network, mount, ipc, uts, user, cgroup
  std::string path;  // empty: a new one

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("type", &LinuxNamespace::type, always, "Kind of namespace."),
        reflect::field("path", &LinuxNamespace::path, omitempty, "Namespace to join."),
    };
  }
  bool operator==(const LinuxNamespace&) const = default;
};

struct LinuxDevice {
  std::string path;
  std::string type;  // c, b, u, p
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::optional<std::uint32_t> file_mode;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("path", &LinuxDevice::path, always, "Path in the container."),
        reflect::field("type", &LinuxDevice::type, always, "c, b, u or p."),
        reflect::field("major", &LinuxDevice::major, always, "Major number."),
        reflect::field("minor", &LinuxDevice::minor, always, "Minor number."),
        reflect::field("fileMode", &LinuxDevice::file_mode, omitempty, "Permission bits."),
        reflect::field("uid", &LinuxDevice::uid, omitempty, "Owner."),
        reflect::field("gid", &LinuxDevice::gid, omitempty, "Group."),
    };
  }
  bool operator==(const LinuxDevice&) const = default;
};

// A rule of the device cgroup.
struct LinuxDeviceCgroup {
  bool allow = false;
  std::string type;
  std::optional<std::int64_t> major;
  std::optional<std::int64_t> minor;
  std::string access;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("allow", &LinuxDeviceCgroup::allow, always, "Allow or deny."),
        reflect::field("type", &LinuxDeviceCgroup::type, omitempty, "a, c or b; empty: all."),
        reflect::field("major", &LinuxDeviceCgroup::major, omitempty, "Absent: all."),
        reflect::field("minor", &LinuxDeviceCgroup::minor, omitempty, "Absent: all."),
        reflect::field("access", &LinuxDeviceCgroup::access, omitempty, "Of r, w and m."),
    };
  }
  bool operator==(const LinuxDeviceCgroup&) const = default;
};

struct LinuxMemory {
  std::optional<std::int64_t> limit;
  std::optional<std::int64_t> reservation;
  std::optional<std::int64_t> swap;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("limit", &LinuxMemory::limit, omitempty, "Memory limit in bytes."),
        reflect::field("reservation", &LinuxMemory::reservation, omitempty, "Soft limit."),
        reflect::field("swap", &LinuxMemory::swap, omitempty, "Memory and swap together."),
    };
  }
  bool operator==(const LinuxMemory&) const = default;
};

struct LinuxCpu {
  std::optional<std::uint64_t> shares;
  std::optional<std::int64_t> quota;
  std::optional<std::uint64_t> period;
  std::string cpus;
  std::string mems;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("shares", &LinuxCpu::shares, omitempty, "Relative weight, 2 to 262144."),
        reflect::field("quota", &LinuxCpu::quota, omitempty, "Microseconds in a period."),
        reflect::field("period", &LinuxCpu::period, omitempty, "Microseconds of a period."),
        reflect::field("cpus", &LinuxCpu::cpus, omitempty, "CPUs to run on."),
        reflect::field("mems", &LinuxCpu::mems, omitempty, "Memory nodes to use."),
    };
  }
  bool operator==(const LinuxCpu&) const = default;
};

struct LinuxPids {
  std::int64_t limit = 0;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("limit", &LinuxPids::limit, always, "Largest number of tasks."),
    };
  }
  bool operator==(const LinuxPids&) const = default;
};

struct LinuxThrottleDevice {
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::uint64_t rate = 0;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("major", &LinuxThrottleDevice::major, always, "Major number."),
        reflect::field("minor", &LinuxThrottleDevice::minor, always, "Minor number."),
        reflect::field("rate", &LinuxThrottleDevice::rate, always, "Bytes or operations a second."),
    };
  }
  bool operator==(const LinuxThrottleDevice&) const = default;
};

struct LinuxBlockIo {
  std::optional<std::uint16_t> weight;
  reflect::List<LinuxThrottleDevice> read_bps;
  reflect::List<LinuxThrottleDevice> write_bps;
  reflect::List<LinuxThrottleDevice> read_iops;
  reflect::List<LinuxThrottleDevice> write_iops;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("weight", &LinuxBlockIo::weight, omitempty, "Relative weight, 10 to 1000."),
        reflect::field("throttleReadBpsDevice", &LinuxBlockIo::read_bps, omitempty, "Limits."),
        reflect::field("throttleWriteBpsDevice", &LinuxBlockIo::write_bps, omitempty, "Limits."),
        reflect::field("throttleReadIOPSDevice", &LinuxBlockIo::read_iops, omitempty, "Limits."),
        reflect::field("throttleWriteIOPSDevice", &LinuxBlockIo::write_iops, omitempty, "Limits."),
    };
  }
  bool operator==(const LinuxBlockIo&) const = default;
};

struct LinuxResources {
  reflect::List<LinuxDeviceCgroup> devices;
  std::optional<LinuxMemory> memory;
  std::optional<LinuxCpu> cpu;
  std::optional<LinuxPids> pids;
  std::optional<LinuxBlockIo> block_io;
  reflect::Labelset unified;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("devices", &LinuxResources::devices, omitempty, "Device rules, in order."),
        reflect::field("memory", &LinuxResources::memory, omitempty, "Memory."),
        reflect::field("cpu", &LinuxResources::cpu, omitempty, "CPU."),
        reflect::field("pids", &LinuxResources::pids, omitempty, "Tasks."),
        reflect::field("blockIO", &LinuxResources::block_io, omitempty, "Block devices."),
        reflect::field("unified", &LinuxResources::unified, omitempty, "Files of cgroup v2."),
    };
  }
  bool operator==(const LinuxResources&) const = default;
};

struct Linux {
  std::optional<LinuxResources> resources;
  std::string cgroups_path;
  reflect::List<LinuxNamespace> namespaces;
  reflect::List<LinuxDevice> devices;
  reflect::JsonText seccomp;  // kept verbatim; empty: no filter
  std::string rootfs_propagation;
  reflect::StringList masked_paths;
  reflect::StringList readonly_paths;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("resources", &Linux::resources, omitempty, "Limits."),
        reflect::field("cgroupsPath", &Linux::cgroups_path, omitempty, "The container's cgroup."),
        reflect::field("namespaces", &Linux::namespaces, omitempty, "Made or joined."),
        reflect::field("devices", &Linux::devices, omitempty, "Device nodes to make."),
        reflect::field("seccomp", &Linux::seccomp, omitempty, "System call filter."),
        reflect::field("rootfsPropagation", &Linux::rootfs_propagation, omitempty,
                       "Mount propagation of the root."),
        reflect::field("maskedPaths", &Linux::masked_paths, omitempty, "Hidden paths."),
        reflect::field("readonlyPaths", &Linux::readonly_paths, omitempty, "Read-only paths."),
    };
  }
  bool operator==(const Linux&) const = default;
};

struct Spec {
  std::string oci_version;
  std::optional<Process> process;
  std::optional<Root> root;
  std::string hostname;
  reflect::List<Mount> mounts;
  reflect::Labelset annotations;
  std::optional<Linux> linux;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("ociVersion", &Spec::oci_version, always, "Version of the specification."),
        reflect::field("process", &Spec::process, omitempty, "What runs."),
        reflect::field("root", &Spec::root, omitempty, "The root file system."),
        reflect::field("hostname", &Spec::hostname, omitempty, "Of the UTS namespace."),
        reflect::field("mounts", &Spec::mounts, omitempty, "Mounts, in order."),
        reflect::field("annotations", &Spec::annotations, omitempty, "For the shim and others."),
        reflect::field("linux", &Spec::linux, omitempty, "Linux specifics."),
    };
  }
  bool operator==(const Spec&) const = default;
};

// The text of config.json, compact.
std::string to_json(const Spec& spec);
std::string to_json(const Process& process);

// Members that we do not write are dropped. Throws decode_failed.
Spec parse_spec(std::string_view json);

}  // namespace kukeon::oci
