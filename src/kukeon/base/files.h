// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "kukeon/base/fd.h"

namespace kukeon {

namespace fs = std::filesystem;

// The whole file; throws when it is longer than `limit` bytes.
std::string read_file(const fs::path& path, std::size_t limit = std::size_t{64} << 20);

// nullopt where the file does not exist.
std::optional<std::string> read_file_if_exists(const fs::path& path,
                                               std::size_t limit = std::size_t{64} << 20);

// Replaces the file by temp + rename in its directory; a reader sees the old or the new bytes.
// `Sync::yes` also fsyncs the file before the rename and the directory after it.
enum class Sync { no, yes };
void write_file_atomically(const fs::path& path, std::string_view bytes, mode_t mode,
                           Sync sync = Sync::no);

// Whether a file is the temporary one of such a write that was killed half-way.
bool is_atomic_write_leftover(const fs::path& path);

// Writes through the existing inode, creating it if absent: for bind-mounted and kernel files.
void write_file_in_place(const fs::path& path, std::string_view bytes, mode_t mode = 0644);

// All of `bytes`, over short writes and EINTR.
void write_all(int fd, std::string_view bytes, std::string_view what);

// mkdir -p; directories that it makes get exactly `mode` (mkdir(2) drops setgid and honours umask).
void make_directories(const fs::path& path, mode_t mode);

// A directory of its own, removed with everything in it at the end of the scope.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const fs::path& parent = fs::temp_directory_path());
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace kukeon
