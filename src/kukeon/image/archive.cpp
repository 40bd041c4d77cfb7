// SPDX-License-Identifier: Apache-2.0
#include "kukeon/image/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <exception>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/image/utf8_locale.h"

namespace kukeon::image {
namespace {

constexpr std::size_t chunk_size = std::size_t{1} << 18;
constexpr std::size_t longest_name = 4096;

Error broken(std::string_view what) { return Error{kinds::load_image, std::string{what}}; }

// A libarchive reader over a Source. An exception may not cross C code: it waits in `failure`.
struct Reader {
  explicit Reader(Source bytes) : source{std::move(bytes)}, buffer(chunk_size) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { archive_read_free(handle); }

  void open() {
    if (archive_read_open(handle, this, nullptr, &Reader::on_read, nullptr) != ARCHIVE_OK) fail();
  }

  [[noreturn]] void fail() {
    if (failure) std::rethrow_exception(failure);
    if (empty) throw broken("the archive is empty");
    const char* text = archive_error_string(handle);
    const std::string_view cause = text != nullptr ? text : "unknown failure";
    const bool unknown = !started && cause == "Unrecognized archive format";
    throw broken(
        fmt::format("{}: {}", unknown ? "it is no tar archive" : "the archive is damaged", cause));
  }

  // False at the end.
  bool next_header() {
    const int result = archive_read_next_header(handle, &entry);
    if (result == ARCHIVE_EOF) {
      if (empty) fail();
      return false;
    }
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) fail();
    started = true;
    return true;
  }

  std::size_t read(char* to, std::size_t size) {
    const la_ssize_t count = archive_read_data(handle, to, size);
    if (count < 0) fail();
    return static_cast<std::size_t>(count);
  }

  static la_ssize_t on_read(archive* handle, void* self_pointer, const void** bytes) {
    auto& self = *static_cast<Reader*>(self_pointer);
    try {
      const std::size_t count = self.source(self.buffer.data(), self.buffer.size());
      if (count > 0) self.empty = false;
      *bytes = self.buffer.data();
      return static_cast<la_ssize_t>(count);
    } catch (...) {
      self.failure = std::current_exception();
      archive_set_error(handle, EIO, "reading failed");
      return -1;
    }
  }

  archive* handle = archive_read_new();
  archive_entry* entry = nullptr;
  Source source;
  std::vector<char> buffer;
  std::exception_ptr failure;
  bool empty = true;     // nothing came from the source yet
  bool started = false;  // a member was found
  // Names in pax headers are UTF-8, and libarchive converts them to the thread's locale.
  Utf8Locale locale;
};

std::uint64_t entry_size(archive_entry* entry) {
  const auto size = archive_entry_size_is_set(entry) != 0 ? archive_entry_size(entry) : 0;
  if (size < 0) throw broken("a member has a negative size");
  return static_cast<std::uint64_t>(size);
}

// Throws for a name that would lie above the root it is unpacked into. A leading slash is no harm:
// whoever unpacks a layer takes it for the layer's root.
void require_inside(std::string_view name) {
  int depth = 0;
  for (const auto& part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    depth += part == ".." ? -1 : 1;
    if (depth < 0) throw broken(fmt::format("file {} leaves the layer", quote(name)));
  }
}

// What a layer costs: the bytes of its tar, headers too, or of its files where these are more
// (the holes of sparse ones).
class LayerCost {
 public:
  explicit LayerCost(Budget& budget) : budget_{budget} {}

  void add_tar(std::uint64_t bytes) { charge(tar_ += bytes); }
  void add_file(std::uint64_t bytes) {
    if (bytes > UINT64_MAX - files_) bytes = UINT64_MAX - files_;
    charge(files_ += bytes);
  }

 private:
  void charge(std::uint64_t bytes) {
    if (bytes <= charged_) return;
    budget_.spend(bytes - charged_);
    charged_ = bytes;
  }

  Budget& budget_;
  std::uint64_t tar_ = 0;
  std::uint64_t files_ = 0;
  std::uint64_t charged_ = 0;
};

}  // namespace

void Budget::spend(std::uint64_t bytes) {
  if (bytes > left_) {
    throw broken(fmt::format("uncompressed it is larger than the limit of {} MiB", total_ >> 20));
  }
  left_ -= bytes;
}

Fd open_archive(const fs::path& path) {
  // Without waiting for the other end of a FIFO.
  Fd file = open_file(path.string(), O_RDONLY | O_NONBLOCK);
  struct stat info {};
  if (::fstat(file.get(), &info) < 0) throw Error::from_errno("stat " + path.string());
  if (!S_ISREG(info.st_mode)) throw broken(fmt::format("{} is no regular file", path.string()));
  return file;
}

Source source_of(int fd) {
  return [fd](char* buffer, std::size_t size) -> std::size_t {
    for (;;) {
      const ssize_t count = ::read(fd, buffer, size);
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) throw Error::from_errno("read the archive");
    }
  };
}

Source source_of(std::string_view bytes) {
  return [bytes](char* buffer, std::size_t size) mutable {
    const std::size_t count = bytes.copy(buffer, size);
    bytes.remove_prefix(count);
    return count;
  };
}

Spool::Spool(const fs::path& directory) {
  file_.reset(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file_)
    throw Error::from_errno(fmt::format("make a temporary file in {}", directory.string()));
}

Spool::~Spool() = default;

