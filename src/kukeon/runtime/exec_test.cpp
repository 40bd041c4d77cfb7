// SPDX-License-Identifier: Apache-2.0
#include "kukeon/runtime/exec.h"

#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/runtime/filter.h"

namespace kukeon::runtime {
namespace {

using ::testing::ElementsAre;

ContainerRecord with_process(std::optional<oci::Process> process) {
  oci::Spec spec;
  spec.oci_version = "1.0.2";
  spec.process = std::move(process);
  return {.id = "web",
          .image = {},
          .snapshotter = {},
          .snapshot_key = {},
          .spec_json = oci::to_json(spec),
          .labels = {}};
}

TEST(ProcessIn, RunsOtherArgumentsAsTheContainerWould) {
  oci::Process own;
  own.terminal = true;
  own.user.uid = 7;
  own.args = {"/bin/server"};
  own.env = {"PATH=/bin", "A=1"};
  own.cwd = "/srv";
  own.no_new_privileges = true;
  const oci::Process process = process_in(with_process(own), {"ls", "-l"});
  EXPECT_THAT(process.args, ElementsAre("ls", "-l"));
  EXPECT_FALSE(process.terminal);
  EXPECT_EQ(process.user.uid, 7U);
  EXPECT_THAT(process.env, ElementsAre("PATH=/bin", "A=1"));
  EXPECT_EQ(process.cwd, "/srv");
  EXPECT_TRUE(process.no_new_privileges);
}

TEST(ProcessIn, RefusesAContainerWithoutAProcess) {
  try {
    process_in(with_process(std::nullopt), {"ls"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::failed_precondition)) << error.what();
  }
}

TEST(Filter, QuotesKeysAndValues) {
  EXPECT_EQ(label_is("kukeon.io/cell", "a\"b"), R"(labels."kukeon.io/cell"=="a\"b")");
  EXPECT_EQ(labels_are({{"a", "1"}, {"b", "2"}}), R"(labels."a"=="1",labels."b"=="2")");
}

}  // namespace
}  // namespace kukeon::runtime
