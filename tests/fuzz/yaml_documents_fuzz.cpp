// SPDX-License-Identifier: Apache-2.0
// YAML to documents, as `kuke apply` gives them to the daemon.
#include <cstdint>
#include <string_view>

#include "kukeon/base/error.h"
#include "kukeon/v1beta1/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    kukeon::v1beta1::parse_documents({reinterpret_cast<const char*>(data), size});
  } catch (const kukeon::Error&) {
    return 0;  // refused, as it should be
  }
  return 0;
}
