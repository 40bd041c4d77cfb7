// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/cgroup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/process.h"
#include "kukeon/base/step.h"
#include "kukeon/base/strings.h"
#include "kukeon/kernel/mounts.h"

namespace kukeon::kernel {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Words of a mount's options that are not controllers.
bool is_controller(const std::string& option) {
  static const std::set<std::string, std::less<>> others{
      "rw", "ro", "noprefix", "xattr", "clone_children", "favordynmods", "none", "cpuset_v2_mode"};
  return !others.contains(option) && !option.starts_with("release_agent=");
}

void check_group(std::string_view group) {
  if (group.empty()) throw Error{kinds::invalid_argument, "cgroup path is empty"};
  bool good = group.front() == '/' && group.size() > 1;
  for (const std::string& part : split(group.substr(1), '/')) {
    good = good && !part.empty() && part != "." && part != "..";
  }
  if (!good || group.find('\0') != std::string_view::npos ||
      group.find('\n') != std::string_view::npos) {
    throw Error{kinds::invalid_argument, fmt::format("{} is not a cgroup path", quote(group))};
  }
}

fs::path below(const fs::path& mount, std::string_view group) {
  return mount / fs::path{group}.relative_path();
}

// A kernel file of a group that may be going away meanwhile: then, empty.
std::string read_group_file(const fs::path& path) {
  try {
    return read_file_if_exists(path).value_or("");
  } catch (const Error& error) {
    // A threaded group has no cgroup.procs to read (EOPNOTSUPP).
    if (error.os_error() == ENODEV || error.os_error() == EOPNOTSUPP) return "";
    throw;
  }
}

std::vector<std::string> words_of(const fs::path& path) {
  std::vector<std::string> words = split(trim(read_group_file(path)), ' ');
  std::erase(words, "");
  return words;
}

std::vector<fs::path> children(const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator at{directory, error}, end; !error && at != end; at.increment(error)) {
    if (at->is_directory(error)) found.push_back(at->path());
  }
  if (error && error != std::errc::no_such_file_or_directory &&
      error != std::errc::no_such_device) {
    throw Error::from_errno(fmt::format("list {}", directory.string()), error.value());
  }
  return found;
}

template <class Visit>
void visit_tree(const fs::path& directory, const Visit& visit) {
  for (const fs::path& child : children(directory)) visit_tree(child, visit);
  visit(directory);
}

void add_processes(const fs::path& directory, std::set<pid_t>& into) {
  for (const std::string& line : split(read_group_file(directory / "cgroup.procs"), '\n')) {
    // 0 stands for a process that our pid namespace does not see.
    if (const auto pid = parse_integer(line); pid && *pid > 0)
      into.insert(static_cast<pid_t>(*pid));
  }
}

milliseconds left_until(steady_clock::time_point deadline) {
  return std::max(milliseconds::zero(),
                  std::chrono::ceil<milliseconds>(deadline - steady_clock::now()));
}

// Blocks until something may have changed in a group that cannot be removed: a process of it ended,
// v2's cgroup.events moved, or, for what has no event (a child that another process makes), a few
// milliseconds.
void wait_for_change(const fs::path& directory, milliseconds at_most) {
  std::vector<pollfd> events;
  const Fd populated{::open((directory / "cgroup.events").c_str(), O_RDONLY | O_CLOEXEC)};
  if (populated) {
    char text[256];
    (void)!::read(populated.get(), text, sizeof text);  // arms POLLPRI
    events.push_back({populated.get(), POLLPRI, 0});
  }
  std::set<pid_t> pids;
  add_processes(directory, pids);
  std::vector<Fd> processes;
  for (const pid_t pid : pids) {
    processes.push_back(open_pidfd(pid));
    events.push_back({processes.back().get(), POLLIN, 0});
  }
  // A process leaves its v1 group a moment after its pidfd tells, so the wait is short in either
  // case.
  const auto slice = std::min(at_most, milliseconds{pids.empty() ? 2 : 20});
  ::poll(events.data(), events.size(), static_cast<int>(slice.count()));
}

void remove_group(const fs::path& directory, steady_clock::time_point deadline) {
  for (;;) {
    for (const fs::path& child : children(directory)) remove_group(child, deadline);
    if (::rmdir(directory.c_str()) == 0 || errno == ENOENT || errno == ENODEV) return;
    if (errno != EBUSY)
      throw Error::from_errno(fmt::format("remove cgroup {}", directory.string()));
    const milliseconds left = left_until(deadline);
    if (left == milliseconds::zero()) {
      std::set<pid_t> pids;
      add_processes(directory, pids);
      throw Error{kinds::failed_precondition,
                  pids.empty() ? fmt::format("cgroup {} stays busy", directory.string())
                               : fmt::format("cgroup {} still has processes: {}",
                                             directory.string(), fmt::join(pids, ", "))};
    }
    wait_for_change(directory, left);
  }
}

