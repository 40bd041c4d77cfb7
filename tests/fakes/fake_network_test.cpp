// SPDX-License-Identifier: Apache-2.0
#include "fakes/fake_network.h"

#include <gmock/gmock.h>

#include "kukeon/base/error_kinds.h"

namespace kukeon::fakes {
namespace {

using network::Address;
using network::Attachment;
using network::SpaceNetwork;
using network::Subnet;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const SpaceNetwork web{"default-web", "k-00000a01", Subnet::parse("10.88.0.0/24")};

Attachment cell(const std::string& key, const char* address) {
  return {web, "/run/kukeon/ns/" + key + "/net", key, Address::parse(address)};
}

TEST(FakeNetwork, RemembersSpacesAndCellsUntilTheyAreRemoved) {
  FakeNetwork network;
  network.ensure_space(web);
  network.ensure_space(web);
  network.attach(cell("front", "10.88.0.2"));
  network.attach(cell("front", "10.88.0.2"));
  EXPECT_THAT(network.inventory(),
              ElementsAre("cell front 10.88.0.2", "link k-00000a01", "nft table inet kukeon"));
  EXPECT_EQ(network.attachment("front")->address.to_string(), "10.88.0.2");

  network.detach(cell("front", "10.88.0.2"));
  network.detach(cell("front", "10.88.0.2"));
  network.remove_space(web);
  network.remove_shared();
  EXPECT_THAT(network.inventory(), IsEmpty());
}

TEST(FakeNetwork, RefusesWhatTheRealOneRefuses) {
  FakeNetwork network;
  EXPECT_THROW(network.attach(cell("front", "10.88.0.2")), Error);
  network.ensure_space(web);
  EXPECT_THROW(network.attach(cell("front", "10.99.0.2")), Error);
  network.attach(cell("front", "10.88.0.2"));
  EXPECT_THROW(network.attach(cell("back", "10.88.0.2")), Error);
}

TEST(FakeNetwork, FailsTheCallItWasToldToAndNoOther) {
  FakeNetwork network;
  network.fail_after(1, Error{kinds::address_exhausted, "no free address in 10.88.0.0/24"});
  network.ensure_space(web);
  EXPECT_THROW(network.attach(cell("front", "10.88.0.2")), Error);
  EXPECT_FALSE(network.attachment("front"));
  EXPECT_NO_THROW(network.attach(cell("front", "10.88.0.2")));
}

}  // namespace
}  // namespace kukeon::fakes
