// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/namespaces.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/base/rollback.h"
#include "kukeon/base/step.h"
#include "kukeon/kernel/mounts.h"
#include "kukeon/kernel/netlink.h"

namespace kukeon::kernel {
namespace {

constexpr std::array names{"net", "ipc", "uts"};
constexpr int loopback = 1;  // the index of lo, in every network namespace

// Namespaces belong to threads. What a thread of its own changes ends with it, and no pool thread
// is ever anywhere else.
template <class Body>
void in_own_thread(Body body) {
  std::exception_ptr failure;
  std::thread{[&] {
    try {
      body();
    } catch (...) {
      failure = std::current_exception();
    }
  }}.join();
  if (failure) std::rethrow_exception(failure);
}

void enter(const Fd& ns, int type) {
  if (::setns(ns.get(), type) < 0) throw Error::from_errno("enter a namespace");
}

void pin(const char* name, const fs::path& target) {
  open_file(target.string(), O_RDONLY | O_CREAT | O_EXCL, 0444);
  bind_mount(fs::path{"/proc/thread-self/ns"} / name, target);
}

}  // namespace

void PinnedNamespaces::create(const std::string& hostname) const {
  step("namespaces.create", [&] {
    during(fmt::format("creating the namespaces {}", directory_.string()), [&] {
      const bool there = exists();
      if (!there) {
        remove();
        make_directories(directory_, 0755);
      }
      Rollback undo;
      if (!there) undo.add([this] { remove(); });

      in_own_thread([&] {
        if (there) {
          enter(open_namespace(net()), CLONE_NEWNET);
          enter(open_namespace(uts()), CLONE_NEWUTS);
        } else if (::unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0) {
          throw Error::from_errno("create a network, an ipc and a uts namespace");
        }
        if (::sethostname(hostname.data(), hostname.size()) < 0) {
          throw Error::from_errno(fmt::format("set the host name {}", hostname));
        }
        Netlink{}.set_up(loopback);
        if (!there) {
          for (const char* name : names) pin(name, directory_ / name);
        }
      });
      undo.commit();
    });
  });
}

bool PinnedNamespaces::exists() const {
  return std::ranges::all_of(names,
                             [&](const char* name) { return is_namespace(directory_ / name); });
}

void PinnedNamespaces::remove() const {
  step("namespaces.remove", [&] {
    for (const char* name : names) {
      const fs::path path = directory_ / name;
      while (unmount(path)) {
      }
      if (::unlink(path.c_str()) < 0 && errno != ENOENT && errno != ENOTDIR) {
        throw Error::from_errno(fmt::format("remove {}", path.string()));
      }
    }
    if (::rmdir(directory_.c_str()) < 0 && errno != ENOENT && errno != ENOTDIR) {
      throw Error::from_errno(fmt::format("remove {}", directory_.string()));
    }
  });
}

std::vector<std::string> list_pinned(const fs::path& root) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at{root, error}, end; !error && at != end; at.increment(error)) {
    if (at->is_directory(error)) found.push_back(at->path().filename().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw Error::from_errno(fmt::format("list {}", root.string()), error.value());
  }
  std::ranges::sort(found);
  return found;
}

Fd open_namespace(const fs::path& path) {
  Fd fd = open_file(path.string(), O_RDONLY);
  struct statfs info {};
  if (::fstatfs(fd.get(), &info) < 0) {
    throw Error::from_errno(fmt::format("look at {}", path.string()));
  }
  if (info.f_type != NSFS_MAGIC) {
    throw Error{kinds::failed_precondition,
                fmt::format("no namespace is pinned at {}", path.string())};
  }
  return fd;
}

bool is_namespace(const fs::path& path) {
  struct statfs info {};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == NSFS_MAGIC;
}

bool same_namespace(const Fd& a, const Fd& b) {
  struct stat info_a {};
  struct stat info_b {};
  if (::fstat(a.get(), &info_a) < 0 || ::fstat(b.get(), &info_b) < 0) {
    throw Error::from_errno("compare two namespaces");
  }
  return info_a.st_dev == info_b.st_dev && info_a.st_ino == info_b.st_ino;
}

NetnsVisit::NetnsVisit(const Fd& netns) : home_{open_namespace("/proc/thread-self/ns/net")} {
  enter(netns, CLONE_NEWNET);
}

NetnsVisit::~NetnsVisit() {
  if (::setns(home_.get(), CLONE_NEWNET) < 0) {
    log::error("this thread cannot leave a network namespace", {{"errno", errno}});
    std::abort();
  }
}

}  // namespace kukeon::kernel
