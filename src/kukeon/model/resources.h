// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "kukeon/reflect/decode.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

// Limits, in the words of cgroup v2 (the kernel's Documentation/admin-guide/cgroup-v2.rst): a field
// is the interface file that it is written to, and an absent one leaves that file alone.
namespace kukeon::model {

struct CpuResources {
  std::optional<std::uint64_t> weight;
  std::optional<std::int64_t> quota;
  std::optional<std::uint64_t> period;
  std::string cpus;
  std::string mems;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("weight", &CpuResources::weight, omitempty,
                       "Share of the CPU against its siblings, 1 to 10000; the kernel's is 100."),
        reflect::field("quota", &CpuResources::quota, omitempty,
                       "CPU time per period in microseconds, 1000 or more; -1: no limit."),
        reflect::field("period", &CpuResources::period, omitempty,
                       "Length of a period in microseconds, 1000 to 1000000; absent: 100000."),
        reflect::field("cpus", &CpuResources::cpus, omitempty, "CPUs to run on, as 0-3,7."),
        reflect::field("mems", &CpuResources::mems, omitempty, "Memory nodes to use, as 0-1."),
    };
  }
  friend bool operator==(const CpuResources&, const CpuResources&) = default;
};

struct MemoryResources {
  std::optional<std::int64_t> min;
  std::optional<std::int64_t> low;
  std::optional<std::int64_t> high;
  std::optional<std::int64_t> max;
  std::optional<std::int64_t> swap;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("min", &MemoryResources::min, omitempty,
                       "Bytes that are never reclaimed, whatever happens."),
        reflect::field("low", &MemoryResources::low, omitempty,
                       "Bytes that are reclaimed only when nothing else can be."),
        reflect::field("high", &MemoryResources::high, omitempty,
                       "Bytes above which it is slowed down and reclaimed from; -1: no limit."),
        reflect::field("max", &MemoryResources::max, omitempty,
                       "Bytes that it cannot exceed; -1: no limit."),
        reflect::field("swap", &MemoryResources::swap, omitempty,
                       "Bytes of swap, beside its memory; -1: no limit."),
    };
  }
  friend bool operator==(const MemoryResources&, const MemoryResources&) = default;
};

struct IoThrottle {
  std::string type;
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::uint64_t rate = 0;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("type", &IoThrottle::type, required,
                       "rbps, wbps (bytes a second), riops or wiops (operations a second)."),
        reflect::field("major", &IoThrottle::major, required, "Major number of the block device."),
        reflect::field("minor", &IoThrottle::minor, required, "Minor number of the block device."),
        reflect::field("rate", &IoThrottle::rate, required, "The limit, above 0."),
    };
  }
  friend bool operator==(const IoThrottle&, const IoThrottle&) = default;
};

struct IoResources {
  std::uint16_t weight = 0;
  reflect::List<IoThrottle> throttle;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("weight", &IoResources::weight, omitempty,
                       "Share of the disks against its siblings, 1 to 10000; the kernel's is 100."),
        reflect::field("throttle", &IoResources::throttle, omitempty, "Limits per device."),
    };
  }
  friend bool operator==(const IoResources&, const IoResources&) = default;
};

struct PidsResources {
  std::optional<std::int64_t> max;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("max", &PidsResources::max, omitempty,
                       "Most processes and threads at a time; -1: no limit."),
    };
  }
  friend bool operator==(const PidsResources&, const PidsResources&) = default;
};

// Limits of a realm, space, stack or cell: of all that lives in it together.
struct CgroupResources {
  std::optional<CpuResources> cpu;
  std::optional<MemoryResources> memory;
  std::optional<IoResources> io;
  std::optional<PidsResources> pids;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("cpu", &CgroupResources::cpu, omitempty, "CPU time."),
        reflect::field("memory", &CgroupResources::memory, omitempty, "Memory and swap."),
        reflect::field("io", &CgroupResources::io, omitempty, "Block devices."),
        reflect::field("pids", &CgroupResources::pids, omitempty, "Processes."),
    };
  }
  friend bool operator==(const CgroupResources&, const CgroupResources&) = default;
};

// Limits of one container: the three of the first version, and those of a layer.
struct ContainerResources : CgroupResources {
  std::optional<std::int64_t> memory_limit_bytes;
  std::optional<std::int64_t> cpu_shares;
  std::optional<std::int64_t> pids_limit;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple_cat(
        std::tuple{
            reflect::field("memoryLimitBytes", &ContainerResources::memory_limit_bytes, omitempty,
                           "Memory limit in bytes; only values above 0 limit."),
            reflect::field("cpuShares", &ContainerResources::cpu_shares, omitempty,
                           "Weight against its siblings when CPU time is short."),
            reflect::field("pidsLimit", &ContainerResources::pids_limit, omitempty,
                           "Most processes at a time; only values above 0 limit."),
        },
        CgroupResources::fields());
  }
  friend bool operator==(const ContainerResources&, const ContainerResources&) = default;
};

// Values that the kernel would refuse, or that contradict each other; paths relative to the struct.
std::vector<reflect::Problem> resource_problems(const CgroupResources& resources);
std::vector<reflect::Problem> resource_problems(const ContainerResources& resources);

// One write to a cgroup v2 interface file.
struct CgroupSetting {
  std::string file;  // "memory.max"
  std::string text;  // "1073741824", "max"

  friend bool operator==(const CgroupSetting&, const CgroupSetting&) = default;
};

// The writes that make a group obey `wanted`. What `before` limited and `wanted` does not goes back
// to the kernel's default.
std::vector<CgroupSetting> cgroup_settings(const CgroupResources& wanted,
                                           const CgroupResources& before = {});

// The controllers that those files belong to: "cpu", "cpuset", "memory", "io", "pids".
std::vector<std::string> controllers_of(const std::vector<CgroupSetting>& settings);

}  // namespace kukeon::model