void Spool::write(std::string_view bytes) {
  write_all(file_.get(), bytes, "write a temporary file");
  hash_.update(bytes);
  size_ += bytes.size();
}

void Spool::finish() { digest_ = hash_.digest(); }

std::string Spool::head(std::size_t count) const {
  std::string bytes(count, '\0');
  const ssize_t got = ::pread(file_.get(), bytes.data(), count, 0);
  if (got < 0) throw Error::from_errno("read a temporary file");
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

Source Spool::source() const {
  return [fd = file_.get(), at = off_t{0}](char* buffer, std::size_t size) mutable -> std::size_t {
    for (;;) {
      const ssize_t count = ::pread(fd, buffer, size, at);
      if (count >= 0) {
        at += count;
        return static_cast<std::size_t>(count);
      }
      if (errno != EINTR) throw Error::from_errno("read a temporary file");
    }
  };
}

std::string clean_member_name(std::string_view path) {
  if (path.size() > longest_name) throw broken("a member's name is too long");
  if (path.starts_with('/'))
    throw broken(fmt::format("member {} has an absolute name", quote(path)));
  std::string clean;
  for (const auto& part : split(path, '/')) {
    if (part == "..") throw broken(fmt::format("member {} leaves the archive", quote(path)));
    if (part.empty() || part == ".") continue;
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return clean;
}

struct ArchiveReader::State {
  State(Source source, Budget& owner, std::size_t most)
      : reader{std::move(source)}, budget{owner}, most_entries{most}, entries_left{most} {}

  Reader reader;
  Budget& budget;
  std::size_t most_entries;
  std::size_t entries_left;
};

ArchiveReader::ArchiveReader(Source source, Budget& budget, std::size_t most_entries)
    : state_{std::make_unique<State>(std::move(source), budget, most_entries)} {
  auto* handle = state_->reader.handle;
  archive_read_support_format_tar(handle);
  archive_read_support_filter_gzip(handle);
  archive_read_support_filter_zstd(handle);
  state_->reader.open();
}

ArchiveReader::~ArchiveReader() = default;

std::optional<Entry> ArchiveReader::next() {
  auto& reader = state_->reader;
  if (!reader.next_header()) return std::nullopt;
  if (state_->entries_left-- == 0) {
    throw broken(fmt::format("the archive has more than {} members", state_->most_entries));
  }

  const char* name = archive_entry_pathname(reader.entry);
  if (name == nullptr) throw broken("a member's name is not valid UTF-8");
  Entry entry;
  entry.path = clean_member_name(name);
  entry.size = entry_size(reader.entry);
  // Before a byte of it is read or skipped: a few kilobytes of gzip may stand for terabytes.
  state_->budget.spend(entry.size);

  if (const char* target = archive_entry_hardlink(reader.entry)) {
    entry.kind = EntryKind::hardlink;
    entry.target = target;
    return entry;
  }
  switch (archive_entry_filetype(reader.entry)) {
    case AE_IFREG:
      entry.kind = EntryKind::file;
      break;
    case AE_IFDIR:
      entry.kind = EntryKind::directory;
      break;
    case AE_IFLNK: {
      entry.kind = EntryKind::symlink;
      const char* target = archive_entry_symlink(reader.entry);
      entry.target = target != nullptr ? target : "";
      break;
    }
    default:
      entry.kind = EntryKind::other;
  }
  return entry;
}

std::size_t ArchiveReader::read(char* buffer, std::size_t size) {
  return state_->reader.read(buffer, size);
}

void decompress(const Source& source, Budget& budget, Spool& to) {
  Reader reader{source};
  archive_read_support_format_raw(reader.handle);
  archive_read_support_filter_gzip(reader.handle);
  archive_read_support_filter_zstd(reader.handle);
  archive_read_support_filter_xz(reader.handle);
  reader.open();
  if (!reader.next_header()) throw broken("the archive is empty");
  std::vector<char> chunk(chunk_size);
  while (const std::size_t count = reader.read(chunk.data(), chunk.size())) {
    budget.spend(count);
    to.write({chunk.data(), count});
  }
  to.finish();
}

std::size_t check_layer(const Source& source, Budget& budget, std::size_t most_entries) {
  // Two readers, since the runtime reads on after the end of the tar, for the digest of it all.
  Reader bytes{source};
  archive_read_support_format_raw(bytes.handle);
  archive_read_support_filter_gzip(bytes.handle);
  archive_read_support_filter_zstd(bytes.handle);
  bytes.open();
  if (!bytes.next_header()) throw broken("the archive is empty");
  LayerCost cost{budget};
  const Source tar = [&](char* buffer, std::size_t size) {
    const std::size_t count = bytes.read(buffer, size);
    cost.add_tar(count);
    return count;
  };

  Reader reader{tar};
  archive_read_support_format_tar(reader.handle);
  reader.open();
  std::size_t count = 0;
  for (; reader.next_header(); ++count) {
    if (count == most_entries) throw broken(fmt::format("it has more than {} files", most_entries));
    cost.add_file(entry_size(reader.entry));
    if (const char* name = archive_entry_pathname(reader.entry)) require_inside(name);
    if (const char* target = archive_entry_hardlink(reader.entry)) require_inside(target);
  }
  std::vector<char> rest(chunk_size);
  while (tar(rest.data(), rest.size()) > 0) {
  }
  return count;
}

}  // namespace kukeon::image
