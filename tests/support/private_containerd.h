// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/base/files.h"
#include "kukeon/base/process.h"

namespace kukeon::support {

// A word no other test uses, now or in a concurrent run: "<prefix>-<pid>-<n>". Containerds of one
// host share /run/containerd/s and /run/containerd/runc/<namespace>, whatever their own folders
// are, so every containerd namespace of a test comes from here.
std::string unique_name(std::string_view prefix);

// A containerd of the test's own: root, state, socket and configuration in a temporary directory,
// CRI off. The constructor returns when the socket answers. The destructor ends it together with
// its shims and what they run, and takes away mounts, sockets and runc's state of theirs; a test
// that died leaves it to the kernel to kill it, so make it on the main thread.
class PrivateContainerd {
 public:
  // Why this host cannot run one ("not root"), for GTEST_SKIP.
  static std::optional<std::string> unavailable();

  PrivateContainerd();
  PrivateContainerd(const PrivateContainerd&) = delete;
  PrivateContainerd& operator=(const PrivateContainerd&) = delete;
  ~PrivateContainerd();

  const std::filesystem::path& socket() const { return socket_; }
  const std::filesystem::path& directory() const { return directory_.path(); }
  pid_t pid() const { return process_.pid(); }
  std::string log() const;

  // Its containers live on in between.
  void stop();  // SIGTERM, then SIGKILL after ten seconds
  void kill();  // SIGKILL
  void start();

  // The shims that report to it, of all namespaces or of one.
  std::vector<pid_t> shims(std::string_view ns = {}) const;

 private:
  void write_config() const;
  void end_shims() const;
  void remove_shared_state() const;

  TemporaryDirectory directory_;
  std::filesystem::path socket_;
  Process process_;
};

// Unmounts everything below `directory`, deepest first, so that it can be removed.
void unmount_below(const std::filesystem::path& directory);

}  // namespace kukeon::support
