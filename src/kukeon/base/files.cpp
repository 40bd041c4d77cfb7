// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/base/rollback.h"
#include "kukeon/base/step.h"

namespace kukeon {
namespace {

std::string read_fd(int fd, const fs::path& path, std::size_t limit) {
  std::string bytes;
  struct stat info {};
  if (::fstat(fd, &info) == 0 && info.st_size > 0) {
    bytes.reserve(std::min(static_cast<std::size_t>(info.st_size), limit));
  }
  char chunk[16384];
  for (;;) {
    const ssize_t n = ::read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error::from_errno(fmt::format("read {}", path.string()));
    if (n == 0) return bytes;
    bytes.append(chunk, static_cast<std::size_t>(n));
    if (bytes.size() > limit) {
      throw Error{kinds::invalid_argument,
                  fmt::format("{} is larger than {} bytes", path.string(), limit)};
    }
  }
}

void sync_fd(int fd, const fs::path& path) {
  if (::fsync(fd) < 0) throw Error::from_errno(fmt::format("sync {}", path.string()));
}

}  // namespace

Fd open_file(const std::string& path, int flags, unsigned mode) {
  Fd fd{::open(path.c_str(), flags | O_CLOEXEC, mode)};
  if (!fd) throw Error::from_errno(fmt::format("open {}", path));
  return fd;
}

std::string read_file(const fs::path& path, std::size_t limit) {
  const Fd fd = open_file(path.string(), O_RDONLY);
  return read_fd(fd.get(), path, limit);
}

std::optional<std::string> read_file_if_exists(const fs::path& path, std::size_t limit) {
  const Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw Error::from_errno(fmt::format("open {}", path.string()));
  }
  return read_fd(fd.get(), path, limit);
}

void write_all(int fd, std::string_view bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error::from_errno(fmt::format("write {}", what));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void write_file_atomically(const fs::path& path, std::string_view bytes, mode_t mode, Sync sync) {
  step("file.replace", [&] {
    const fs::path directory = path.has_parent_path() ? path.parent_path() : fs::path{"."};
    std::string temporary = (directory / ".kukeon-XXXXXX.tmp").string();
    Fd fd{::mkostemps(temporary.data(), 4, O_CLOEXEC)};
    if (!fd) throw Error::from_errno(fmt::format("create a file in {}", directory.string()));
    Rollback undo;
    undo.add([&temporary] { ::unlink(temporary.c_str()); });

    if (::fchmod(fd.get(), mode) < 0) throw Error::from_errno(fmt::format("chmod {}", temporary));
    write_all(fd.get(), bytes, path.string());
    if (sync == Sync::yes) sync_fd(fd.get(), path);
    fd.reset();
    if (::rename(temporary.c_str(), path.c_str()) < 0) {
      throw Error::from_errno(fmt::format("rename {} to {}", temporary, path.string()));
    }
    undo.commit();
    if (sync == Sync::yes) {
      const Fd opened = open_file(directory.string(), O_RDONLY | O_DIRECTORY);
      sync_fd(opened.get(), directory);
    }
  });
}

bool is_atomic_write_leftover(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with(".kukeon-") && name.ends_with(".tmp");
}

void write_file_in_place(const fs::path& path, std::string_view bytes, mode_t mode) {
  step("file.write", [&] {
    const Fd fd = open_file(path.string(), O_WRONLY | O_CREAT | O_TRUNC, mode);
    write_all(fd.get(), bytes, path.string());
  });
}

void make_directories(const fs::path& path, mode_t mode) {
  std::vector<fs::path> missing;
  for (fs::path at = path; !at.empty(); at = at.parent_path()) {
    struct stat info {};
    if (::stat(at.c_str(), &info) == 0) {
      if (!S_ISDIR(info.st_mode)) {
        throw Error::from_errno(fmt::format("create directory {}", path.string()), ENOTDIR);
      }
      break;
    }
    if (errno != ENOENT) throw Error::from_errno(fmt::format("look up {}", at.string()));
    missing.push_back(at);
    if (at == at.parent_path()) break;
  }
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    if (::mkdir(at->c_str(), 0700) < 0) {
      if (errno == EEXIST) continue;  // another thread was first, and sets its mode
      throw Error::from_errno(fmt::format("create directory {}", at->string()));
    }
    if (::chmod(at->c_str(), mode) < 0) {
      throw Error::from_errno(fmt::format("chmod {}", at->string()));
    }
  }
}

TemporaryDirectory::TemporaryDirectory(const fs::path& parent) {
  std::string name = (parent / "kukeon-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw Error::from_errno(fmt::format("create a directory in {}", parent.string()));
  }
  path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  fs::remove_all(path_, error);
  if (error) {
    log::warn("temporary directory stays", {{"path", path_.string()}, {"cause", error.message()}});
  }
}

}  // namespace kukeon
