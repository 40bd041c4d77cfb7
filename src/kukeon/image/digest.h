// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kukeon::image {

// SHA-256 of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256();

  void update(std::string_view bytes);
  // "sha256:<64 hex>"; call it once.
  std::string digest();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_digest(std::string_view bytes);

// Whether the text is "sha256:" and 64 lower-case hexadecimal digits.
bool is_sha256_digest(std::string_view text);

// The name of the snapshot that holds these layers, bottom first, one on the other (OCI image spec,
// "Layer ChainID"). Empty for no layers.
std::string chain_id(const std::vector<std::string>& diff_ids);

}  // namespace kukeon::image
