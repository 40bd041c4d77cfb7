// SPDX-License-Identifier: Apache-2.0
#include "kukeon/network/native_network.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/base/rollback.h"
#include "kukeon/base/step.h"
#include "kukeon/base/strings.h"
#include "kukeon/kernel/namespaces.h"
#include "kukeon/kernel/netlink.h"
#include "kukeon/kernel/sysctl.h"

namespace kukeon::network {
namespace {

using kernel::Link;
using kernel::LinkAddress;
using kernel::MacAddress;
using kernel::Netlink;

constexpr std::string_view bridge_start = "k-";
constexpr std::string_view veth_start = "kv";
constexpr std::string_view inner_name = "eth0";
constexpr std::string_view table = "inet kukeon";

// Locally administered, and the same each time an address is leased: neighbours that remember the
// cell before this one still reach it.
MacAddress mac_of(Address address) {
  const auto byte = [&](int shift) {
    return static_cast<std::uint8_t>(address.bits >> shift & 255);
  };
  return {0x02, 0x6b, byte(24), byte(16), byte(8), byte(0)};
}

// The number of a bridge's name. Never 0, the group of every link that has none.
std::uint32_t group_of(const SpaceNetwork& space) {
  std::string_view digits = space.bridge;
  std::uint32_t group = 0;
  if (digits.starts_with(bridge_start)) digits.remove_prefix(bridge_start.size());
  const auto [end, err] = std::from_chars(digits.data(), digits.data() + digits.size(), group, 16);
  if (err != std::errc{} || digits.size() != 8 || end != digits.data() + digits.size()) {
    throw Error{kinds::invalid_argument,
                fmt::format("{} is not a bridge name of ours (k- and 8 hexadecimal digits)",
                            quote(space.bridge))};
  }
  return std::max<std::uint32_t>(group, 1);
}

// 5 digits that no veth of the last minutes had.
std::string fresh_digits() {
  static std::atomic<std::uint32_t> taken{0};
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::steady_clock::now().time_since_epoch())
                       .count();
  return fmt::format("{:05x}", (static_cast<std::uint32_t>(now) + taken++) & 0xfffffU);
}

std::string element_command(std::string_view verb, const SpaceNetwork& space) {
  return fmt::format("{} element {} subnets {{ {} }}\n", verb, table, space.subnet.to_string());
}

Error no_such_network(const SpaceNetwork& space) {
  return Error{kinds::network_not_found,
               fmt::format("network {} has no bridge {} on this host", space.name, space.bridge)};
}

}  // namespace

std::string veth_prefix(std::string_view cell_key) {
  return fmt::format("{}{}", veth_start, fnv1a_hex(cell_key));
}

std::string shared_ruleset() {
  return fmt::format(
      "add table {0}\n"
      "add set {0} subnets {{ type ipv4_addr; flags interval; }}\n"
      "add chain {0} outbound {{ type nat hook postrouting priority srcnat; policy accept; }}\n"
      "flush chain {0} outbound\n"
      "add rule {0} outbound ip saddr @subnets ip daddr != 224.0.0.0/4 oifname != \"k-*\" "
      "masquerade\n",
      table);
}

NativeNetwork::NativeNetwork(kernel::Nft& nft, Options options)
    : nft_{nft}, options_{std::move(options)} {}

void NativeNetwork::ensure_space(const SpaceNetwork& space) {
  step("network.ensure_space", [&] {
    during(fmt::format("setting up network {}", space.name), [&] {
      const std::uint32_t group = group_of(space);
      Netlink netlink;
      std::optional<Link> bridge = netlink.find(space.bridge);
      if (!bridge || !bridge->up || bridge->kind != "bridge") {
        bridge = netlink.ensure_bridge(space.bridge, mac_of(space.subnet.gateway()));
        netlink.set_group_master(group, bridge->index);  // cells that lost the bridge before
      }
      netlink.add_address(bridge->index, {space.subnet.gateway().bits, space.subnet.prefix});
      enable_forwarding();
      nft_.run(shared_ruleset() + element_command("add", space));
    });
  });
}

void NativeNetwork::remove_space(const SpaceNetwork& space) {
  step("network.remove_space", [&] {
    during(fmt::format("removing network {}", space.name), [&] {
      const std::uint32_t group = group_of(space);
      Netlink netlink;
      netlink.remove_group(group);
      netlink.remove_link(space.bridge);
      // `delete element` fails where there is none; added first, there is one. A space whose lease
      // is gone has no subnet to look for.
      if (space.subnet.prefix > 0 && nft_.list(fmt::format("list set {} subnets", table))) {
        nft_.run(element_command("add", space) + element_command("delete", space));
      }
    });
  });
}

