// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kukeon/oci/runtime_spec.h"

namespace kukeon::oci {

// The texts of /etc/passwd and /etc/group of an image; empty where the image has no such file.
struct AccountFiles {
  std::string passwd;
  std::string group;
};

// Who `user` is in an image: "" (root), "uid", "name", "uid:gid", "name:group" or any mix. Numbers
// run from 0 to 2^31-1 and need no entry in the files, names do. Supplementary groups are those
// that list the user; the primary group is always among them (runtime.md 2.3). Throws
// invalid_argument.
User resolve_user(std::string_view user, const AccountFiles& files);

}  // namespace kukeon::oci
