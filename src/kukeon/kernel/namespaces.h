// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kukeon/base/fd.h"
#include "kukeon/base/files.h"

namespace kukeon::kernel {

// A network, an ipc and a uts namespace kept alive by the bind mounts `<directory>/{net,ipc,uts}`,
// for containers that join by path (design D11). They outlive the daemon: the object only names
// them.
//
// The directory needs no mount of its own. Where its file system is shared (systemd) the pins
// appear in every mount namespace that follows; elsewhere containerd runs in ours. A private copy
// of the mount table made meanwhile holds a pin only until remove() unlinks the file: that detaches
// the mount in every other mount namespace (mount_namespaces(7), since Linux 3.18).
class PinnedNamespaces {
 public:
  explicit PinnedNamespaces(fs::path directory) : directory_{std::move(directory)} {}

  // Makes the namespaces, or keeps the three that are there (fewer are a crash's leftovers, and
  // go); sets the host name and brings loopback up. Safe in a process with many threads.
  void create(const std::string& hostname) const;
  bool exists() const;
  // Unpins; a namespace ends when nobody is in it. Success when there is nothing.
  void remove() const;

  const fs::path& directory() const { return directory_; }
  fs::path net() const { return directory_ / "net"; }
  fs::path ipc() const { return directory_ / "ipc"; }
  fs::path uts() const { return directory_ / "uts"; }

 private:
  fs::path directory_;
};

// The names of the pin directories below `root`, complete or not, sorted; for the inventory.
std::vector<std::string> list_pinned(const fs::path& root);

// Opens a namespace file: a pin, or /proc/<pid>/ns/net. Throws when it is not a namespace, as an
// unpinned mount point is.
Fd open_namespace(const fs::path& path);
bool is_namespace(const fs::path& path);
bool same_namespace(const Fd& a, const Fd& b);

// Puts this thread into `netns`; leaving the scope brings it back.
class NetnsVisit {
 public:
  explicit NetnsVisit(const Fd& netns);
  ~NetnsVisit();  // aborts when there is no way back: a pool thread must not go on in a cell's
                  // network
  NetnsVisit(const NetnsVisit&) = delete;
  NetnsVisit& operator=(const NetnsVisit&) = delete;

 private:
  Fd home_;
};

}  // namespace kukeon::kernel
