// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/mounts.h"

#include <gmock/gmock.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/kernel/isolation.h"

namespace kukeon::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Mountinfo, IsReadWithOptionalFieldsAndEscapedPaths) {
  const auto mounts = parse_mountinfo(
      "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
      "36 35 98:0 /a\\040b /mnt/two\\040words rw shared:1 master:2 - ext4 /dev/vda rw,discard\n");
  EXPECT_THAT(mounts, ElementsAre(Mount{"0:21", "/", "/proc", "proc", "proc", "rw"},
                                  Mount{"98:0", "/a b", "/mnt/two words", "ext4", "/dev/vda",
                                        "rw,discard"}));
}

TEST(Mountinfo, IsRefusedWhenALineIsCutShort) {
  for (const char* text :
       {"22 27 0:21 / /proc rw", "22 27 0:21 / /proc rw - proc\n", "nonsense\n"}) {
    try {
      parse_mountinfo(text);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::decode_failed)) << error.what();
    }
  }
}

TEST(Mounts, BelowADirectoryAreFoundAndUnmountedInnermostFirst) {
  if (const auto reason = isolate_process()) GTEST_SKIP() << *reason;
  const TemporaryDirectory dir;
  const fs::path outer = dir.path() / "a b";
  const fs::path sibling = dir.path() / "a bc";
  fs::create_directories(outer / "inner");
  fs::create_directories(sibling);
  bind_mount(outer, outer);
  bind_mount(outer / "inner", outer / "inner");
  bind_mount(sibling, sibling);

  std::vector<fs::path> targets;
  for (const Mount& mount : list_mounts_below(outer)) targets.push_back(mount.target);
  EXPECT_THAT(targets, ElementsAre(outer, outer / "inner"));

  unmount_below(outer);
  EXPECT_THAT(list_mounts_below(outer), IsEmpty());
  EXPECT_TRUE(unmount(sibling));
  EXPECT_FALSE(unmount(sibling));
  EXPECT_FALSE(unmount(dir.path() / "missing"));
}

}  // namespace
}  // namespace kukeon::kernel
