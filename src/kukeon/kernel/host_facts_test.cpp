// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "kukeon/base/error.h"
#include "kukeon/kernel/isolation.h"
#include "kukeon/kernel/sysctl.h"
#include "kukeon/kernel/users.h"

namespace kukeon::kernel {
namespace {

TEST(Groups, AreFoundByName) {
  EXPECT_EQ(find_group("root"), gid_t{0});
  EXPECT_EQ(find_group("no-such-group-here"), std::nullopt);
  EXPECT_EQ(find_group(""), std::nullopt);
}

TEST(Sysctl, TellsTheValueItReplaced) {
  if (const auto reason = isolate_process()) GTEST_SKIP() << *reason;
  const std::string before = read_sysctl(ip_forward);
  EXPECT_EQ(write_sysctl(ip_forward, "1"), before);
  EXPECT_EQ(write_sysctl(ip_forward, "0"), "1");
  EXPECT_EQ(read_sysctl(ip_forward), "0");
}

TEST(Sysctl, FailsForAnUnknownName) { EXPECT_THROW(read_sysctl("net.no_such_thing"), Error); }

}  // namespace
}  // namespace kukeon::kernel
