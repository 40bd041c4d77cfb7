// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kukeon::model {

// An image's full name, by Docker's rules for familiar names.
struct ImageReference {
  std::string registry;    // "docker.io", "localhost:5000"
  std::string repository;  // "library/busybox"
  std::string tag;         // "latest"; empty when only a digest was given
  std::string digest;      // "sha256:…" or empty

  std::string to_string() const;
};

// `busybox` is docker.io/library/busybox:latest. Nothing for what is no image reference.
std::optional<ImageReference> parse_image_reference(std::string_view text);

// The full name as text; what cannot be parsed, and anything with `://`, comes back unchanged
// (runtime.md 2.1).
std::string normalize_image_reference(std::string_view text);

}  // namespace kukeon::model
