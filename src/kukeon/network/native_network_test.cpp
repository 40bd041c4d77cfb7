// SPDX-License-Identifier: Apache-2.0
#include "kukeon/network/native_network.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/kernel/isolation.h"
#include "kukeon/kernel/namespaces.h"
#include "kukeon/kernel/netlink.h"
#include "kukeon/kernel/sysctl.h"

namespace kukeon::network {
namespace {

using kernel::Netlink;
using kernel::NetnsVisit;
using kernel::PinnedNamespaces;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Optional;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr int port = 8080;
constexpr int patience_ms = 5000;

sockaddr_in endpoint(Address address) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(address.bits);
  return at;
}

Fd tcp_socket() { return Fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)}; }

Fd listen_in(const Fd& netns, Address address) {
  const NetnsVisit visit{netns};
  Fd listener = tcp_socket();
  const sockaddr_in at = endpoint(address);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) < 0 ||
      ::listen(listener.get(), 4) < 0) {
    throw Error::from_errno("listen");
  }
  return listener;
}

// The address under which the listener sees a connection that comes from `netns`; empty when none
// arrives.
std::string seen_by(const Fd& listener, const Fd& netns, Address target) {
  const NetnsVisit visit{netns};
  const Fd client = tcp_socket();
  const sockaddr_in at = endpoint(target);
  ::connect(client.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at);
  pollfd event{listener.get(), POLLIN, 0};
  if (::poll(&event, 1, patience_ms) != 1) return "";
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  const Fd server{
      ::accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC)};
  return server ? Address{ntohl(peer.sin_addr.s_addr)}.to_string() : "";
}

class NativeNetworkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = kernel::isolate_process()) GTEST_SKIP() << *reason;
    nft_.emplace();
    network_.emplace(*nft_, NativeNetwork::Options{dir_.path() / "run" / "ip_forward"});
    host_ = kernel::open_namespace("/proc/self/ns/net");
    kernel::write_sysctl(kernel::ip_forward, "0");
  }
  void TearDown() override {
    for (const std::string& name : kernel::list_pinned(dir_.path() / "ns")) pins(name).remove();
  }

  PinnedNamespaces pins(const std::string& name) const {
    return PinnedNamespaces{dir_.path() / "ns" / name};
  }
  Attachment plan(const std::string& name, const SpaceNetwork& space,
                  const std::string& address) const {
    return {space, pins(name).net(), "default/default/" + name, Address::parse(address)};
  }
  // A running cell: namespaces, and the network in them.
  Attachment plug(const std::string& name, const SpaceNetwork& space, const std::string& address) {
    pins(name).create(name);
    const Attachment cell = plan(name, space, address);
    network_->attach(cell);
    return cell;
  }
  static Fd netns(const Attachment& cell) { return kernel::open_namespace(cell.netns); }

  const SpaceNetwork web_{"default-web", "k-00000a01", Subnet::parse("10.88.0.0/24")};
  const SpaceNetwork db_{"default-db", "k-00000a02", Subnet::parse("10.88.1.0/24")};
  TemporaryDirectory dir_;
  std::optional<kernel::Nft> nft_;
  std::optional<NativeNetwork> network_;
  Fd host_;
};

TEST_F(NativeNetworkTest, ACellReachesTheHostAtItsGateway) {
  network_->ensure_space(web_);
  const Attachment cell = plug("front", web_, "10.88.0.2");
  const Fd listener = listen_in(host_, web_.subnet.gateway());
  EXPECT_EQ(seen_by(listener, netns(cell), web_.subnet.gateway()), "10.88.0.2");
}

TEST_F(NativeNetworkTest, TheHostReachesACell) {
  network_->ensure_space(web_);
  const Attachment cell = plug("front", web_, "10.88.0.2");
  const Fd listener = listen_in(netns(cell), cell.address);
  EXPECT_EQ(seen_by(listener, host_, cell.address), "10.88.0.1");
}

TEST_F(NativeNetworkTest, CellsOfOneSpaceAndOfTwoSeeEachOthersAddresses) {
  network_->ensure_space(web_);
  network_->ensure_space(db_);
  const Attachment front = plug("front", web_, "10.88.0.2");
  const Attachment side = plug("side", web_, "10.88.0.3");
  const Attachment back = plug("back", db_, "10.88.1.2");
  const Fd at_side = listen_in(netns(side), side.address);
  EXPECT_EQ(seen_by(at_side, netns(front), side.address), "10.88.0.2");
  const Fd at_back = listen_in(netns(back), back.address);
  EXPECT_EQ(seen_by(at_back, netns(front), back.address), "10.88.0.2");
}