bool NativeNetwork::space_exists(const SpaceNetwork& space) {
  const auto bridge = Netlink{}.find(space.bridge);
  return bridge && bridge->kind == "bridge";
}

void NativeNetwork::attach(const Attachment& cell) {
  step("network.attach", [&] {
    during(fmt::format("attaching to network {}", cell.space.name), [&] {
      const SpaceNetwork& space = cell.space;
      if (!space.subnet.contains(cell.address)) {
        throw Error{kinds::invalid_argument,
                    fmt::format("address {} is not in {}", cell.address.to_string(),
                                space.subnet.to_string())};
      }
      const Fd netns = kernel::open_namespace(cell.netns);
      Netlink host;
      const auto bridge = host.find(space.bridge);
      if (!bridge) throw no_such_network(space);
      Netlink inside{netns};
      const LinkAddress address{cell.address.bits, space.subnet.prefix};

      Rollback undo;
      std::optional<Link> eth0 = inside.find(inner_name);
      if (eth0) {
        const auto outer = host.find(eth0->peer);
        if (!outer || !outer->name.starts_with(veth_prefix(cell.cell_key))) {
          throw Error{kinds::failed_precondition,
                      fmt::format("{} already has an {} that is not cell {}'s", cell.netns.string(),
                                  inner_name, cell.cell_key)};
        }
        if (outer->master != bridge->index) host.set_master(outer->index, bridge->index);
        for (const LinkAddress& old : inside.addresses(eth0->index)) {
          if (old != address) inside.remove_address(eth0->index, old);
        }
      } else {
        const std::string outer = veth_prefix(cell.cell_key) + fresh_digits();
        host.create_veth({.outer = outer,
                          .inner = std::string{inner_name},
                          .master = bridge->index,
                          .group = group_of(space),
                          .inner_mac = mac_of(cell.address)},
                         netns);
        undo.add([outer] { Netlink{}.remove_link(outer); });
        eth0 = inside.find(inner_name);
        if (!eth0)
          throw Error::from_errno(fmt::format("look up {} in the cell", inner_name), ENODEV);
      }
      if (!eth0->up) inside.set_up(eth0->index);
      inside.add_address(eth0->index, address);
      inside.add_default_route(space.subnet.gateway().bits, eth0->index);
      undo.commit();
    });
  });
}

void NativeNetwork::detach(const Attachment& cell) {
  step("network.detach", [&] {
    during(fmt::format("detaching from network {}", cell.space.name), [&] {
      if (kernel::is_namespace(cell.netns)) {
        Netlink inside{kernel::open_namespace(cell.netns)};
        const auto eth0 = inside.find(inner_name);
        if (!eth0) return;
        for (const LinkAddress& address : inside.addresses(eth0->index)) {
          inside.remove_address(eth0->index, address);
        }
        return;
      }
      Netlink host;
      for (const Link& outer : host.list(veth_prefix(cell.cell_key))) {
        if (host.peer_lives(outer)) host.remove_link(outer.name);
      }
    });
  });
}

std::vector<std::string> NativeNetwork::inventory() {
  std::vector<std::string> found;
  Netlink netlink;
  for (const Link& link : netlink.list("k")) {
    const bool bridge = link.kind == "bridge" && link.name.starts_with(bridge_start);
    const bool veth =
        link.kind == "veth" && link.name.starts_with(veth_start) && netlink.peer_lives(link);
    if (bridge || veth) found.push_back("link " + link.name);
  }
  std::ranges::sort(found);
  if (nft_.list(fmt::format("list table {}", table)))
    found.push_back(fmt::format("nft table {}", table));
  return found;
}

void NativeNetwork::remove_shared() {
  step("network.remove_shared", [&] {
    nft_.run(fmt::format("add table {0}\ndelete table {0}\n", table));
    if (const auto before = read_file_if_exists(options_.forwarding_memory, 64)) {
      kernel::write_sysctl(kernel::ip_forward, trim(*before));
      fs::remove(options_.forwarding_memory);
    }
  });
}

void NativeNetwork::enable_forwarding() {
  const std::string before = kernel::read_sysctl(kernel::ip_forward);
  if (before == "1") return;
  // Remembered first: a crash between the two leaves a memory of what still is.
  if (!fs::exists(options_.forwarding_memory)) {
    make_directories(options_.forwarding_memory.parent_path(), 0755);
    write_file_atomically(options_.forwarding_memory, before + "\n", 0644);
  }
  kernel::write_sysctl(kernel::ip_forward, "1");
  log::info("IPv4 forwarding switched on", {{"before", before}});
}

}  // namespace kukeon::network
