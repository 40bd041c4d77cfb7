// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/terminal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <cstdlib>

#include "kukeon/base/fd.h"

namespace kukeon::cli {
namespace {

// A screen of that many columns: the master side, which has the size too.
Fd screen(unsigned short columns) {
  Fd master{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
  EXPECT_TRUE(master);
  winsize size{};
  size.ws_col = columns;
  EXPECT_EQ(::ioctl(master.get(), TIOCSWINSZ, &size), 0);
  return master;
}

std::size_t columns_of(const Fd& out) { return Terminal{0, out.get(), 2}.columns(); }

TEST(Terminal, IsAsWideAsItsScreen) {
  EXPECT_EQ(columns_of(screen(132)), 132U);
  EXPECT_EQ(columns_of(screen(80)), 80U);
}

TEST(Terminal, NeedsAFewColumns) { EXPECT_EQ(columns_of(screen(7)), 40U); }

TEST(Terminal, HasEightyColumnsWithoutAScreen) {
  EXPECT_EQ(columns_of(screen(0)), 80U);
  EXPECT_EQ(columns_of(Fd{::open("/dev/null", O_WRONLY | O_CLOEXEC)}), 80U);
}

}  // namespace
}  // namespace kukeon::cli
