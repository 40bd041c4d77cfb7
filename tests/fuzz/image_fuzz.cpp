// SPDX-License-Identifier: Apache-2.0
// The JSON of an image archive: index, manifest, config, and docker's list.
#include <cstdint>
#include <string_view>

#include "kukeon/base/error.h"
#include "kukeon/oci/image_spec.h"

namespace {

template <class Parse>
void attempt(Parse parse, std::string_view text) {
  try {
    parse(text);
  } catch (const kukeon::Error&) {
    return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  attempt(kukeon::oci::parse_index, text);
  attempt(kukeon::oci::parse_manifest, text);
  attempt(kukeon::oci::parse_image_config, text);
  attempt(kukeon::oci::parse_docker_archive_manifest, text);
  return 0;
}
