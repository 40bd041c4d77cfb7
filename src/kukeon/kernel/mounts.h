// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kukeon/base/files.h"

namespace kukeon::kernel {

// One line of /proc/<pid>/mountinfo (proc(5)).
struct Mount {
  std::string device;  // "major:minor"
  std::string root;    // which part of its file system is mounted
  fs::path target;
  std::string type;
  std::string source;
  std::string super_options;

  bool operator==(const Mount&) const = default;
};

// Throws decode_failed.
std::vector<Mount> parse_mountinfo(std::string_view text);

// The mounts of this process's mount namespace, in the order they were made.
std::vector<Mount> list_mounts();
// Those at `directory` and below.
std::vector<Mount> list_mounts_below(const fs::path& directory);

void bind_mount(const fs::path& source, const fs::path& target);
// The topmost mount at `target`, detached even when busy; false when nothing is mounted there.
bool unmount(const fs::path& target);
// Everything mounted at `directory` and below, latest first.
void unmount_below(const fs::path& directory);

}  // namespace kukeon::kernel
