// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

#include "kukeon/base/fd.h"
#include "kukeon/base/files.h"

namespace kukeon::kernel {

// Holds a file exclusively (flock(2)) and writes our pid into it, for a message to those who find
// it taken. The kernel lets go when the process ends, however it ends; the file stays.
class FileLock {
 public:
  // Makes the file where it is missing. nullopt when somebody holds it.
  static std::optional<FileLock> try_lock(const fs::path& path);
  // Waits; engine_locked, naming the holder, at the deadline.
  static FileLock lock(const fs::path& path, std::chrono::milliseconds timeout);
  // Who holds it now; 0 when that one has not written its pid yet.
  static std::optional<pid_t> holder(const fs::path& path);

 private:
  explicit FileLock(Fd fd) : fd_{std::move(fd)} {}

  Fd fd_;
};

}  // namespace kukeon::kernel
