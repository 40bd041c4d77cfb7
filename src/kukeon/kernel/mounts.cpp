// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/mounts.h"

#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <ranges>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::kernel {
namespace {

// The kernel writes space, tab, newline and backslash as \ooo.
std::string unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// `36 35 98:0 /root /target rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=continue`
Mount parse_line(const std::string& line) {
  const std::vector<std::string> words = split(line, ' ');
  const auto dash = std::ranges::find(words, "-");
  if (words.size() < 6 || dash == words.end() || words.end() - dash < 4) {
    throw Error{kinds::decode_failed,
                fmt::format("mountinfo line {} has too few fields", quote(line))};
  }
  return {.device = words[2],
          .root = unescape(words[3]),
          .target = unescape(words[4]),
          .type = dash[1],
          .source = unescape(dash[2]),
          .super_options = dash[3]};
}

bool is_at_or_below(const fs::path& path, const fs::path& directory) {
  const std::string prefix = directory == "/" ? "/" : directory.string() + "/";
  return path == directory || path.string().starts_with(prefix);
}

}  // namespace

std::vector<Mount> parse_mountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  for (const std::string& line : split(text, '\n')) {
    if (!line.empty()) mounts.push_back(parse_line(line));
  }
  return mounts;
}

std::vector<Mount> list_mounts() { return parse_mountinfo(read_file("/proc/self/mountinfo")); }

std::vector<Mount> list_mounts_below(const fs::path& directory) {
  std::vector<Mount> mounts = list_mounts();
  std::erase_if(mounts, [&](const Mount& m) { return !is_at_or_below(m.target, directory); });
  return mounts;
}

void bind_mount(const fs::path& source, const fs::path& target) {
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) < 0) {
    throw Error::from_errno(fmt::format("bind {} to {}", source.string(), target.string()));
  }
}

bool unmount(const fs::path& target) {
  if (::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return true;
  if (errno == EINVAL || errno == ENOENT || errno == ENOTDIR) return false;
  throw Error::from_errno(fmt::format("unmount {}", target.string()));
}

void unmount_below(const fs::path& directory) {
  for (const Mount& mount : list_mounts_below(directory) | std::views::reverse) {
    unmount(mount.target);
  }
}

}  // namespace kukeon::kernel
