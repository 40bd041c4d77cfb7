// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "kukeon/base/error.h"

namespace kukeon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Log : public ::testing::Test {
 protected:
  void collect(log::Level least) {
    log::set_sink(least, [this](log::Level, const std::string& line) { lines_.push_back(line); });
  }
  void TearDown() override { log::set_sink(log::Level::error, {}); }

  std::vector<std::string> lines_;
};

TEST_F(Log, WritesTheSentenceAndThenTheFields) {
  collect(log::Level::info);
  log::info("cell ready", {{"cell", "default/web"}, {"pid", 42}, {"first", true}});
  EXPECT_THAT(lines_, ElementsAre("cell ready cell=default/web pid=42 first=true"));
}

TEST_F(Log, QuotesValuesThatCouldBeMistaken) {
  collect(log::Level::info);
  log::info("x", {{"a", ""}, {"b", "two words"}, {"c", "k=v"}, {"d", "say \"hi\""}});
  log::info("y", {{"line", "one\ntwo\x1b[31m"}, {"del", "\x7f"}});
  EXPECT_THAT(lines_, ElementsAre(R"(x a="" b="two words" c="k=v" d="say \"hi\"")",
                                  R"(y line="one\ntwo\x1b[31m" del="\x7f")"));
}

TEST_F(Log, DropsWhatIsBelowTheLevel) {
  collect(log::Level::warn);
  log::debug("a");
  log::info("b");
  log::warn("c");
  log::error("d");
  EXPECT_THAT(lines_, ElementsAre("c", "d"));
}

TEST_F(Log, WritesNothingWithoutASink) {
  log::set_sink(log::Level::debug, {});
  log::error("nobody hears");
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(Log, KnowsTheWordsForLevels) {
  EXPECT_EQ(log::parse_level("debug"), log::Level::debug);
  EXPECT_EQ(log::parse_level("info"), log::Level::info);
  EXPECT_EQ(log::parse_level("warn"), log::Level::warn);
  EXPECT_EQ(log::parse_level("error"), log::Level::error);
  EXPECT_THROW(log::parse_level("loud"), Error);
}

}  // namespace
}  // namespace kukeon
