// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/isolation.h"

#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/kernel/netlink.h"

namespace kukeon::kernel {

std::optional<std::string> isolate_process() {
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) < 0) {
    return fmt::format("needs root to have namespaces of its own: {}",
                       std::generic_category().message(errno));
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) {
    throw Error::from_errno("make all mounts private");
  }
  Netlink netlink;
  netlink.set_up(netlink.find("lo").value().index);
  return std::nullopt;
}

}  // namespace kukeon::kernel
