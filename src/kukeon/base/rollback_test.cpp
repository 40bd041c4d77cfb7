// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/rollback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "kukeon/base/log.h"

namespace kukeon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Rollback, UndoesNewestFirst) {
  std::vector<std::string> undone;
  {
    Rollback undo;
    undo.add([&] { undone.push_back("cgroup"); });
    undo.add([&] { undone.push_back("network"); });
    undo.add([&] { undone.push_back("task"); });
  }
  EXPECT_THAT(undone, ElementsAre("task", "network", "cgroup"));
}

TEST(Rollback, UndoesNothingAfterCommit) {
  std::vector<std::string> undone;
  {
    Rollback undo;
    undo.add([&] { undone.push_back("cgroup"); });
    undo.commit();
  }
  EXPECT_THAT(undone, IsEmpty());
}

TEST(Rollback, UndoesWhatCameAfterACommit) {
  std::vector<std::string> undone;
  {
    Rollback undo;
    undo.add([&] { undone.push_back("first"); });
    undo.commit();
    undo.add([&] { undone.push_back("second"); });
  }
  EXPECT_THAT(undone, ElementsAre("second"));
}

TEST(Rollback, AFailingStepIsLoggedAndTheOthersStillRun) {
  std::vector<std::string> lines;
  log::set_sink(log::Level::warn,
                [&](log::Level, const std::string& line) { lines.push_back(line); });
  std::vector<std::string> undone;
  try {
    Rollback undo;
    undo.add([&] { undone.push_back("first"); });
    undo.add([] { throw std::runtime_error{"busy"}; });
    undo.add([&] { undone.push_back("third"); });
    throw std::runtime_error{"the reason"};
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "the reason");
  }
  log::set_sink(log::Level::error, {});
  EXPECT_THAT(undone, ElementsAre("third", "first"));
  EXPECT_THAT(lines, ElementsAre("undo step failed cause=busy"));
}

}  // namespace
}  // namespace kukeon
