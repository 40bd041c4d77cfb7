// SPDX-License-Identifier: Apache-2.0
#include "kukeon/runtime/signals.h"

#include <gtest/gtest.h>

#include <csignal>

namespace kukeon::runtime {
namespace {

TEST(Signals, AreFoundByNameWithAndWithoutSigAndByNumber) {
  EXPECT_EQ(find_signal("SIGTERM"), SIGTERM);
  EXPECT_EQ(find_signal("TERM"), SIGTERM);
  EXPECT_EQ(find_signal("sigkill"), SIGKILL);
  EXPECT_EQ(find_signal("INT"), SIGINT);
  EXPECT_EQ(find_signal("STOP"), SIGSTOP);
  EXPECT_EQ(find_signal("9"), SIGKILL);
  EXPECT_EQ(find_signal("64"), 64);
}

TEST(Signals, ThatTheKernelLacksAreNotFound) {
  for (const char* name : {"", "SIG", "SIGNOPE", "0", "-1", "65", "TERM ", "SIGSIGTERM"}) {
    EXPECT_FALSE(find_signal(name)) << name;
  }
}

TEST(Signals, SayTheirName) {
  EXPECT_EQ(signal_name(SIGTERM), "SIGTERM");
  EXPECT_EQ(signal_name(50), "50");
}

}  // namespace
}  // namespace kukeon::runtime
