// SPDX-License-Identifier: Apache-2.0
#include "kukeon/network/subnet_pool.h"

#include <gtest/gtest.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"

namespace kukeon::network {
namespace {

const Subnet parent = Subnet::parse("10.88.0.0/16");

TEST(PickSubnet, TakesTheLowestFreeOne) {
  EXPECT_EQ(pick_subnet(parent, {}).to_string(), "10.88.0.0/24");
  EXPECT_EQ(pick_subnet(parent, {Subnet::parse("10.88.2.0/24"), Subnet::parse("10.88.0.0/24")})
                .to_string(),
            "10.88.1.0/24");
}

TEST(PickSubnet, AvoidsSubnetsOfAnotherSize) {
  EXPECT_EQ(pick_subnet(parent, {Subnet::parse("10.88.0.0/22"), Subnet::parse("10.88.4.128/25")})
                .to_string(),
            "10.88.5.0/24");
  EXPECT_EQ(pick_subnet(parent, {Subnet::parse("192.168.0.0/16")}).to_string(), "10.88.0.0/24");
}

TEST(PickSubnet, SaysWhenTheParentIsFull) {
  std::vector<Subnet> used;
  for (int n = 0; n < 256; ++n) used.push_back(pick_subnet(parent, used));
  EXPECT_EQ(used.back().to_string(), "10.88.255.0/24");
  try {
    pick_subnet(parent, used);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::subnet_exhausted));
    EXPECT_STREQ(error.what(), "no free /24 subnet in 10.88.0.0/16");
  }
}

TEST(PickAddress, TakesTheLowestFreeHost) {
  const Subnet subnet = Subnet::parse("10.88.0.0/24");
  EXPECT_EQ(pick_address(subnet, {}).to_string(), "10.88.0.2");
  EXPECT_EQ(
      pick_address(subnet, {Address::parse("10.88.0.2"), Address::parse("10.88.0.4")}).to_string(),
      "10.88.0.3");
}

TEST(PickAddress, NeverGivesOutTheBroadcastAddress) {
  const Subnet subnet = Subnet::parse("10.88.0.0/29");
  std::vector<Address> used;
  for (int n = 0; n < 5; ++n) used.push_back(pick_address(subnet, used));
  EXPECT_EQ(used.back().to_string(), "10.88.0.6");
  try {
    pick_address(subnet, used);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::address_exhausted));
    EXPECT_STREQ(error.what(), "no free address in 10.88.0.0/29");
  }
}

TEST(PickAddress, FindsNoHostInASubnetThatHasNone) {
  EXPECT_THROW(pick_address(Subnet::parse("10.88.0.0/31"), {}), Error);
  EXPECT_THROW(pick_address(Subnet::parse("10.88.0.1/32"), {}), Error);
}

}  // namespace
}  // namespace kukeon::network
