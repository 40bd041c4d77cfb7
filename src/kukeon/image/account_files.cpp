// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/rollback.h"
#include "kukeon/base/strings.h"
#include "kukeon/image/import.h"

namespace kukeon::image {
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20;
constexpr std::size_t most_cached = 256;

struct MountFlag {
  std::string_view option;
  unsigned long flag;
};
constexpr std::array mount_flags{
    MountFlag{"ro", MS_RDONLY},           MountFlag{"bind", MS_BIND},
    MountFlag{"rbind", MS_BIND | MS_REC}, MountFlag{"nodev", MS_NODEV},
    MountFlag{"nosuid", MS_NOSUID},       MountFlag{"noexec", MS_NOEXEC},
};

// mount(2) takes one page of options and overlayfs names every layer in them: with the longest
// common directory as working directory the names are short.
std::string shorten_lower_directories(std::string_view option) {
  constexpr std::string_view key = "lowerdir=";
  const auto directories = split(option.substr(key.size()), ':');
  std::string common = directories.front();
  for (const auto& directory : directories) {
    while (!directory.starts_with(common)) common.pop_back();
  }
  common.resize(common.rfind('/') + 1);
  if (common.empty() || ::chdir(common.c_str()) < 0) return std::string{option};
  std::vector<std::string> names;
  for (const auto& directory : directories) names.push_back(directory.substr(common.size()));
  return std::string{key} + join(names, ":");
}

void mount_snapshot(const runtime::Mount& mount, const fs::path& target) {
  unsigned long flags = 0;
  std::vector<std::string> data;
  for (const auto& option : mount.options) {
    bool known = option == "rw";
    for (const auto& row : mount_flags) {
      if (row.option != option) continue;
      flags |= row.flag;
      known = true;
    }
    if (option.starts_with("lowerdir=")) {
      data.push_back(shorten_lower_directories(option));
    } else if (!known) {
      data.push_back(option);
    }
  }
  if (::mount(mount.source.c_str(), target.c_str(), mount.type.c_str(), flags,
              join(data, ",").c_str()) < 0) {
    throw Error::from_errno(fmt::format("mount the image at {}", target.string()));
  }
}

// Absent files are empty. Links lead no further than `root`.
std::string read_in_root(const Fd& root, const char* path) {
  // First only looked up: opening a device of the image's own choice could do anything.
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const Fd found{static_cast<int>(::syscall(SYS_openat2, root.get(), path, &how, sizeof how))};
  if (!found) {
    // ELOOP: a link to itself is as good as none.
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return {};
    throw Error::from_errno(fmt::format("open {} of the image", path));
  }
  struct stat info {};
  if (::fstat(found.get(), &info) < 0) {
    throw Error::from_errno(fmt::format("stat {} of the image", path));
  }
  if (!S_ISREG(info.st_mode)) return {};
  const Fd file = open_file(fmt::format("/proc/self/fd/{}", found.get()), O_RDONLY);
  std::string text(largest_file + 1, '\0');
  std::size_t filled = 0;
  const auto source = source_of(file.get());
  while (filled < text.size()) {
    const auto count = source(text.data() + filled, text.size() - filled);
    if (count == 0) break;
    filled += count;
  }
  if (filled > largest_file) {
    throw Error{kinds::invalid_argument,
                fmt::format("{} of the image is larger than {} bytes", path, largest_file)};
  }
  text.resize(filled);
  return text;
}

// Runs in a thread of its own with a mount namespace of its own: the mount ends with the thread,
// however that ends, and no other process ever sees it.
oci::AccountFiles read_mounted(const std::vector<runtime::Mount>& mounts, const fs::path& target) {
  if (::unshare(CLONE_NEWNS) < 0) throw Error::from_errno("make a mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) {
    throw Error::from_errno("make the mount namespace private");
  }
  for (const auto& mount : mounts) mount_snapshot(mount, target);
  const Fd root = open_file(target.string(), O_PATH | O_DIRECTORY);
  return {.passwd = read_in_root(root, "etc/passwd"), .group = read_in_root(root, "etc/group")};
}

}  // namespace

oci::AccountFiles ImageStore::account_files(const std::string& ns, const UnpackedImage& image) {
  if (image.chain_id.empty()) return {};
  if (auto known = accounts_.with([&](auto& cache) -> std::optional<oci::AccountFiles> {
        const auto found = cache.find(image.chain_id);
        if (found == cache.end()) return std::nullopt;
        return found->second;
      })) {
    return std::move(*known);
  }

  auto files = during(fmt::format("look up users of image {}", image.name), [&] {
    const TemporaryDirectory target{scratch_};
    const auto key = std::string{view_prefix} + target.path().filename().string();
    Rollback cleanup;  // on success too: nobody else wants the view
    cleanup.add([&runtime = runtime_, ns, key] { runtime.remove_snapshot(ns, key); });
    const auto mounts = runtime_.view_snapshot(ns, key, image.chain_id, "");
    return std::async(std::launch::async, [&] { return read_mounted(mounts, target.path()); })
        .get();
  });
  accounts_.with([&](auto& cache) {
    if (cache.size() >= most_cached) cache.clear();
    cache.emplace(image.chain_id, files);
  });
  return files;
}

}  // namespace kukeon::image
