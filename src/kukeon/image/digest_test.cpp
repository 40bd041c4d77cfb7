// SPDX-License-Identifier: Apache-2.0
#include "kukeon/image/digest.h"

#include <gtest/gtest.h>

#include <string>

namespace kukeon::image {
namespace {

TEST(Sha256, IsTheStandardsWhateverThePieces) {
  EXPECT_EQ(sha256_digest("abc"),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 hash;
  hash.update("a");
  hash.update("");
  hash.update("bc");
  EXPECT_EQ(hash.digest(), sha256_digest("abc"));
}

TEST(Digests, AreSixtyFourLowerCaseDigits) {
  EXPECT_TRUE(is_sha256_digest(sha256_digest("")));
  EXPECT_FALSE(is_sha256_digest(""));
  EXPECT_FALSE(is_sha256_digest("sha256:abc"));
  EXPECT_FALSE(is_sha256_digest("sha256:" + std::string(64, 'A')));
  EXPECT_FALSE(is_sha256_digest("sha256:" + std::string(63, 'a') + "/"));
  EXPECT_FALSE(is_sha256_digest("sha512:" + std::string(64, 'a')));
}

TEST(ChainId, FoldsTheLayersFromTheBottom) {
  EXPECT_EQ(chain_id({}), "");
  EXPECT_EQ(chain_id({"sha256:a"}), "sha256:a");
  EXPECT_EQ(chain_id({"sha256:a", "sha256:b"}), sha256_digest("sha256:a sha256:b"));
  EXPECT_EQ(chain_id({"sha256:a", "sha256:b", "sha256:c"}),
            sha256_digest(sha256_digest("sha256:a sha256:b") + " sha256:c"));
}

}  // namespace
}  // namespace kukeon::image
