// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace kukeon::kernel {

// A character or block device node.
struct DeviceNode {
  std::string path;
  char type = 'c';  // or 'b'
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  mode_t mode = 0;  // permission bits
  uid_t uid = 0;
  gid_t gid = 0;

  bool operator==(const DeviceNode&) const = default;
};

// The device nodes of a file tree: of the host's, which is not our own where the daemon runs in a
// container with a minimal /dev (runtime.md 2.5), or of one that a test made.
class Devices {
 public:
  static Devices of_host();
  explicit Devices(std::string root) : root_{std::move(root)} {}

  // Follows symbolic links, no further than the tree. Throws not_found, invalid_argument for what
  // is no device.
  DeviceNode get(const std::string& path) const;

  // All below /dev, by path, without those that a container has of its own: terminals, shared
  // memory, message queues. Throws failed_precondition where there are more than `limit`.
  std::vector<DeviceNode> all(std::size_t limit = 4096) const;

 private:
  std::string root_;
};

}  // namespace kukeon::kernel
