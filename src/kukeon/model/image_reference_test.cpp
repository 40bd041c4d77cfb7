// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/image_reference.h"

#include <gtest/gtest.h>

namespace kukeon::model {
namespace {

TEST(NormalizeImageReference, FollowsTheRulesOfFamiliarNames) {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  const std::pair<std::string, std::string> table[] = {
      {"", ""},
      {"https://example.com/x", "https://example.com/x"},
      {"busybox", "docker.io/library/busybox:latest"},
      {"busybox:1.36", "docker.io/library/busybox:1.36"},
      {"alpine" + digest, "docker.io/library/alpine" + digest},
      {"alpine:3" + digest, "docker.io/library/alpine:3" + digest},
      {"user/img", "docker.io/user/img:latest"},
      {"ghcr.io/a/b", "ghcr.io/a/b:latest"},
      {"ghcr.io/a/b:v1", "ghcr.io/a/b:v1"},
      {"docker.io/busybox:1", "docker.io/library/busybox:1"},
      {"index.docker.io/busybox", "docker.io/library/busybox:latest"},
      {"localhost/x", "localhost/x:latest"},
      {"localhost:5000/x", "localhost:5000/x:latest"},
      {"registry:5000/a/b:2", "registry:5000/a/b:2"},
      {"[::1]:5000/a", "[::1]:5000/a:latest"},
      {"a__b/c-d.e", "docker.io/a__b/c-d.e:latest"},
      {"docker.io/library/busybox:latest", "docker.io/library/busybox:latest"},
  };
  for (const auto& [input, expected] : table) EXPECT_EQ(normalize_image_reference(input), expected);
}

TEST(NormalizeImageReference, LeavesWhatIsNoReferenceAsItIs) {
  for (const std::string& text :
       {std::string{"BusyBox"}, std::string{"a//b"}, std::string{"a:"}, std::string{"a@sha256:12"},
        std::string{"-a"}, std::string{"a..b"}, std::string{"a___b"}, std::string{"/a"},
        std::string{"a/"}, std::string{"x.y/"}, std::string{"a b"}, std::string{"reg:port/a"},
        std::string(64, 'a'), std::string(300, 'a'), "a:" + std::string(129, 't')}) {
    EXPECT_EQ(parse_image_reference(text), std::nullopt) << text;
    EXPECT_EQ(normalize_image_reference(text), text);
  }
}

TEST(ParseImageReference, TakesAReferenceApart) {
  const auto reference = parse_image_reference("localhost:5000/team/app:v2");
  ASSERT_TRUE(reference);
  EXPECT_EQ(reference->registry, "localhost:5000");
  EXPECT_EQ(reference->repository, "team/app");
  EXPECT_EQ(reference->tag, "v2");
  EXPECT_EQ(reference->digest, "");
}

}  // namespace
}  // namespace kukeon::model
