// SPDX-License-Identifier: Apache-2.0
#include "kukeon/network/address.h"

#include <gtest/gtest.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"

namespace kukeon::network {
namespace {

TEST(Address, IsReadAndWrittenInDottedDecimal) {
  for (const char* text : {"0.0.0.0", "10.88.0.2", "255.255.255.255"}) {
    EXPECT_EQ(Address::parse(text).to_string(), text);
  }
  EXPECT_EQ(Address::parse("10.88.0.2").bits, 0x0a580002U);
}

TEST(Address, RefusesEveryOtherText) {
  for (const char* text :
       {"", "10.88.0", "10.88.0.", "10.88.0.256", "10.88.0.1 ", " 10.88.0.1", "10.88.0.01",
        "10.88.0.-1", "10.88.0.1.2", "a.b.c.d", "::1", "10..0.1", "1000.0.0.1", "+1.0.0.1"}) {
    try {
      Address::parse(text);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::invalid_argument)) << text;
    }
  }
}

TEST(Subnet, KnowsItsHosts) {
  const Subnet subnet = Subnet::parse("10.88.3.0/24");
  EXPECT_EQ(subnet.to_string(), "10.88.3.0/24");
  EXPECT_EQ(subnet.gateway().to_string(), "10.88.3.1");
  EXPECT_EQ(subnet.first_host().to_string(), "10.88.3.2");
  EXPECT_EQ(subnet.last_host().to_string(), "10.88.3.254");
  EXPECT_TRUE(subnet.contains(Address::parse("10.88.3.255")));
  EXPECT_FALSE(subnet.contains(Address::parse("10.88.4.0")));
}

TEST(Subnet, RefusesHostBitsAndSaysWhichNetworkWasMeant) {
  try {
    Subnet::parse("10.88.3.1/24");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "\"10.88.3.1/24\" has host bits set; the network is 10.88.3.0/24");
  }
}

TEST(Subnet, RefusesEveryOtherText) {
  for (const char* text : {"", "10.88.0.0", "10.88.0.0/", "10.88.0.0/33", "10.88.0.0/024",
                           "10.88.0.0/2x", "10.88.0/16", "/24", "10.88.0.0/-1"}) {
    EXPECT_THROW(Subnet::parse(text), Error) << text;
  }
}

TEST(Subnet, OverlapsWhatSharesAnAddress) {
  const Subnet wide = Subnet::parse("10.88.0.0/16");
  const Subnet narrow = Subnet::parse("10.88.200.0/24");
  const Subnet other = Subnet::parse("10.89.0.0/24");
  EXPECT_TRUE(wide.overlaps(narrow));
  EXPECT_TRUE(narrow.overlaps(wide));
  EXPECT_TRUE(narrow.overlaps(narrow));
  EXPECT_FALSE(other.overlaps(wide));
  EXPECT_TRUE(Subnet::parse("0.0.0.0/0").overlaps(other));
}

TEST(Subnet, IsCutIntoChunksUpToItsEnd) {
  const Subnet parent = Subnet::parse("10.88.0.0/16");
  Subnet chunk;
  ASSERT_TRUE(parent.chunk(24, 255, chunk));
  EXPECT_EQ(chunk.to_string(), "10.88.255.0/24");
  EXPECT_FALSE(parent.chunk(24, 256, chunk));
  EXPECT_FALSE(parent.chunk(8, 0, chunk));
  ASSERT_TRUE(parent.chunk(16, 0, chunk));
  EXPECT_EQ(chunk, parent);
}

}  // namespace
}  // namespace kukeon::network
