// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/devices.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/fd.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"

namespace kukeon::kernel {
namespace {

constexpr const char* host_root = "/proc/1/root";

// Directories of /dev that are file systems of every container's own, or links to open files.
constexpr std::array<std::string_view, 7> private_directories{
    "pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"};
// Runtimes make these two: a link into devpts, and the container's terminal.
constexpr std::array<std::string_view, 2> private_files{"ptmx", "console"};

std::optional<DeviceNode> to_node(const std::string& path, const struct stat& info) {
  if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)) return std::nullopt;
  return DeviceNode{.path = path,
                    .type = S_ISCHR(info.st_mode) ? 'c' : 'b',
                    .major = major(info.st_rdev),
                    .minor = minor(info.st_rdev),
                    .mode = info.st_mode & 07777,
                    .uid = info.st_uid,
                    .gid = info.st_gid};
}

}  // namespace

Devices Devices::of_host() {
  struct stat ours {};
  struct stat host {};
  const bool other = ::stat("/", &ours) == 0 && ::stat(host_root, &host) == 0 &&
                     (ours.st_dev != host.st_dev || ours.st_ino != host.st_ino);
  return Devices{other ? host_root : "/"};
}

DeviceNode Devices::get(const std::string& path) const {
  const Fd root{::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!root) throw Error::from_errno(fmt::format("open {}", root_));
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const Fd file{
      static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how))};
  if (!file) {
    if (errno == ENOENT || errno == ENOTDIR) {
      throw Error{kinds::not_found, fmt::format("the host has no device {}", quote(path))};
    }
    throw Error::from_errno(fmt::format("look up device {}", quote(path)));
  }
  struct stat info {};
  if (::fstat(file.get(), &info) < 0) {
    throw Error::from_errno(fmt::format("look up device {}", quote(path)));
  }
  if (auto node = to_node(path, info)) return std::move(*node);
  const char* const what = S_ISDIR(info.st_mode)    ? "a directory; name the devices in it"
                           : S_ISREG(info.st_mode)  ? "a file; mount it as a volume"
                           : S_ISSOCK(info.st_mode) ? "a socket; mount it as a volume"
                                                    : "neither a character nor a block device";
  throw Error{kinds::invalid_argument, fmt::format("{} is {}", quote(path), what)};
}

std::vector<DeviceNode> Devices::all(std::size_t limit) const {
  std::vector<DeviceNode> nodes;
  const fs::path top = fs::path{root_} / "dev";
  // Entries come and go while we read; what cannot be looked at is not exposed.
  std::error_code gone;
  std::size_t seen = 0;
  for (auto entry =
           fs::recursive_directory_iterator{top, fs::directory_options::skip_permission_denied,
                                            gone};
       !gone && entry != fs::recursive_directory_iterator{}; entry.increment(gone)) {
    const std::string name = entry->path().filename().string();
    if (entry.depth() == 0 &&
        std::ranges::find(private_directories, name) != private_directories.end()) {
      entry.disable_recursion_pending();
      continue;
    }
    if (entry.depth() == 0 && std::ranges::find(private_files, name) != private_files.end()) {
      continue;
    }
    // Directories and links count too: it is the work that is bounded.
    if (++seen > limit * 4 || nodes.size() > limit) {
      throw Error{kinds::failed_precondition,
                  fmt::format("{} holds more than {} devices", top.string(), limit)};
    }
    struct stat info {};
    if (::lstat(entry->path().c_str(), &info) < 0) continue;
    if (auto node =
            to_node((fs::path{"/dev"} / entry->path().lexically_relative(top)).string(), info)) {
      nodes.push_back(std::move(*node));
    }
  }
  std::ranges::sort(nodes, {}, &DeviceNode::path);
  return nodes;
}

}  // namespace kukeon::kernel
