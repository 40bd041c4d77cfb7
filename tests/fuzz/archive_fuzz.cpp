// SPDX-License-Identifier: Apache-2.0
// Image archives and layers: headers, names, compression, and that the bounds hold.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "kukeon/base/error.h"
#include "kukeon/image/archive.h"

using namespace kukeon;

namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 20;
constexpr std::size_t most_entries = 1000;

void require(bool holds) {
  if (!holds) std::abort();
}

void read_archive(std::string_view text) {
  image::Budget budget{most_bytes};
  image::ArchiveReader reader{image::source_of(text), budget, most_entries};
  std::uint64_t total = 0;
  std::size_t count = 0;
  while (const auto entry = reader.next()) {
    require(++count <= most_entries);
    require(!entry->path.starts_with('/') && entry->path != ".." &&
            !entry->path.starts_with("../") && entry->path.find("/../") == std::string::npos &&
            !entry->path.ends_with("/.."));
    char buffer[4096];
    while (const std::size_t size = reader.read(buffer, sizeof buffer)) {
      total += size;
      require(total <= most_bytes);
    }
  }
}

void check(std::string_view text) {
  image::Budget budget{most_bytes};
  require(image::check_layer(image::source_of(text), budget, most_entries) <= most_entries);
}

template <class Body>
void attempt(Body body, std::string_view text) {
  try {
    body(text);
  } catch (const Error&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  attempt(read_archive, text);
  attempt(check, text);
  return 0;
}
