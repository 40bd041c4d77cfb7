// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/output/table.h"

#include <gtest/gtest.h>

namespace kukeon::cli {
namespace {

TEST(Table, PadsEveryColumnToItsWidestCell) {
  Table table{{"NAME", "STATE", "CGROUP"}};
  table.add_row({"web", "Ready", "/kukeon/default"});
  table.add_row({"a-longer-name", "", "-"});
  EXPECT_EQ(table.text(),
            "NAME           STATE  CGROUP         \n"
            "-------------  -----  ---------------\n"
            "web            Ready  /kukeon/default\n"
            "a-longer-name  -      -              \n");
}

TEST(Table, CountsCharactersAndNotBytes) {
  Table table{{"NAME", "S"}};
  table.add_row({"käfig", "x"});
  EXPECT_EQ(table.text(), "NAME   S\n-----  -\nkäfig  x\n");
}

}  // namespace
}  // namespace kukeon::cli
