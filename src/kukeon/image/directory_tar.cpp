// SPDX-License-Identifier: Apache-2.0
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/image/archive.h"
#include "kukeon/image/utf8_locale.h"

namespace kukeon::image {
namespace {

constexpr std::size_t chunk_size = std::size_t{1} << 18;
constexpr std::size_t largest_xattr = std::size_t{1}
                                      << 16;  // xattr(7): 64 KiB, names and values alike
constexpr int deepest = 512;                  // one open directory a level

struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using EntryPtr = std::unique_ptr<archive_entry, FreeEntry>;

class TreeWriter {
 public:
  TreeWriter(Spool& to, Budget& budget, std::size_t most_entries)
      : to_{to}, budget_{budget}, entries_left_{most_entries}, chunk_(chunk_size) {
    archive_write_set_format_pax_restricted(handle_);
    // Container runtimes read extended attributes under this key only.
    archive_write_set_format_option(handle_, "pax", "xattrheader", "SCHILY");
    archive_write_set_bytes_in_last_block(handle_, 1);
    if (archive_write_open(handle_, this, nullptr, &TreeWriter::on_write, nullptr) != ARCHIVE_OK) {
      fail();
    }
  }
  TreeWriter(const TreeWriter&) = delete;
  TreeWriter& operator=(const TreeWriter&) = delete;
  ~TreeWriter() {
    // Given up half-way, it would write what is left of the file as zeros.
    archive_write_fail(handle_);
    archive_write_free(handle_);
  }

  void write_tree(const fs::path& directory) {
    Fd root = open_file(directory.string(), O_RDONLY | O_DIRECTORY);
    struct stat info {};
    if (::fstat(root.get(), &info) < 0) throw Error::from_errno("stat " + directory.string());
    device_ = info.st_dev;
    walk(std::move(root), "", 0);
    if (archive_write_close(handle_) != ARCHIVE_OK) fail();
    to_.finish();
  }

 private:
  [[noreturn]] void fail() {
    if (failure_) std::rethrow_exception(failure_);
    const char* text = archive_error_string(handle_);
    throw Error{kinds::load_image,
                fmt::format("write a layer: {}", text != nullptr ? text : "unknown failure")};
  }

  void check(la_int64_t result) {
    if (result < ARCHIVE_WARN) fail();
  }

  static la_ssize_t on_write(archive* handle, void* self_pointer, const void* bytes,
                             std::size_t size) {
    auto& self = *static_cast<TreeWriter*>(self_pointer);
    try {
      self.to_.write({static_cast<const char*>(bytes), size});
      return static_cast<la_ssize_t>(size);
    } catch (...) {  // an exception may not cross C code
      self.failure_ = std::current_exception();
      archive_set_error(handle, EIO, "writing failed");
      return -1;
    }
  }

  // Sorted: the same tree is the same bytes whatever order the file system lists it in.
  std::vector<std::string> names_in(const Fd& directory, const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream{
        ::fdopendir(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0)), &::closedir};
    if (!stream) throw Error::from_errno(fmt::format("read directory {}", quote(path)));
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (entries_left_-- == 0) {
        throw Error{kinds::load_image, "the directory has too many files for a layer"};
      }
      names.emplace_back(name);
    }
    if (errno != 0) throw Error::from_errno(fmt::format("read directory {}", quote(path)));
    std::ranges::sort(names);
    return names;
  }

