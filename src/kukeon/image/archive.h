// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kukeon/base/files.h"
#include "kukeon/image/digest.h"
#include "kukeon/runtime/runtime.h"

namespace kukeon::image {

using runtime::Source;

// Bounds of what an image may make us read.
struct Limits {
  std::uint64_t total_bytes = std::uint64_t{64} << 30;  // of all members and layers, uncompressed
  std::size_t document_bytes = std::size_t{4} << 20;    // one JSON document
  std::size_t archive_entries = std::size_t{1} << 16;   // members of an image archive
  std::size_t layer_entries = std::size_t{1} << 22;     // files in one layer
};

// What is left of Limits::total_bytes in one import.
class Budget {
 public:
  explicit Budget(std::uint64_t total_bytes) : total_{total_bytes}, left_{total_bytes} {}
  void spend(std::uint64_t bytes);  // throws load_image

 private:
  std::uint64_t total_;
  std::uint64_t left_;
};

// A file on its way in; throws load_image where `path` is no regular file, of which reading might
// not end.
Fd open_archive(const fs::path& path);

// Source over a file that someone else owns; reads from the current position.
Source source_of(int fd);
// Source over bytes that outlive it.
Source source_of(std::string_view bytes);

// A file without a name in `directory` that is hashed while it is written.
class Spool {
 public:
  explicit Spool(const fs::path& directory);
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool();

  void write(std::string_view bytes);
  // Ends writing; what follows may be asked only then.
  void finish();
  const std::string& digest() const { return digest_; }
  std::uint64_t size() const { return size_; }
  std::string head(std::size_t count) const;  // its first bytes
  Source source() const;                      // from the first byte; the spool outlives it

 private:
  Fd file_;
  Sha256 hash_;
  std::string digest_;
  std::uint64_t size_ = 0;
};

enum class EntryKind { file, directory, symlink, hardlink, other };

struct Entry {
  std::string path;    // relative, without `.` and empty components
  std::string target;  // of a link, as it stands in the archive
  EntryKind kind = EntryKind::other;
  std::uint64_t size = 0;
};

// Reads a tar, plain or compressed with gzip or zstd, front to back. Refuses absolute names and
// names with `..`. Throws load_image, and what the source throws.
class ArchiveReader {
 public:
  // The budget outlives the reader.
  ArchiveReader(Source source, Budget& budget, std::size_t most_entries);
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;
  ~ArchiveReader();

  // The next member; nothing at the end.
  std::optional<Entry> next();
  // Bytes of the current member: up to `size`, 0 at its end.
  std::size_t read(char* buffer, std::size_t size);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `path` without `.` and empty components. Throws load_image for an absolute one and for `..`.
std::string clean_member_name(std::string_view path);

// The bytes behind gzip, zstd or xz, or the bytes themselves; all of them are written to `to`.
void decompress(const Source& source, Budget& budget, Spool& to);

// Walks a layer, plain or compressed, as the runtime will when it unpacks it, and answers how many
// files it has. Throws load_image when it is no tar, is damaged, names files above its root, or
// unpacks to more than the budget (the holes of sparse files and what follows the tar's end count).
std::size_t check_layer(const Source& source, Budget& budget, std::size_t most_entries);

// Writes a directory as an uncompressed tar, the same bytes for the same tree: sorted, with owners,
// modes, extended attributes, hard links and device nodes; without sockets and what is mounted
// below it. Throws load_image, and from errno.
void write_directory_tar(const fs::path& directory, Spool& to, Budget& budget,
                         std::size_t most_entries);

}  // namespace kukeon::image
