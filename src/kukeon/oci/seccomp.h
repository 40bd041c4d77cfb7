// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "kukeon/base/guarded.h"
#include "kukeon/reflect/values.h"

// System call filters. Profiles come in two formats: Docker's, whose rules hold for some
// architectures, kernels and capabilities only, and that of the OCI runtime specification, which
// says what a runtime loads. A runtime gets the second.
namespace kukeon::oci {

// Where a filter is to be loaded.
struct SeccompHost {
  std::string_view word;  // as profiles name the architecture in includes and excludes: "amd64"
  std::string_view name;  // as filters do: "SCMP_ARCH_X86_64"; empty: one that libseccomp lacks
  int kernel_major = 0;
  int kernel_minor = 0;

  // This machine: the architecture that this program was built for, and the running kernel.
  static SeccompHost here();
};

// The `linux.seccomp` object for a profile in either format. A profile of Docker's comes to a
// filter of the native architecture alone: every further one makes a container start slower, by
// milliseconds, and a filter kills programs of architectures that it does not name. What an OCI
// profile names stays. `capabilities` is the container's bounding set. Throws invalid_argument for
// what is no profile, decode_failed for what is no JSON.
std::string seccomp_filter(std::string_view profile, const reflect::StringList& capabilities,
                           const SeccompHost& host);

// The profile that kukeon was built with, in Docker's format
// (cmake/KukeonSeccompProfile.cmake).
std::string_view default_seccomp_profile();

// Filters of the default profile, made once for each set of capabilities. Thread-safe.
class DefaultSeccompFilters {
 public:
  explicit DefaultSeccompFilters(SeccompHost host = SeccompHost::here()) : host_{host} {}

  std::string for_capabilities(const reflect::StringList& capabilities);

 private:
  SeccompHost host_;
  Guarded<std::map<std::string, std::string, std::less<>>> made_;
};

}  // namespace kukeon::oci
