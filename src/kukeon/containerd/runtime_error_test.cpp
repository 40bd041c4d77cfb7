// SPDX-License-Identifier: Apache-2.0
#include "kukeon/containerd/runtime_error.h"

#include <gtest/gtest.h>

#include "kukeon/base/error_kinds.h"

namespace kukeon::containerd {
namespace {

Error start_error(const std::string& message) {
  return to_start_error(Error{kinds::unknown, message});
}

TEST(StartError, KeepsRuncsCauseOfAMissingCommand) {
  const Error error = start_error(
      "failed to create shim task: OCI runtime create failed: runc create failed: unable to start "
      "container process: exec: \"nginx\": executable file not found in $PATH");
  EXPECT_TRUE(error.is(kinds::invalid_argument));
  EXPECT_EQ(error.message(), "exec: \"nginx\": executable file not found in $PATH");
}

TEST(StartError, KnowsCrunsWordsForAMissingCommand) {
  const Error error = start_error(
      "failed to create shim task: OCI runtime create failed: executable file `nginx` not found in "
      "$PATH: No such file or directory");
  EXPECT_TRUE(error.is(kinds::invalid_argument));
  EXPECT_EQ(error.message(),
            "executable file `nginx` not found in $PATH: No such file or directory");
}

TEST(StartError, BlamesTheUserForAWorkingDirectoryThatCannotBe) {
  EXPECT_TRUE(
      start_error("OCI runtime create failed: runc create failed: unable to start container "
                  "process: chdir to cwd (\"/bin/sh\") set in config.json failed: not a "
                  "directory")
          .is(kinds::invalid_argument));
}

TEST(StartError, LeavesWhatTheUserDidNotWrite) {
  const Error error = start_error(
      "failed to create shim task: OCI runtime create failed: runc create failed: unable to start "
      "container process: unable to apply cgroup configuration: mkdir /sys/fs/cgroup/x: read-only "
      "file system");
  EXPECT_TRUE(error.is(kinds::unknown));
  EXPECT_EQ(error.message(),
            "unable to apply cgroup configuration: mkdir /sys/fs/cgroup/x: read-only file system");
}

TEST(StartError, KeepsTheKindContainerdGave) {
  const Error error = to_start_error(Error{kinds::already_exists, "task web: already exists"});
  EXPECT_TRUE(error.is(kinds::already_exists));
  EXPECT_EQ(error.message(), "task web: already exists");
}

TEST(StartError, KeepsTheContext) {
  Error error{kinds::unknown, "runc create failed: broken"};
  error.add_context("create task web");
  EXPECT_STREQ(to_start_error(error).what(), "create task web: broken");
}

TEST(LostShim, IsASocketThatWentAway) {
  EXPECT_TRUE(
      is_lost_shim("failed to start shim: dial unix /run/containerd/s/ab: connect: no such "
                   "file or directory"));
  EXPECT_TRUE(is_lost_shim("dial unix /run/containerd/s/ab: connect: connection refused"));
  EXPECT_TRUE(is_lost_shim("ttrpc: closed"));
  EXPECT_FALSE(is_lost_shim("exec: \"x\": no such file or directory"));
}

}  // namespace
}  // namespace kukeon::containerd