TEST_F(NativeNetworkTest, OutsideTheHostACellIsSeenAsTheHost) {
  network_->ensure_space(web_);
  const Attachment cell = plug("front", web_, "10.88.0.2");
  // A neighbour that knows nothing of 10.88.0.0/24.
  pins("outside").create("outside");
  const Fd outside = kernel::open_namespace(pins("outside").net());
  Netlink host;
  host.create_veth({"uplink", "uplink", 0, 1, {}}, outside);
  host.add_address(host.find("uplink")->index, {Address::parse("192.0.2.1").bits, 24});
  Netlink beyond{outside};
  const int far_end = beyond.find("uplink")->index;
  beyond.set_up(far_end);
  beyond.add_address(far_end, {Address::parse("192.0.2.2").bits, 24});

  const Fd listener = listen_in(outside, Address::parse("192.0.2.2"));
  EXPECT_EQ(seen_by(listener, netns(cell), Address::parse("192.0.2.2")), "192.0.2.1");
}

TEST_F(NativeNetworkTest, EnsuringASpaceTwiceChangesNothing) {
  network_->ensure_space(web_);
  const auto links = network_->inventory();
  const auto rules = nft_->list("list table inet kukeon");
  network_->ensure_space(web_);
  EXPECT_EQ(network_->inventory(), links);
  EXPECT_EQ(nft_->list("list table inet kukeon"), rules);
  EXPECT_THAT(rules, Optional(HasSubstr("masquerade")));
  EXPECT_THAT(rules, Optional(HasSubstr("10.88.0.0/24")));
}

TEST_F(NativeNetworkTest, ALostBridgeComesBackWithItsCellsPluggedIn) {
  network_->ensure_space(web_);
  const Attachment cell = plug("front", web_, "10.88.0.2");
  Netlink{}.remove_link(web_.bridge);
  EXPECT_FALSE(network_->space_exists(web_));

  network_->ensure_space(web_);
  EXPECT_TRUE(network_->space_exists(web_));
  const Fd listener = listen_in(host_, web_.subnet.gateway());
  EXPECT_EQ(seen_by(listener, netns(cell), web_.subnet.gateway()), "10.88.0.2");
}

TEST_F(NativeNetworkTest, ALostTableAndALostAddressComeBack) {
  network_->ensure_space(web_);
  nft_->run("delete table inet kukeon");
  Netlink host;
  const int bridge = host.find(web_.bridge)->index;
  host.remove_address(bridge, {web_.subnet.gateway().bits, 24});
  kernel::write_sysctl(kernel::ip_forward, "0");

  network_->ensure_space(web_);
  EXPECT_THAT(nft_->list("list table inet kukeon"), Optional(HasSubstr("10.88.0.0/24")));
  EXPECT_THAT(host.addresses(bridge), SizeIs(1));
  EXPECT_EQ(kernel::read_sysctl(kernel::ip_forward), "1");
}

TEST_F(NativeNetworkTest, AttachingTwiceKeepsTheVeth) {
  network_->ensure_space(web_);
  const Attachment cell = plug("front", web_, "10.88.0.2");
  const auto before = network_->inventory();
  network_->attach(cell);
  EXPECT_EQ(network_->inventory(), before);
}

TEST_F(NativeNetworkTest, AttachingCompletesWhatACrashLeftHalfDone) {
  network_->ensure_space(web_);
  const Attachment cell = plug("front", web_, "10.88.0.2");
  Netlink inside{netns(cell)};
  const kernel::Link eth0 = inside.find("eth0").value();
  inside.remove_address(eth0.index, {cell.address.bits, 24});  // its route goes with it
  inside.add_address(eth0.index, {Address::parse("10.88.0.77").bits, 24});
  Netlink host;
  host.set_master(eth0.peer, 0);

  network_->attach(cell);
  EXPECT_THAT(inside.addresses(eth0.index),
              ElementsAre(kernel::LinkAddress{cell.address.bits, 24}));
  const Fd listener = listen_in(host_, web_.subnet.gateway());
  EXPECT_EQ(seen_by(listener, netns(cell), web_.subnet.gateway()), "10.88.0.2");
}

TEST_F(NativeNetworkTest, ACellMadeAnewAtOnceIsPluggedInBesideItsDyingVeth) {
  network_->ensure_space(web_);
  const Fd listener = listen_in(host_, web_.subnet.gateway());
  for (int round = 0; round < 5; ++round) {
    const Attachment cell = plug("front", web_, "10.88.0.2");
    EXPECT_EQ(seen_by(listener, netns(cell), web_.subnet.gateway()), "10.88.0.2") << round;
    network_->detach(cell);
    pins("front").remove();
  }
}

