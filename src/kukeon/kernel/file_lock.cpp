// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/file_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"

namespace kukeon::kernel {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// False when somebody holds a lock that excludes ours.
bool try_flock(const Fd& fd, int operation, const fs::path& path) {
  while (::flock(fd.get(), operation | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) throw Error::from_errno(fmt::format("lock {}", path.string()));
  }
  return true;
}

// flock(2) has no timeout. The usual end of a holder is that its process ends, and a pidfd tells
// that; one that lets go and lives on is noticed a little later.
void wait_for_release(std::optional<pid_t> holder, milliseconds at_most) {
  const auto slice = std::min(at_most, milliseconds{50});
  Fd process;
  if (holder && *holder > 0 && *holder != ::getpid()) process = open_pidfd(*holder);
  pollfd event{process.get(), POLLIN, 0};
  ::poll(&event, 1, static_cast<int>(slice.count()));
}

std::string describe(std::optional<pid_t> holder) {
  if (holder && *holder > 0) return fmt::format("process {}", *holder);
  return "another process";
}

}  // namespace

std::optional<FileLock> FileLock::try_lock(const fs::path& path) {
  Fd fd = open_file(path.string(), O_RDWR | O_CREAT | O_NOFOLLOW, 0644);
  if (!try_flock(fd, LOCK_EX, path)) return std::nullopt;
  if (::ftruncate(fd.get(), 0) < 0) throw Error::from_errno(fmt::format("write {}", path.string()));
  write_all(fd.get(), fmt::format("{}\n", ::getpid()), path.string());
  return FileLock{std::move(fd)};
}

FileLock FileLock::lock(const fs::path& path, milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  for (;;) {
    if (auto held = try_lock(path)) return std::move(*held);
    const auto who = holder(path);
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    if (left <= milliseconds::zero()) {
      throw Error{kinds::engine_locked,
                  fmt::format("{} is held by {}", path.string(), describe(who))};
    }
    wait_for_release(who, left);
  }
}

std::optional<pid_t> FileLock::holder(const fs::path& path) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) {
    if (errno == ENOENT) return std::nullopt;
    throw Error::from_errno(fmt::format("open {}", path.string()));
  }
  if (try_flock(fd, LOCK_SH, path)) return std::nullopt;
  const auto pid = parse_integer(trim(read_file(path, 64)));
  return pid ? static_cast<pid_t>(*pid) : 0;
}

}  // namespace kukeon::kernel
