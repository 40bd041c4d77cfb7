// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "kukeon/base/files.h"

// The directories of an instance: the run path and the one that holds its socket. Making them must
// not change, and removing them must not take along, a directory that is not ours.
namespace kukeon::cli {

// Absent, empty, or with traces of kukeon in it.
bool is_ours(const fs::path& directory);

// Throws for a directory that is not ours.
void require_ours(const fs::path& directory);

// Makes the directory, or takes one that is ours: root and `group`, mode 02750. Throws for any
// other.
void own_directory(const fs::path& directory, gid_t group);

struct Unmounted {
  std::string path;
  std::string error;  // empty: it is gone
};

// Unmounts everything below a directory, deepest first; what is busy is detached.
std::vector<Unmounted> unmount_below(const fs::path& directory);

// Mount points at or below a directory, deepest first, from the text of /proc/self/mountinfo.
std::vector<std::string> mounts_below(const fs::path& directory, const std::string& mountinfo);

// "removed", "absent" or "remove failed: …". Refuses while something is mounted below, and for a
// directory that is not ours.
std::string remove_directory(const fs::path& directory);

}  // namespace kukeon::cli
