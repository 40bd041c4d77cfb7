// SPDX-License-Identifier: Apache-2.0
#include "kukeon/image/digest.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "kukeon/base/error_kinds.h"

namespace kukeon::image {
namespace {

constexpr std::string_view prefix = "sha256:";
constexpr std::size_t hex_digits = 64;

void check(int ok) {
  if (ok != 1) throw Error{kinds::os_error, "compute a SHA-256 digest: OpenSSL refused"};
}

}  // namespace

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_{std::make_unique<State>()} {
  check(state_->context != nullptr ? 1 : 0);
  check(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr));
}

Sha256::~Sha256() = default;

void Sha256::update(std::string_view bytes) {
  check(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()));
}

std::string Sha256::digest() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  check(EVP_DigestFinal_ex(state_->context, raw.data(), &size));
  std::string text{prefix};
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", raw[i]);
  return text;
}

std::string sha256_digest(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.digest();
}

bool is_sha256_digest(std::string_view text) {
  if (!text.starts_with(prefix) || text.size() != prefix.size() + hex_digits) return false;
  return std::ranges::all_of(text.substr(prefix.size()), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

std::string chain_id(const std::vector<std::string>& diff_ids) {
  std::string chain;
  for (const auto& diff_id : diff_ids) {
    chain = chain.empty() ? diff_id : sha256_digest(chain + " " + diff_id);
  }
  return chain;
}

}  // namespace kukeon::image
