// SPDX-License-Identifier: Apache-2.0
#include "kukeon/daemon/listen_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/base/strings.h"

namespace kukeon::daemon {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    throw Error{kinds::invalid_argument, fmt::format("socket path {} must have 1 to {} bytes",
                                                     quote(path), sizeof address.sun_path - 1)};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Fd new_socket() {
  Fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket) throw Error::from_errno("create a socket");
  return socket;
}

}  // namespace

ListenSocket::ListenSocket(std::string path, std::string pid_file, gid_t group)
    : path_{std::move(path)}, pid_file_{std::move(pid_file)} {
  const sockaddr_un address = address_of(path_);
  const fs::path directory = fs::absolute(path_).parent_path();
  if (pid_file_.empty()) pid_file_ = (directory / "kukeond.pid").string();
  make_directories(directory, 0755);
  make_directories(fs::absolute(pid_file_).parent_path(), 0755);

  // Two daemons that start at once must not take each other's fresh socket for a stale one.
  const Fd lock = open_file(directory.string(), O_RDONLY | O_DIRECTORY);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) < 0) {
    if (errno != EWOULDBLOCK) throw Error::from_errno(fmt::format("lock {}", directory.string()));
    throw Error{kinds::failed_precondition,
                fmt::format("another kukeond is starting on {}", path_)};
  }
  replace_stale();

  Fd socket = new_socket();
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    throw Error::from_errno(fmt::format("bind {}", path_));
  }
  struct stat info {};
  if (::lstat(path_.c_str(), &info) < 0) throw Error::from_errno(fmt::format("look up {}", path_));
  device_ = info.st_dev;
  inode_ = info.st_ino;
  fd_ = std::move(socket);
  bound_ = true;
  try {
    // Nobody can connect before listen(), so the mode is in force from the first client on.
    if (group > 0 && ::chown(path_.c_str(), 0, group) < 0) {
      log::warn("the socket's group cannot be set", {{"socket", path_}, {"gid", group}});
    }
    if (::chmod(path_.c_str(), group > 0 ? 0660 : 0600) < 0) {
      throw Error::from_errno(fmt::format("chmod {}", path_));
    }
    if (::listen(fd_.get(), SOMAXCONN) < 0) {
      throw Error::from_errno(fmt::format("listen on {}", path_));
    }
    write_file_atomically(pid_file_, fmt::format("{}\n", ::getpid()), 0644);
  } catch (...) {
    remove();
    throw;
  }
}

void ListenSocket::replace_stale() {
  struct stat info {};
  if (::lstat(path_.c_str(), &info) < 0) {
    if (errno == ENOENT) return;
    throw Error::from_errno(fmt::format("look up {}", path_));
  }
  if (S_ISSOCK(info.st_mode)) {
    const Fd probe = new_socket();
    const sockaddr_un address = address_of(path_);
    // EAGAIN: alive, with a full backlog.
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
        errno == EAGAIN) {
      const pid_t pid = peer_of(probe.get()).pid;
      throw Error{kinds::failed_precondition,
                  pid > 0 ? fmt::format("another kukeond (pid {}) is serving {}", pid, path_)
                          : fmt::format("another kukeond is serving {}", path_)};
    }
    if (errno != ECONNREFUSED) throw Error::from_errno(fmt::format("probe {}", path_));
    log::info("replacing a stale socket", {{"socket", path_}});
  }
  if (::unlink(path_.c_str()) < 0) throw Error::from_errno(fmt::format("remove {}", path_));
}

void ListenSocket::remove() noexcept {
  stop_listening();
  if (!std::exchange(bound_, false)) return;
  try {
    struct stat info {};
    if (::lstat(path_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_) {
      ::unlink(path_.c_str());
    }
    if (read_file_if_exists(pid_file_, 64) == fmt::format("{}\n", ::getpid())) {
      ::unlink(pid_file_.c_str());
    }
  } catch (...) {
    log::warn("socket or pid file stays behind",
              {{"socket", path_}, {"error", current_exception_text()}});
  }
}

Peer peer_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
    throw Error::from_errno("ask for the peer of a socket");
  }
  return {peer.pid, peer.uid, peer.gid};
}

bool may_connect(int socket, const Peer& peer, gid_t group) {
  if (peer.uid == 0 || peer.uid == ::geteuid()) return true;
  if (group == 0) return false;
  if (peer.gid == group) return true;
  // The first call fails with ERANGE and says how much room the groups need.
  socklen_t size = 0;
  std::vector<gid_t> groups;
  while (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) < 0) {
    if (errno != ERANGE || size / sizeof(gid_t) <= groups.size()) return false;
    groups.resize(size / sizeof(gid_t));
  }
  groups.resize(size / sizeof(gid_t));
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

}  // namespace kukeon::daemon
