// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/users.h"

#include <grp.h>

#include <cerrno>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error.h"

namespace kukeon::kernel {

std::optional<gid_t> find_group(const std::string& name) {
  constexpr std::size_t largest = std::size_t{1} << 20;  // a group's member list may be long
  for (std::size_t size = 1024; size <= largest; size *= 4) {
    std::vector<char> buffer(size);
    group entry{};
    group* found = nullptr;
    const int err = ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) return entry.gr_gid;
    // getgrnam_r(3): these stand for "no such group" in one name service or another.
    if (err == 0 || err == ENOENT || err == ESRCH || err == EBADF || err == EPERM)
      return std::nullopt;
    if (err != ERANGE && err != EINTR) {
      throw Error::from_errno(fmt::format("look up group {}", name), err);
    }
  }
  throw Error::from_errno(fmt::format("look up group {}", name), ERANGE);
}

}  // namespace kukeon::kernel
