// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/netlink.h"

#include <gmock/gmock.h>

#include <chrono>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/kernel/isolation.h"
#include "kukeon/kernel/namespaces.h"

namespace kukeon::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr MacAddress some_mac{0x02, 0x6b, 10, 88, 0, 1};
constexpr std::uint32_t gateway = 0x0a580001;

class NetlinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = isolate_process()) GTEST_SKIP() << *reason;
    netlink_.emplace();
    cell_.create("cell");
    netns_ = open_namespace(cell_.net());
  }
  void TearDown() override { cell_.remove(); }

  TemporaryDirectory dir_;
  PinnedNamespaces cell_{dir_.path() / "cell"};
  Fd netns_;
  std::optional<Netlink> netlink_;
};

TEST_F(NetlinkTest, ABridgeIsMadeOnceAndUp) {
  const Link first = netlink_->ensure_bridge("k-00000001", some_mac);
  const Link second = netlink_->ensure_bridge("k-00000001", some_mac);
  EXPECT_EQ(first.index, second.index);
  EXPECT_EQ(first.kind, "bridge");
  EXPECT_TRUE(first.up);
  EXPECT_THAT(netlink_->list("k-"), SizeIs(1));
  netlink_->remove_link("k-00000001");
  netlink_->remove_link("k-00000001");
  EXPECT_EQ(netlink_->find("k-00000001"), std::nullopt);
}

TEST_F(NetlinkTest, AnAddressIsAddedAndRemovedIdempotently) {
  const Link bridge = netlink_->ensure_bridge("k-00000001", some_mac);
  const LinkAddress address{gateway, 24};
  netlink_->add_address(bridge.index, address);
  netlink_->add_address(bridge.index, address);
  EXPECT_THAT(netlink_->addresses(bridge.index), ElementsAre(address));
  netlink_->remove_address(bridge.index, address);
  netlink_->remove_address(bridge.index, address);
  EXPECT_THAT(netlink_->addresses(bridge.index), IsEmpty());
}

TEST_F(NetlinkTest, AVethIsBornPluggedWithItsInnerEndElsewhere) {
  const Link bridge = netlink_->ensure_bridge("k-00000001", some_mac);
  netlink_->create_veth({"kvouter", "eth0", bridge.index, 7, {0x02, 0x6b, 10, 88, 0, 2}}, netns_);

  const Link outer = netlink_->find("kvouter").value();
  EXPECT_EQ(outer.kind, "veth");
  EXPECT_EQ(outer.master, bridge.index);
  EXPECT_EQ(outer.group, 7U);
  EXPECT_TRUE(outer.up);
  EXPECT_TRUE(netlink_->peer_lives(outer));
  EXPECT_EQ(netlink_->find("eth0"), std::nullopt);

  Netlink inside{netns_};
  const Link inner = inside.find("eth0").value();
  inside.set_up(inner.index);
  EXPECT_EQ(inner.peer, outer.index);
  EXPECT_EQ(outer.peer, inner.index);
  inside.add_address(inner.index, {gateway + 1, 24});
  inside.add_default_route(gateway, inner.index);
  inside.add_default_route(gateway, inner.index);
}

TEST_F(NetlinkTest, ATakenNameIsAlreadyExists) {
  netlink_->create_veth({"kvouter", "eth0", 0, 7, {}}, netns_);
  for (const char* outer : {"kvouter", "kvother"}) {
    try {
      netlink_->create_veth({outer, "eth0", 0, 7, {}}, netns_);
      FAIL() << outer;
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::already_exists)) << error.what();
    }
  }
}

TEST_F(NetlinkTest, AGroupIsRepluggedAndRemovedAsOne) {
  netlink_->create_veth({"kvone", "eth0", 0, 7, {}}, netns_);
  netlink_->create_veth({"kvtwo", "eth1", 0, 7, {}}, netns_);
  netlink_->create_veth({"kvother", "eth2", 0, 8, {}}, netns_);
  const Link bridge = netlink_->ensure_bridge("k-00000001", some_mac);
  netlink_->set_group_master(7, bridge.index);
  EXPECT_EQ(netlink_->find("kvone")->master, bridge.index);
  EXPECT_EQ(netlink_->find("kvtwo")->master, bridge.index);
  EXPECT_EQ(netlink_->find("kvother")->master, 0);

  netlink_->remove_group(7);
  netlink_->remove_group(7);
  netlink_->set_group_master(7, bridge.index);
  EXPECT_THAT(netlink_->list("kv"), SizeIs(1));
}

TEST_F(NetlinkTest, GroupZeroIsNeverRemoved) { EXPECT_THROW(netlink_->remove_group(0), Error); }

TEST_F(NetlinkTest, AVethIsKnownToBeGoingOnceItsNamespaceEnded) {
  netlink_->create_veth({"kvouter", "eth0", 0, 7, {}}, netns_);
  netns_.reset();
  cell_.remove();
  // A closed netlink socket keeps its namespace for an RCU grace period.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  bool lives = true;
  while (lives && std::chrono::steady_clock::now() < deadline) {
    const auto outer = netlink_->find("kvouter");
    lives = outer && netlink_->peer_lives(*outer);
  }
  EXPECT_FALSE(lives);
}

TEST_F(NetlinkTest, BadNamesAreRefusedBeforeTheKernelSeesThem) {
  EXPECT_THROW(netlink_->find(""), Error);
  EXPECT_THROW(netlink_->ensure_bridge("k-0123456789abcdef", some_mac), Error);
}

TEST_F(NetlinkTest, ErrorsCarryTheKernelsErrno) {
  try {
    netlink_->set_up(99999);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.os_error(), ENODEV) << error.what();
  }
}

TEST_F(NetlinkTest, ALinkOfAnotherKindIsNotTakenForABridge) {
  netlink_->create_veth({"k-00000001", "eth0", 0, 7, {}}, netns_);
  try {
    netlink_->ensure_bridge("k-00000001", some_mac);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::failed_precondition)) << error.what();
  }
}

}  // namespace
}  // namespace kukeon::kernel