TEST_F(NativeNetworkTest, DetachingFreesTheAddressAndCanBeRepeated) {
  network_->ensure_space(web_);
  const Attachment front = plug("front", web_, "10.88.0.2");
  network_->detach(front);
  network_->detach(front);
  const Attachment side = plug("side", web_, "10.88.0.2");
  const Fd listener = listen_in(netns(side), side.address);
  EXPECT_EQ(seen_by(listener, host_, side.address), "10.88.0.1");
}

TEST_F(NativeNetworkTest, DetachingUnplugsANamespaceThatSomebodyKeepsAlive) {
  network_->ensure_space(web_);
  const Attachment cell = plug("front", web_, "10.88.0.2");
  const Fd kept = netns(cell);
  pins("front").remove();
  EXPECT_THAT(network_->inventory(), Contains(StartsWith("link " + veth_prefix(cell.cell_key))));
  network_->detach(cell);
  EXPECT_THAT(network_->inventory(), Not(Contains(StartsWith("link kv"))));
}

TEST_F(NativeNetworkTest, NothingIsLeftAfterEverythingIsRemovedTwice) {
  network_->ensure_space(web_);
  network_->ensure_space(db_);
  const Attachment front = plug("front", web_, "10.88.0.2");
  plug("back", db_, "10.88.1.2");
  network_->detach(front);
  pins("front").remove();
  for (int round = 0; round < 2; ++round) {
    network_->remove_space(web_);
    network_->remove_space(db_);  // with a cell in it
    EXPECT_THAT(network_->inventory(), Not(Contains(StartsWith("link"))));
    network_->remove_shared();
    EXPECT_THAT(network_->inventory(), IsEmpty());
  }
  EXPECT_FALSE(network_->space_exists(web_));
}

TEST_F(NativeNetworkTest, RemovingASpaceLeavesTheOthersMasquerade) {
  network_->ensure_space(web_);
  network_->ensure_space(db_);
  network_->remove_space(web_);
  const auto rules = nft_->list("list table inet kukeon");
  EXPECT_THAT(rules, Optional(HasSubstr("10.88.1.0/24")));
  EXPECT_THAT(rules, Optional(Not(HasSubstr("10.88.0.0/24"))));
}

TEST_F(NativeNetworkTest, ForwardingGoesBackToWhatTheHostHad) {
  network_->ensure_space(web_);
  EXPECT_EQ(kernel::read_sysctl(kernel::ip_forward), "1");
  network_->remove_space(web_);
  network_->remove_shared();
  EXPECT_EQ(kernel::read_sysctl(kernel::ip_forward), "0");
  EXPECT_FALSE(fs::exists(dir_.path() / "run" / "ip_forward"));
}

TEST_F(NativeNetworkTest, ForwardingThatTheHostHadIsNotSwitchedOff) {
  kernel::write_sysctl(kernel::ip_forward, "1");
  network_->ensure_space(web_);
  network_->remove_shared();
  EXPECT_EQ(kernel::read_sysctl(kernel::ip_forward), "1");
}

TEST_F(NativeNetworkTest, AttachingIsRefusedWithTheReason) {
  pins("front").create("front");
  const auto refused = [&](const Attachment& cell, const ErrorKind& kind) {
    try {
      network_->attach(cell);
      ADD_FAILURE() << "attached";
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kind)) << error.what();
    }
  };
  refused(plan("front", web_, "10.88.0.2"), kinds::network_not_found);
  network_->ensure_space(web_);
  refused(plan("front", web_, "10.99.0.2"), kinds::invalid_argument);
  refused(plan("absent", web_, "10.88.0.2"), kinds::os_error);
  plug("front", web_, "10.88.0.2");
  Attachment stranger = plan("front", web_, "10.88.0.3");
  stranger.cell_key = "default/default/other";
  refused(stranger, kinds::failed_precondition);
}

TEST_F(NativeNetworkTest, ABridgeNameThatIsNotOursIsRefused) {
  for (const char* name : {"docker0", "k-", "k-123", "k-0000000g", "k-0000000012", ""}) {
    SpaceNetwork space = web_;
    space.bridge = name;
    EXPECT_THROW(network_->ensure_space(space), Error) << name;
    EXPECT_THROW(network_->remove_space(space), Error) << name;
  }
}

}  // namespace
}  // namespace kukeon::network
