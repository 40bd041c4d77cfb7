// SPDX-License-Identifier: Apache-2.0
// A user, /etc/passwd and /etc/group of an image, with a NUL byte between them.
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <set>
#include <string>
#include <string_view>

#include "kukeon/base/error.h"
#include "kukeon/oci/user.h"

namespace {

constexpr std::uint32_t largest_id = std::numeric_limits<std::int32_t>::max();

std::string_view take(std::string_view& rest) {
  const auto end = rest.find('\0');
  const auto part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return part;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  const auto user = take(rest);
  const std::string passwd{take(rest)};
  try {
    const auto found =
        kukeon::oci::resolve_user(user, {.passwd = passwd, .group = std::string{rest}});
    require(found.uid <= largest_id && found.gid <= largest_id);
    const auto& gids = found.additional_gids;
    require(!gids.empty() && gids.front() == found.gid);
    require(std::set(gids.begin(), gids.end()).size() == gids.size());
    for (const auto gid : gids) require(gid <= largest_id);
  } catch (const kukeon::Error&) {
    return 0;
  }
  return 0;
}
