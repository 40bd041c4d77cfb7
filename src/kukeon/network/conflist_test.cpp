// SPDX-License-Identifier: Apache-2.0
#include "kukeon/network/conflist.h"

#include <gtest/gtest.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"

namespace kukeon::network {
namespace {

const SpaceNetwork space{"default-default", "k-703e8b3a", Subnet::parse("10.88.0.0/24")};

// Byte for byte what runtime.md 2.12 describes; CNI plugins read it.
constexpr std::string_view golden = R"({
  "cniVersion": "0.4.0",
  "name": "default-default",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "k-703e8b3a",
      "isGateway": true,
      "ipMasq": true,
      "ipam": {
        "type": "host-local",
        "ranges": [
          [
            {
              "subnet": "10.88.0.0/24"
            }
          ]
        ],
        "routes": [
          {
            "dst": "0.0.0.0/0"
          }
        ]
      }
    },
    {
      "type": "loopback"
    }
  ]
})";

TEST(Conflist, IsWrittenAsTheContractSays) { EXPECT_EQ(write_conflist(space), golden); }

TEST(Conflist, IsReadBack) { EXPECT_EQ(read_conflist(golden), space); }

TEST(Conflist, IsReadWithKeysThatWeDoNotKnow) {
  EXPECT_EQ(read_conflist(
                R"({"cniVersion":"1.0.0","disableCheck":true,"name":"default-default","plugins":[
      {"type":"firewall"},
      {"type":"bridge","bridge":"k-703e8b3a","hairpinMode":true,
       "ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/24","gateway":"10.88.0.1"}]]}}]})"),
            space);
}

TEST(Conflist, IsRefusedWhenItIsNotOneOfOurs) {
  for (
      const char* text :
      {"", "{", "[]", "{}", R"({"name":"n","plugins":[{"type":"macvlan"}]})",
       R"({"name":"n","plugins":[{"type":"bridge","bridge":"b"}]})",
       R"({"name":"n","plugins":[{"type":"bridge","bridge":"b","ipam":{"type":"dhcp"}}]})",
       R"({"name":"n","plugins":[{"type":"bridge","bridge":"b","ipam":{"type":"host-local","ranges":[[]]}}]})",
       R"({"name":"n","plugins":[{"type":"bridge","bridge":"b","ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.1/24"}]]}}]})",
       R"({"name":"","plugins":[{"type":"bridge","bridge":"b","ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/24"}]]}}]})"}) {
    try {
      read_conflist(text);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kinds::decode_failed)) << text << ": " << error.what();
    }
  }
}

TEST(SubnetFile, IsWrittenAndReadBack) {
  const std::string text = write_subnet_file(space.subnet);
  EXPECT_EQ(text, R"({"version":"v1","subnetCIDR":"10.88.0.0/24"})");
  EXPECT_EQ(read_subnet_file(text), space.subnet);
}

TEST(SubnetFile, IsRefusedWhenCorrupt) {
  for (const char* text :
       {"", "{}", R"({"version":"v2","subnetCIDR":"10.88.0.0/24"})",
        R"({"version":"v1","subnetCIDR":"10.88.0.0"})", R"({"version":"v1","subnetCIDR":7})"}) {
    EXPECT_THROW(read_subnet_file(text), Error) << text;
  }
}

}  // namespace
}  // namespace kukeon::network
