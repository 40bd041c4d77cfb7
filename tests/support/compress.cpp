// SPDX-License-Identifier: Apache-2.0
#include "support/compress.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <vector>

#include "kukeon/base/error_kinds.h"

namespace kukeon::support {
namespace {

// One file "in" an archive without a format is the file itself, through the filter.
std::string filtered(std::string_view bytes, int filter) {
  const std::unique_ptr<archive, int (*)(archive*)> writer{archive_write_new(),
                                                           &archive_write_free};
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry{archive_entry_new(),
                                                                       &archive_entry_free};
  std::vector<char> out(bytes.size() + bytes.size() / 8 + 65536);
  std::size_t used = 0;
  archive_entry_set_pathname(entry.get(), "data");
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_write_set_bytes_in_last_block(writer.get(), 1);
  const bool ok =
      archive_write_add_filter(writer.get(), filter) == ARCHIVE_OK &&
      archive_write_set_format_raw(writer.get()) == ARCHIVE_OK &&
      archive_write_open_memory(writer.get(), out.data(), out.size(), &used) == ARCHIVE_OK &&
      archive_write_header(writer.get(), entry.get()) == ARCHIVE_OK &&
      archive_write_data(writer.get(), bytes.data(), bytes.size()) ==
          static_cast<la_ssize_t>(bytes.size()) &&
      archive_write_close(writer.get()) == ARCHIVE_OK;
  if (!ok) {
    const char* text = archive_error_string(writer.get());
    throw Error{kinds::os_error, text != nullptr ? text : "compressing failed"};
  }
  return {out.data(), used};
}

}  // namespace

std::string gzipped(std::string_view bytes) { return filtered(bytes, ARCHIVE_FILTER_GZIP); }
std::string zstd_compressed(std::string_view bytes) { return filtered(bytes, ARCHIVE_FILTER_ZSTD); }

}  // namespace kukeon::support