// A daemon in a cgroup namespace of its own sits in the top group, which then may not have
// controllers for its children ("no internal processes", cgroups(7)).
void evacuate_top(const fs::path& top) {
  if (read_file("/proc/self/cgroup", 65536).find("0::/\n") == std::string::npos) return;
  const std::string events = read_group_file(top / "cgroup.events");
  if (events.find("populated 1") == std::string::npos) return;
  const fs::path leaf = top / "__bootstrap";
  make_directories(leaf, 0750);
  for (int round = 0; round < 100; ++round) {  // processes fork while we move them
    std::set<pid_t> pids;
    add_processes(top, pids);
    if (pids.empty()) return;
    for (const pid_t pid : pids) {
      try {
        write_file_in_place(leaf / "cgroup.procs", fmt::to_string(pid));
      } catch (const Error& error) {
        if (error.os_error() != ESRCH) throw;
      }
    }
  }
  throw Error{kinds::failed_precondition,
              fmt::format("processes keep appearing in cgroup {}", top.string())};
}

}  // namespace

CgroupLayout CgroupLayout::detect() { return parse(read_file("/proc/self/mountinfo")); }

CgroupLayout CgroupLayout::parse(std::string_view mountinfo) {
  CgroupLayout layout;
  for (const Mount& mount : parse_mountinfo(mountinfo)) {
    if (mount.type == "cgroup2" && !layout.v2) layout.v2 = mount.target;
    if (mount.type != "cgroup") continue;
    std::vector<std::string> controllers = split(mount.super_options, ',');
    std::erase_if(controllers, [](const std::string& option) { return !is_controller(option); });
    const std::string name = join(controllers, ",");
    const bool again =
        std::ranges::any_of(layout.v1, [&](const auto& h) { return h.name == name; });
    if (!again) layout.v1.push_back({name, mount.target});
  }
  return layout;
}

CgroupLayout::Kind CgroupLayout::kind() const {
  if (!v2) return Kind::v1;
  return v1.empty() ? Kind::unified : Kind::hybrid;
}

const fs::path& CgroupLayout::home() const {
  if (v2) return *v2;
  if (!v1.empty()) return v1.front().mount;
  throw Error{kinds::failed_precondition,
              "no cgroup file system is mounted; mount one: mount -t cgroup2 none /sys/fs/cgroup"};
}

std::vector<fs::path> CgroupLayout::mounts() const {
  std::vector<fs::path> all;
  if (v2) all.push_back(*v2);
  for (const Hierarchy& hierarchy : v1) all.push_back(hierarchy.mount);
  return all;
}

std::string_view to_string(CgroupLayout::Kind kind) {
  switch (kind) {
    case CgroupLayout::Kind::v1:
      return "v1";
    case CgroupLayout::Kind::hybrid:
      return "hybrid";
    case CgroupLayout::Kind::unified:
      return "v2";
  }
  return "unknown";
}

void Cgroups::create(const std::string& group) const {
  step("cgroup.create", [&] {
    check_group(group);
    during(fmt::format("creating cgroup {}", group), [&] {
      for (const fs::path& mount : layout_.mounts()) make_directories(below(mount, group), 0755);
    });
  });
}

bool Cgroups::exists(const std::string& group) const {
  check_group(group);
  std::error_code error;
  return fs::is_directory(below(layout_.home(), group), error);
}

std::vector<std::string> Cgroups::available_controllers() const {
  if (!layout_.v2) return {};
  return words_of(*layout_.v2 / "cgroup.controllers");
}

std::vector<std::string> Cgroups::enable_controllers(const std::string& group,
                                                     const std::vector<std::string>& wanted) const {
  return step("cgroup.enable_controllers", [&]() -> std::vector<std::string> {
    check_group(group);
    if (wanted.empty() || !layout_.v2) return {};
    const std::vector<std::string> available = available_controllers();
    std::vector<std::string> effective = wanted;
    std::erase_if(effective, [&](const std::string& name) {
      return std::ranges::find(available, name) == available.end();
    });
    if (effective.empty()) return effective;

    return during(fmt::format("enabling {} for cgroup {}", fmt::join(effective, ", "), group), [&] {
      evacuate_top(*layout_.v2);
      fs::path at = *layout_.v2;
      const auto enable = [&] {
        const std::vector<std::string> on = words_of(at / "cgroup.subtree_control");
        std::string missing;
        for (const std::string& name : effective) {
          if (std::ranges::find(on, name) == on.end()) {
            missing += fmt::format("{}+{}", missing.empty() ? "" : " ", name);
          }
        }
        if (!missing.empty()) write_file_in_place(at / "cgroup.subtree_control", missing);
      };
      enable();
      for (const fs::path& part : fs::path{group}.relative_path()) {
        at /= part;
        enable();
      }
      return effective;
    });
  });
}

