// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/host/run_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/base/error.h"

namespace kukeon::cli {
namespace {

using testing::ElementsAre;

TEST(RunPaths, AreOursWhenEmptyOrMarked) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(is_ours(directory.path()));
  EXPECT_TRUE(is_ours(directory.path() / "absent"));
  write_file_atomically(directory.path() / "letter.txt", "dear", 0644);
  write_file_atomically(directory.path() / "kukeond.sock", "", 0644);
  EXPECT_FALSE(is_ours(directory.path()));
  write_file_atomically(directory.path() / ".kukeon-instance.json", "{}", 0644);
  EXPECT_TRUE(is_ours(directory.path()));
}

TEST(RunPaths, AreNeverTheDirectoriesOfTheSystem) {
  for (const char* path : {"/", "/tmp", "/run", "/srv/", "/usr/local", "/var/lib", "/root/.."}) {
    EXPECT_FALSE(is_ours(path)) << path;
  }
}

TEST(RunPaths, KeepWhatIsNotOurs) {
  const TemporaryDirectory directory;
  write_file_atomically(directory.path() / "letter.txt", "dear", 0644);
  EXPECT_THROW(own_directory(directory.path(), 0), Error);
  EXPECT_THAT(remove_directory(directory.path()), testing::StartsWith("remove failed: "));
  EXPECT_TRUE(fs::exists(directory.path() / "letter.txt"));
}

TEST(RunPaths, AreRemovedWithAllTheyHold) {
  const TemporaryDirectory directory;
  const fs::path path = directory.path() / "kukeon";
  fs::create_directories(path / "data" / "default");
  write_file_atomically(path / ".kukeon-instance.json", "{}", 0644);
  EXPECT_EQ(remove_directory(path), "removed");
  EXPECT_EQ(remove_directory(path), "absent");
}

TEST(RunPaths, NameMountsDeepestFirst) {
  const std::string mountinfo =
      "1 0 0:1 / / rw - ext4 a rw\n"
      "2 1 0:2 / /run/kukeon rw - tmpfs b rw\n"
      "3 1 0:3 / /run/kukeon/ns/a\\040b rw - nsfs c rw\n"
      "4 1 0:4 / /run/kukeonish rw - tmpfs d rw\n"
      "5 1 0:5 / /run/kukeon/ns rw - tmpfs e rw\n";
  EXPECT_THAT(mounts_below("/run/kukeon/", mountinfo),
              ElementsAre("/run/kukeon/ns/a b", "/run/kukeon/ns", "/run/kukeon"));
}

}  // namespace
}  // namespace kukeon::cli
