// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "kukeon/base/fd.h"

namespace kukeon::daemon {

// The listening unix socket and the pid file beside it: made at the start, removed at the end.
class ListenSocket {
 public:
  // Makes the directory, replaces what stands at the path unless another process answers there, and
  // listens (wire.md §10). `group` > 0 may connect too.
  ListenSocket(std::string path, std::string pid_file, gid_t group);
  ListenSocket(const ListenSocket&) = delete;
  ListenSocket& operator=(const ListenSocket&) = delete;
  ~ListenSocket() { remove(); }

  const Fd& fd() const { return fd_; }  // does not block
  const std::string& path() const { return path_; }

  // From now on nobody can connect.
  void stop_listening() { fd_.reset(); }
  // Also unlinks the socket and the pid file, where they are still ours. Idempotent.
  void remove() noexcept;

 private:
  void replace_stale();

  std::string path_;
  std::string pid_file_;
  Fd fd_;
  bool bound_ = false;
  dev_t device_ = 0;  // of the socket's file
  ino_t inode_ = 0;
};

// The peer of a connected unix socket, as it was when it connected.
struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};
Peer peer_of(int socket);

// Root, our own user, and members of `group` (primary or supplementary) when it is > 0.
bool may_connect(int socket, const Peer& peer, gid_t group);

}  // namespace kukeon::daemon