void Cgroups::write(const std::string& group, std::string_view file, std::string_view text) const {
  step("cgroup.write", [&] {
    check_group(group);
    const std::string what =
        fmt::format("set {} of cgroup {} to {}", file, group, quote(trim(text)));
    if (file.empty() || file.front() == '.' || file.find('/') != std::string_view::npos) {
      throw Error{kinds::invalid_argument, fmt::format("{}: not an interface file", what)};
    }
    if (!layout_.v2) throw Error{kinds::not_found, fmt::format("{}: no cgroup v2 here", what)};
    const fs::path path = below(*layout_.v2, group) / file;
    const Fd fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!fd && errno == ENOENT) {
      throw Error{kinds::not_found,
                  fmt::format("{}: there is no such file: is the controller enabled?", what)};
    }
    if (!fd || ::write(fd.get(), text.data(), text.size()) < 0) {
      const int cause = errno;
      if (cause != EINVAL && cause != ERANGE && cause != ENODEV)
        throw Error::from_errno(what, cause);
      throw Error{kinds::invalid_argument,
                  fmt::format("{}: {}", what, Error::from_errno("", cause).message())};
    }
  });
}

std::vector<pid_t> Cgroups::processes(const std::string& group) const {
  check_group(group);
  std::set<pid_t> pids;
  for (const fs::path& mount : layout_.mounts()) {
    visit_tree(below(mount, group), [&](const fs::path& at) { add_processes(at, pids); });
  }
  return {pids.begin(), pids.end()};
}

void Cgroups::kill(const std::string& group, milliseconds timeout) const {
  check_group(group);
  const auto deadline = steady_clock::now() + timeout;
  if (layout_.v2) {
    // One write reaches processes that fork meanwhile, too; older kernels (< 5.14) and v1 have only
    // the loop.
    const Fd all{::open((below(*layout_.v2, group) / "cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC)};
    if (all) (void)!::write(all.get(), "1", 1);
  }
  for (;;) {
    const std::vector<pid_t> pids = processes(group);
    if (pids.empty()) return;
    std::map<pid_t, Fd> opened;
    for (const pid_t pid : pids) {
      if (Fd process = open_pidfd(pid)) opened.emplace(pid, std::move(process));
    }
    // Between the list and its pidfd, a pid may have become somebody else's.
    const std::vector<pid_t> still = processes(group);
    std::vector<Fd> ending;
    for (auto& [pid, process] : opened) {
      if (!std::ranges::binary_search(still, pid)) continue;
      ::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
      ending.push_back(std::move(process));
    }
    for (const Fd& process : ending) wait_for_exit(process, left_until(deadline));
    if (left_until(deadline) == milliseconds::zero()) {
      throw Error{kinds::deadline_exceeded, fmt::format("processes {} of cgroup {} do not end",
                                                        fmt::join(pids, ", "), group)};
    }
  }
}

void Cgroups::remove(const std::string& group, milliseconds timeout) const {
  step("cgroup.remove", [&] {
    check_group(group);
    const auto deadline = steady_clock::now() + timeout;
    for (const fs::path& mount : layout_.mounts()) remove_group(below(mount, group), deadline);
  });
}

std::vector<std::string> Cgroups::list(const std::string& root) const {
  check_group(root);
  std::vector<std::string> found;
  const auto add = [&](std::string_view name, const fs::path& mount) {
    const fs::path top = below(mount, root);
    std::error_code error;
    if (!fs::is_directory(top, error)) return;
    visit_tree(top, [&](const fs::path& at) {
      found.push_back(fmt::format("{}:/{}", name, at.lexically_relative(mount).string()));
    });
  };
  if (layout_.v2) add("unified", *layout_.v2);
  for (const auto& hierarchy : layout_.v1) add(hierarchy.name, hierarchy.mount);
  std::ranges::sort(found);
  return found;
}

}  // namespace kukeon::kernel
