// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/base/files.h"

namespace kukeon::kernel {

// Which cgroup hierarchies this host has mounted.
struct CgroupLayout {
  enum class Kind { v1, hybrid, unified };
  struct Hierarchy {
    std::string name;  // "cpu", "cpu,cpuacct", "name=systemd"
    fs::path mount;

    bool operator==(const Hierarchy&) const = default;
  };

  std::optional<fs::path> v2;
  std::vector<Hierarchy> v1;

  static CgroupLayout detect();
  // From the text of /proc/self/mountinfo.
  static CgroupLayout parse(std::string_view mountinfo);

  Kind kind() const;
  // Where groups are made: the v2 mount, or on a v1 host its first hierarchy.
  const fs::path& home() const;
  // Every mount, home first.
  std::vector<fs::path> mounts() const;
};

std::string_view to_string(CgroupLayout::Kind kind);

// Control groups by path ("/kukeon/default/web"), below every mount of the layout. A group path
// starts with `/` and has no `.` or `..`; anything else is invalid_argument.
//
// On a hybrid host runc places containers in every hierarchy, so groups are made, looked for and
// removed in all of them: a layer is a group wherever its containers are.
class Cgroups {
 public:
  explicit Cgroups(CgroupLayout layout = CgroupLayout::detect()) : layout_{std::move(layout)} {}

  const CgroupLayout& layout() const { return layout_; }

  // With its parents, in every hierarchy; success when it exists.
  void create(const std::string& group) const;
  bool exists(const std::string& group) const;  // in home()

  // Switches controllers on for the children of every ancestor and of the group itself
  // (runtime.md 2.10). Returns those of `wanted` that the v2 hierarchy has, in that order; on a
  // hybrid host the controllers sit in v1 and the answer is short or empty.
  std::vector<std::string> enable_controllers(const std::string& group,
                                              const std::vector<std::string>& wanted) const;
  // Writes one interface file of a v2 group: "memory.max". not_found where its controller is not
  // enabled; what the kernel refuses is invalid_argument.
  void write(const std::string& group, std::string_view file, std::string_view text) const;
  // The controllers of the v2 hierarchy's top group; empty without one.
  std::vector<std::string> available_controllers() const;

  // Processes in the group and below, in any hierarchy; sorted.
  std::vector<pid_t> processes(const std::string& group) const;

  // SIGKILL to every process in the group and below, and waits until none is left.
  // deadline_exceeded, with their pids, when some are.
  void kill(const std::string& group, std::chrono::milliseconds timeout) const;

  // The group with everything below it, children first, in every hierarchy. Success when it is
  // gone. A process on its way out is waited for; one that stays is failed_precondition.
  void remove(const std::string& group,
              std::chrono::milliseconds timeout = std::chrono::seconds{2}) const;

  // "memory:/kukeon/default": `root` and the groups below it that exist in any hierarchy ("unified"
  // is v2's name here), for the inventory.
  std::vector<std::string> list(const std::string& root) const;

 private:
  CgroupLayout layout_;
};

}  // namespace kukeon::kernel
