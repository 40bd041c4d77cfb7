// SPDX-License-Identifier: Apache-2.0
// References to images: what is accepted is canonical, and says the same when it is read again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "kukeon/model/image_reference.h"

using namespace kukeon;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const std::string name = model::normalize_image_reference(text);
  const auto parsed = model::parse_image_reference(text);
  if (!parsed) return 0;
  const std::string canonical = parsed->to_string();
  const auto again = model::parse_image_reference(canonical);
  if (!again || again->to_string() != canonical) std::abort();
  if (model::normalize_image_reference(canonical) != canonical) std::abort();
  if (name.find("://") == std::string::npos && name != canonical) std::abort();
  return 0;
}
