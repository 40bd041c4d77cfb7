// SPDX-License-Identifier: Apache-2.0
// A seccomp profile that a container names. What it comes to is an OCI profile, which comes to
// itself.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "kukeon/base/error.h"
#include "kukeon/oci/capabilities.h"
#include "kukeon/oci/seccomp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr kukeon::oci::SeccompHost host{
      .word = "amd64", .name = "SCMP_ARCH_X86_64", .kernel_major = 6, .kernel_minor = 1};
  static const auto capabilities = kukeon::oci::default_capabilities();
  std::string filter;
  try {
    filter = kukeon::oci::seccomp_filter({reinterpret_cast<const char*>(data), size}, capabilities,
                                         host);
  } catch (const kukeon::Error&) {
    return 0;
  }
  // Not caught: a filter that we made is a profile.
  if (kukeon::oci::seccomp_filter(filter, capabilities, host) != filter) std::abort();
  return 0;
}
