// SPDX-License-Identifier: Apache-2.0
#include "kukeon/oci/capabilities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/base/error.h"

namespace kukeon::oci {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

LinuxCapabilities defaults() {
  return {.bounding = default_capabilities(),
          .effective = default_capabilities(),
          .inheritable = {},
          .permitted = default_capabilities(),
          .ambient = {}};
}

TEST(Capabilities, HaveTheKernelsNumbers) {
  EXPECT_THAT(capability_names(1), ElementsAre("CAP_CHOWN"));
  EXPECT_THAT(capability_names(1ULL << 21 | 1ULL << 40),
              ElementsAre("CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"));
  EXPECT_EQ(capability_names(~0ULL), known_capabilities());
}

TEST(Capabilities, AreTakenInAnySpelling) {
  EXPECT_EQ(normalise_capability(" net_admin "), "CAP_NET_ADMIN");
  EXPECT_EQ(normalise_capability("cap_kill"), "CAP_KILL");
  EXPECT_EQ(normalise_capability("all"), "ALL");
}

TEST(Capabilities, AreRefusedWithAHintWhenMisspelt) {
  try {
    normalise_capability("net_admn");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "unknown capability \"net_admn\"; did you mean CAP_NET_ADMIN?");
  }
}

TEST(Capabilities, AreDroppedBeforeTheyAreAdded) {
  auto sets = defaults();
  adjust_capabilities(sets, {"ALL"}, {"net_bind_service"}, known_capabilities());
  EXPECT_THAT(sets.bounding, ElementsAre("CAP_NET_BIND_SERVICE"));
  EXPECT_THAT(sets.effective, ElementsAre("CAP_NET_BIND_SERVICE"));
  EXPECT_THAT(sets.permitted, ElementsAre("CAP_NET_BIND_SERVICE"));
  EXPECT_THAT(sets.inheritable, IsEmpty());
  EXPECT_THAT(sets.ambient, IsEmpty());
}

TEST(Capabilities, AreAddedOnce) {
  auto sets = defaults();
  adjust_capabilities(sets, {" ", "KILL"}, {"CHOWN", "", "SYS_TIME"}, known_capabilities());
  EXPECT_THAT(sets.bounding, Not(Contains("CAP_KILL")));
  EXPECT_THAT(sets.bounding, Contains("CAP_CHOWN").Times(1));
  EXPECT_THAT(sets.bounding, Contains("CAP_SYS_TIME"));
}

TEST(Capabilities, AllInAddIsEveryKnownOne) {
  auto sets = defaults();
  adjust_capabilities(sets, {"ALL"}, {"ALL"}, known_capabilities());
  EXPECT_EQ(sets.bounding, known_capabilities());
}

}  // namespace
}  // namespace kukeon::oci
