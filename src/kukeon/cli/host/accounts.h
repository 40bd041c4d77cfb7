// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

// The group whose members may use the daemon, and the user of the same name.
namespace kukeon::cli {

inline constexpr const char* account_name = "kukeon";

// Read from /etc/group and /etc/passwd ourselves: a static program has no NSS.
std::optional<gid_t> find_group(const std::string& name);
std::optional<uid_t> find_user(const std::string& name);

struct Account {
  std::optional<unsigned> id;  // nullopt: could not be made, see `note`
  bool created = false;
  std::string note;
};

// Make what is missing with groupadd(8) and useradd(8). A host without them gets a note, not an
// error.
Account ensure_group();
Account ensure_user();

// "removed", "absent" or "remove failed: …".
std::string remove_user();
std::string remove_group();

}  // namespace kukeon::cli
