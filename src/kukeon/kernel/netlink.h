// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/base/fd.h"

namespace kukeon::kernel {

using MacAddress = std::array<std::uint8_t, 6>;

// An IPv4 address on a link: host byte order, and the length of its network's prefix.
struct LinkAddress {
  std::uint32_t bits = 0;
  int prefix = 32;

  bool operator==(const LinkAddress&) const = default;
};

struct Link {
  int index = 0;
  std::string name;
  std::string kind;  // "bridge", "veth"; empty for a device of another sort
  bool up = false;
  int master = 0;  // the index of the bridge it is a port of; 0: none
  int peer = 0;    // of a veth: the other end's index, in its own namespace
  std::uint32_t group = 0;
  // Of a veth whose other end is elsewhere: the id of that namespace in ours; negative when it has
  // none.
  std::optional<int> peer_netns;
};

// A veth pair. The outer end is born in the namespace of the Netlink object, up and a port of
// `master`; the inner one in another, down: it cannot be brought up before the kernel has joined
// the two.
struct VethPair {
  std::string outer;
  std::string inner;
  int master = 0;
  std::uint32_t group = 0;  // of the outer end
  MacAddress inner_mac{};
};

// A route netlink socket of one network namespace. Not for two threads at once; opening one costs
// some tens of microseconds. Errors carry the kernel's errno.
class Netlink {
 public:
  Netlink();                          // in this thread's namespace
  explicit Netlink(const Fd& netns);  // in another; this thread is only there to open the socket
  Netlink(Netlink&&) noexcept;
  Netlink& operator=(Netlink&&) noexcept;
  ~Netlink();

  std::optional<Link> find(std::string_view name);
  std::optional<Link> find(int index);
  // False for a veth whose other end's namespace has ended: the kernel takes it away within a
  // moment (some 100 ms), and deleting it by hand would only wait for that.
  bool peer_lives(const Link& veth);
  // Every link whose name starts with `prefix`.
  std::vector<Link> list(std::string_view prefix = {});

  // All success when it is there already; the Link tells what there is then.
  Link ensure_bridge(std::string_view name, const MacAddress& mac);
  void add_address(int index, LinkAddress address);
  void add_default_route(std::uint32_t gateway, int index);

  // One message makes both ends and plugs the outer one. Throws already_exists where either name is
  // taken.
  void create_veth(const VethPair& pair, const Fd& inner_netns);

  void set_up(int index);
  void set_master(int index, int master);
  // Every link of the group becomes a port of `master`; success for an empty group.
  void set_group_master(std::uint32_t group, int master);

  std::vector<LinkAddress> addresses(int index);
  // Success when it is gone.
  void remove_address(int index, LinkAddress address);
  void remove_link(std::string_view name);
  // All links of a group (not 0) at the price of one: the kernel waits once.
  void remove_group(std::uint32_t group);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kukeon::kernel