  void walk(Fd directory, const std::string& path, int depth) {
    if (depth > deepest) {
      throw Error{kinds::load_image, fmt::format("{} is nested too deeply", quote(path))};
    }
    for (const auto& name : names_in(directory, path)) {
      const std::string below = path.empty() ? name : path + "/" + name;
      // Whoever unpacks the layer would remove a file instead of making one (OCI image spec,
      // "Whiteouts").
      if (name.starts_with(".wh.")) {
        throw Error{kinds::load_image,
                    fmt::format("{} has a name that marks a deletion in a layer", quote(below))};
      }
      struct stat info {};
      if (::fstatat(directory.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) {
        throw Error::from_errno(fmt::format("stat {}", quote(below)));
      }
      if (S_ISSOCK(info.st_mode)) continue;
      Fd file;
      if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) {
        file.reset(::openat(directory.get(), name.c_str(),
                            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        if (!file) throw Error::from_errno(fmt::format("open {}", quote(below)));
        if (::fstat(file.get(), &info) < 0) {
          throw Error::from_errno(fmt::format("stat {}", quote(below)));
        }
      }
      write_entry(directory, name, below, info, file);
      if (S_ISDIR(info.st_mode) && info.st_dev == device_) walk(std::move(file), below, depth + 1);
    }
  }

  void write_entry(const Fd& directory, const std::string& name, const std::string& path,
                   const struct stat& info, const Fd& file) {
    const EntryPtr entry{archive_entry_new()};
    archive_entry_copy_pathname(entry.get(), path.c_str());
    archive_entry_set_mode(entry.get(), info.st_mode);
    archive_entry_set_uid(entry.get(), info.st_uid);
    archive_entry_set_gid(entry.get(), info.st_gid);
    archive_entry_set_mtime(entry.get(), info.st_mtim.tv_sec, 0);
    if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) {
      archive_entry_set_rdev(entry.get(), info.st_rdev);
    }
    if (S_ISLNK(info.st_mode)) {
      archive_entry_copy_symlink(entry.get(), read_link(directory, name, path).c_str());
    }
    if (file) copy_xattrs(entry.get(), file, path);

    if (!S_ISDIR(info.st_mode) && info.st_nlink > 1) {
      const auto [first, is_new] = linked_.try_emplace({info.st_dev, info.st_ino}, path);
      if (!is_new) {
        archive_entry_copy_hardlink(entry.get(), first->second.c_str());
        check(archive_write_header(handle_, entry.get()));
        return;
      }
    }
    if (S_ISREG(info.st_mode)) {
      budget_.spend(static_cast<std::uint64_t>(info.st_size));
      archive_entry_set_size(entry.get(), info.st_size);
    }
    check(archive_write_header(handle_, entry.get()));
    if (S_ISREG(info.st_mode)) write_content(file, path, static_cast<std::uint64_t>(info.st_size));
  }

  void write_content(const Fd& file, const std::string& path, std::uint64_t size) {
    const auto source = source_of(file.get());
    for (std::uint64_t left = size; left > 0;) {
      const auto count = source(chunk_.data(), std::min<std::uint64_t>(left, chunk_.size()));
      if (count == 0) {
        throw Error{kinds::load_image, fmt::format("{} shrank while it was read", quote(path))};
      }
      check(archive_write_data(handle_, chunk_.data(), count));
      left -= count;
    }
  }

  static std::string read_link(const Fd& directory, const std::string& name,
                               const std::string& path) {
    std::array<char, 4097> target{};
    const auto size = ::readlinkat(directory.get(), name.c_str(), target.data(), target.size() - 1);
    if (size < 0) throw Error::from_errno(fmt::format("read link {}", quote(path)));
    return target.data();
  }

  static void copy_xattrs(archive_entry* entry, const Fd& file, const std::string& path) {
    std::vector<char> names(largest_xattr);
    const auto size = ::flistxattr(file.get(), names.data(), names.size());
    if (size < 0) {
      if (errno == ENOTSUP) return;
      throw Error::from_errno(fmt::format("list the extended attributes of {}", quote(path)));
    }
    std::vector<std::string> sorted;
    for (const char* at = names.data(); at < names.data() + size;
         at += std::string_view{at}.size() + 1) {
      const std::string_view name = at;
      // Of this host, not of the image: labels, and what overlayfs keeps for itself.
      if (name == "security.selinux" || name.starts_with("trusted.overlay.") ||
          name.starts_with("system.")) {
        continue;
      }
      sorted.emplace_back(name);
    }
    std::ranges::sort(sorted);
    std::vector<char> value(largest_xattr);
    for (const auto& name : sorted) {
      const auto length = ::fgetxattr(file.get(), name.c_str(), value.data(), value.size());
      if (length < 0) {
        throw Error::from_errno(fmt::format("read attribute {} of {}", name, quote(path)));
      }
      archive_entry_xattr_add_entry(entry, name.c_str(), value.data(),
                                    static_cast<std::size_t>(length));
    }
  }

  Utf8Locale locale_;
  archive* handle_ = archive_write_new();
  Spool& to_;
  Budget& budget_;
  std::size_t entries_left_;
  std::vector<char> chunk_;
  std::exception_ptr failure_;
  dev_t device_ = 0;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
};

}  // namespace

void write_directory_tar(const fs::path& directory, Spool& to, Budget& budget,
                         std::size_t most_entries) {
  TreeWriter{to, budget, most_entries}.write_tree(directory);
}

}  // namespace kukeon::image
