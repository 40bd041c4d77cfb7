// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kukeon::image {

// Why a registry did not deliver, as far as what to do about it differs.
enum class Refusal {
  denied,       // no, wrong or insufficient credentials; also for what does not exist, at some
  no_image,     // no such repository or tag
  no_platform,  // it has the image for other machines
  unreachable,
  untrusted,   // its certificate
  plain_http,  // no TLS, and it is not on this host
  damaged,     // what came has another digest
  disk_full,   // ours
  passing,     // may be gone at the next attempt
  other,
};

struct RegistryAnswer {
  std::string text;  // one line
  Refusal refusal = Refusal::other;
};

// What skopeo's standard error says of a copy that failed. Of URLs the query goes, which may hold a
// token, and each of `secrets` where it stands.
RegistryAnswer understand(std::string_view standard_error,
                          const std::vector<std::string>& secrets = {});

}  // namespace kukeon::image
