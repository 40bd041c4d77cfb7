// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/host/run_paths.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::cli {
namespace {

// What a kukeond and `kuke init` put into their two directories (runtime.md 1.4). A directory with
// nothing else in it is ours; /home/me with a kukeond.sock in it is not.
constexpr std::array<std::string_view, 15> traces{
    "kukeond.sock", "kukeond.pid", "kukeond.log",  "kukeond.yaml", "daemon.lock",
    "engine.lock",  "state.db",    "state.db-wal", "state.db-shm", "scratch",
    "ip_forward",   "ns",          "secrets",      "containerd",   "s"};
constexpr std::string_view instance_file = ".kukeon-instance.json";

bool is_one_of(const auto& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

// mountinfo writes blank, tab, newline and backslash as \ooo (proc_pid_mountinfo(5)).
std::string unescape(std::string_view text) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      out +=
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0');
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string clean_path(const fs::path& directory) {
  std::string path = fs::absolute(directory).lexically_normal();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

bool is_ours(const fs::path& directory) {
  const std::string path = clean_path(directory);
  if (path == "/run/kukeon" || path == "/opt/kukeon") return true;
  if (std::ranges::count(path, '/') < 2) return false;  // "/", "/tmp", "/srv"
  std::error_code error;
  if (!fs::exists(path, error)) return true;
  fs::directory_iterator entry{path, error};
  if (error) return false;
  bool only_traces = true;
  for (; entry != fs::directory_iterator{}; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name == instance_file) return true;
    only_traces = only_traces && is_one_of(traces, name);
  }
  return only_traces;
}

void require_ours(const fs::path& directory) {
  if (is_ours(directory)) return;
  throw Error{kinds::invalid_argument,
              fmt::format("{} holds files that are not kukeon's: give it a directory of its own",
                          directory.string())};
}

void own_directory(const fs::path& directory, gid_t group) {
  constexpr mode_t mode = 02750;
  require_ours(directory);
  make_directories(directory.parent_path(), 0755);
  make_directories(directory, mode);
  if (::chown(directory.c_str(), 0, group) < 0) {
    throw Error::from_errno(fmt::format("chown {}", directory.string()));
  }
  if (::chmod(directory.c_str(), mode) < 0) {
    throw Error::from_errno(fmt::format("chmod {}", directory.string()));
  }
}

std::vector<std::string> mounts_below(const fs::path& directory, const std::string& mountinfo) {
  const std::string top = clean_path(directory);
  std::vector<std::string> points;
  for (const std::string& line : split(mountinfo, '\n')) {
    const auto columns = split(line, ' ');
    if (columns.size() < 5) continue;
    std::string point = unescape(columns[4]);
    if (point == top || point.starts_with(top + "/")) points.push_back(std::move(point));
  }
  // Later mounts lie over earlier ones and go first.
  std::ranges::reverse(points);
  std::ranges::stable_sort(points, [](const std::string& a, const std::string& b) {
    return std::ranges::count(a, '/') > std::ranges::count(b, '/');
  });
  return points;
}

std::vector<Unmounted> unmount_below(const fs::path& directory) {
  std::vector<Unmounted> report;
  for (const std::string& point : mounts_below(directory, read_file("/proc/self/mountinfo"))) {
    Unmounted entry{point, ""};
    if (::umount2(point.c_str(), UMOUNT_NOFOLLOW) < 0 &&
        ::umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL) {
      entry.error = Error::from_errno("umount").message();
    }
    report.push_back(std::move(entry));
  }
  return report;
}

std::string remove_directory(const fs::path& directory) {
  std::error_code error;
  if (!fs::exists(directory, error)) return "absent";
  if (!is_ours(directory)) return "remove failed: it holds files that are not kukeon's";
  if (!mounts_below(directory, read_file("/proc/self/mountinfo")).empty()) {
    return "remove failed: something is still mounted below it";
  }
  fs::remove_all(directory, error);
  if (error) return "remove failed: " + error.message();
  return "removed";
}

}  // namespace kukeon::cli
