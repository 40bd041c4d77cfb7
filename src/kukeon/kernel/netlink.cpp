// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/netlink.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/kernel/namespaces.h"

namespace kukeon::kernel {
namespace {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};
using Socket = std::unique_ptr<nl_sock, Release<nl_socket_free>>;
using Message = std::unique_ptr<nl_msg, Release<nlmsg_free>>;
using Cache = std::unique_ptr<nl_cache, Release<nl_cache_free>>;
using NlLink = std::unique_ptr<rtnl_link, Release<rtnl_link_put>>;
using NlAddress = std::unique_ptr<nl_addr, Release<nl_addr_put>>;
using NlLinkAddress = std::unique_ptr<rtnl_addr, Release<rtnl_addr_put>>;
using NlRoute = std::unique_ptr<rtnl_route, Release<rtnl_route_put>>;

template <class Owner, class T>
Owner own(T* object) {
  if (object == nullptr) throw Error::from_errno("build a netlink message", ENOMEM);
  return Owner{object};
}

NlAddress ipv4(std::uint32_t bits, int prefix) {
  const std::uint32_t wire = htonl(bits);
  auto address = own<NlAddress>(nl_addr_build(AF_INET, &wire, sizeof wire));
  nl_addr_set_prefixlen(address.get(), prefix);
  return address;
}

NlAddress hardware(const MacAddress& mac) {
  return own<NlAddress>(nl_addr_build(AF_LLC, mac.data(), mac.size()));
}

Link to_link(rtnl_link* link) {
  const auto text = [](const char* s) { return std::string{s != nullptr ? s : ""}; };
  std::int32_t peer_netns = 0;
  const bool elsewhere = rtnl_link_get_link_netnsid(link, &peer_netns) == 0;
  return {.index = rtnl_link_get_ifindex(link),
          .name = text(rtnl_link_get_name(link)),
          .kind = text(rtnl_link_get_type(link)),
          .up = (rtnl_link_get_flags(link) & IFF_UP) != 0,
          .master = rtnl_link_get_master(link),
          .peer = rtnl_link_get_link(link),
          .group = rtnl_link_get_group(link),
          .peer_netns = elsewhere ? std::optional<int>{peer_netns} : std::nullopt};
}

void check_name(std::string_view name) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    throw Error{
        kinds::invalid_argument,
        fmt::format("\"{}\" cannot be a link's name: it has 1 to {} bytes", name, IFNAMSIZ - 1)};
  }
}

// Messages are built by libnl, which hands over what it allocated.
template <class Build>
Message build(Build fill) {
  nl_msg* message = nullptr;
  if (fill(&message) < 0) throw Error::from_errno("build a netlink message", EINVAL);
  return Message{message};
}

Message link_message(int type, int flags, const ifinfomsg& header) {
  auto message = own<Message>(nlmsg_alloc_simple(type, flags));
  ifinfomsg body = header;
  if (nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO) < 0) {
    throw Error::from_errno("build a netlink message", ENOMEM);
  }
  return message;
}

void put(const Message& message, int attribute, std::uint32_t value) {
  if (nla_put_u32(message.get(), attribute, value) < 0) {
    throw Error::from_errno("build a netlink message", ENOMEM);
  }
}

NlLinkAddress address_on(int index, LinkAddress address) {
  auto entry = own<NlLinkAddress>(rtnl_addr_alloc());
  const NlAddress local = ipv4(address.bits, address.prefix);
  rtnl_addr_set_ifindex(entry.get(), index);
  rtnl_addr_set_local(entry.get(), local.get());
  if (address.prefix < 31) {
    const std::uint32_t host_part = (std::uint32_t{1} << (32 - address.prefix)) - 1;
    const NlAddress broadcast = ipv4(address.bits | host_part, 32);
    rtnl_addr_set_broadcast(entry.get(), broadcast.get());
  }
  return entry;
}

}  // namespace

struct Netlink::Impl {
  Socket socket = own<Socket>(nl_socket_alloc());
  int kernel_errno = 0;  // of the last request that the kernel refused

  Impl() {
    nl_socket_modify_err_cb(
        socket.get(), NL_CB_CUSTOM,
        [](sockaddr_nl*, nlmsgerr* answer, void* self) {
          static_cast<Impl*>(self)->kernel_errno = -answer->error;
          return -NLE_FAILURE;
        },
        this);
    if (const int result = nl_connect(socket.get(), NETLINK_ROUTE); result < 0) {
      throw failure("open a route netlink socket", result);
    }
  }

  Error failure(std::string_view doing, int result) const {
    if (kernel_errno != 0) return Error::from_errno(doing, kernel_errno);
    return Error{kinds::os_error, fmt::format("{}: {}", doing, nl_geterror(result))};
  }

  // Sends and waits for the acknowledgement. Returns 0 or the kernel's errno; any other failure
  // throws.
  int ask(Message message, std::string_view doing) {
    kernel_errno = 0;
    const int result = nl_send_sync(socket.get(), message.release());
    if (result < 0 && kernel_errno == 0) throw failure(doing, result);
    return kernel_errno;
  }

  void request(Message message, std::string_view doing, std::initializer_list<int> also_fine = {}) {
    const int err = ask(std::move(message), doing);
    if (err != 0 && std::ranges::find(also_fine, err) == also_fine.end()) {
      throw Error::from_errno(doing, err);
    }
  }

  std::optional<Link> find(int index, const char* name, std::string_view doing) {
    kernel_errno = 0;
    rtnl_link* found = nullptr;
    const int result = rtnl_link_get_kernel(socket.get(), index, name, &found);
    const NlLink link{found};
    if (result == 0 && found != nullptr) return to_link(found);
    if (kernel_errno == ENODEV || result == -NLE_OBJ_NOTFOUND || result == -NLE_NODEV) {
      return std::nullopt;
    }
    throw failure(doing, result);
  }

  // A dump that a change in between spoiled is asked for again.
  template <class Fill>
  Cache dump(std::string_view doing, Fill fill) {
    for (int attempt = 0;; ++attempt) {
      kernel_errno = 0;
      nl_cache* cache = nullptr;
      const int result = fill(&cache);
      if (result == 0) return Cache{cache};
      if (result != -NLE_DUMP_INTR || attempt == 10) throw failure(doing, result);
    }
  }
};

Netlink::Netlink() : impl_{std::make_unique<Impl>()} {}

Netlink::Netlink(const Fd& netns) {
  const NetnsVisit visit{netns};
  impl_ = std::make_unique<Impl>();
}

Netlink::Netlink(Netlink&&) noexcept = default;
Netlink& Netlink::operator=(Netlink&&) noexcept = default;
Netlink::~Netlink() = default;

std::optional<Link> Netlink::find(std::string_view name) {
  check_name(name);
  return impl_->find(0, std::string{name}.c_str(), fmt::format("look up link {}", name));
}

std::optional<Link> Netlink::find(int index) {
  return impl_->find(index, nullptr, fmt::format("look up link {}", index));
}

bool Netlink::peer_lives(const Link& veth) {
  if (!veth.peer_netns) return true;
  if (*veth.peer_netns < 0) return false;
  // The id outlives the namespace by a moment; to look inside, the kernel needs the namespace
  // itself.
  ifinfomsg header{};
  header.ifi_index = veth.peer;
  Message message = link_message(RTM_GETLINK, 0, header);
  put(message, IFLA_TARGET_NETNSID, static_cast<std::uint32_t>(*veth.peer_netns));
  const std::string doing = fmt::format("look for the other end of {}", veth.name);
  if (impl_->ask(std::move(message), doing) == EINVAL) return false;
  // The link it asked for came first; its acknowledgement is a datagram of its own.
  if (impl_->kernel_errno == 0) nl_wait_for_ack(impl_->socket.get());
  return true;
}

std::vector<Link> Netlink::list(std::string_view prefix) {
  const Cache cache = impl_->dump("list links", [&](nl_cache** into) {
    return rtnl_link_alloc_cache(impl_->socket.get(), AF_UNSPEC, into);
  });
  std::vector<Link> links;
  for (nl_object* at = nl_cache_get_first(cache.get()); at != nullptr; at = nl_cache_get_next(at)) {
    Link link = to_link(reinterpret_cast<rtnl_link*>(at));
    if (link.name.starts_with(prefix)) links.push_back(std::move(link));
  }
  return links;
}

Link Netlink::ensure_bridge(std::string_view name, const MacAddress& mac) {
  check_name(name);
  const std::string doing = fmt::format("create bridge {}", name);
  auto wanted = own<NlLink>(rtnl_link_bridge_alloc());
  const NlAddress address = hardware(mac);
  rtnl_link_set_name(wanted.get(), std::string{name}.c_str());
  // A bridge without an address of its own takes the lowest of its ports', a new one with each
  // cell, and the other cells' ARP entries go stale.
  rtnl_link_set_addr(wanted.get(), address.get());
  rtnl_link_set_flags(wanted.get(), IFF_UP);
  impl_->request(build([&](nl_msg** into) {
                   return rtnl_link_build_add_request(wanted.get(), NLM_F_CREATE | NLM_F_EXCL,
                                                      into);
                 }),
                 doing, {EEXIST});

  std::optional<Link> link = find(name);
  if (!link) throw Error::from_errno(doing, ENODEV);
  if (link->kind != "bridge") {
    throw Error{kinds::failed_precondition,
                fmt::format("link {} exists and is not a bridge; rename or delete it", name)};
  }
  if (!link->up) set_up(link->index);
  return *link;
}

void Netlink::add_address(int index, LinkAddress address) {
  const NlLinkAddress entry = address_on(index, address);
  impl_->request(build([&](nl_msg** into) {
                   return rtnl_addr_build_add_request(entry.get(), NLM_F_CREATE | NLM_F_EXCL, into);
                 }),
                 fmt::format("add an address to link {}", index), {EEXIST});
}

void Netlink::add_default_route(std::uint32_t gateway, int index) {
  auto route = own<NlRoute>(rtnl_route_alloc());
  const NlAddress everywhere = ipv4(0, 0);
  const NlAddress via = ipv4(gateway, 32);
  rtnl_route_set_family(route.get(), AF_INET);
  rtnl_route_set_table(route.get(), RT_TABLE_MAIN);
  rtnl_route_set_scope(route.get(), RT_SCOPE_UNIVERSE);
  rtnl_route_set_protocol(route.get(), RTPROT_STATIC);
  rtnl_route_set_dst(route.get(), everywhere.get());
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  if (hop == nullptr) throw Error::from_errno("build a netlink message", ENOMEM);
  rtnl_route_nh_set_ifindex(hop, index);
  rtnl_route_nh_set_gateway(hop, via.get());
  rtnl_route_add_nexthop(route.get(), hop);
  impl_->request(build([&](nl_msg** into) {
                   return rtnl_route_build_add_request(route.get(), NLM_F_CREATE | NLM_F_REPLACE,
                                                       into);
                 }),
                 fmt::format("add a default route over link {}", index));
}

void Netlink::create_veth(const VethPair& pair, const Fd& inner_netns) {
  check_name(pair.outer);
  check_name(pair.inner);
  auto outer = own<NlLink>(rtnl_link_veth_alloc());
  rtnl_link_set_name(outer.get(), pair.outer.c_str());
  rtnl_link_set_flags(outer.get(), IFF_UP);
  rtnl_link_set_group(outer.get(), pair.group);
  if (pair.master != 0) rtnl_link_set_master(outer.get(), pair.master);

  const NlLink inner{rtnl_link_veth_get_peer(outer.get())};
  const NlAddress address = hardware(pair.inner_mac);
  rtnl_link_set_name(inner.get(), pair.inner.c_str());
  rtnl_link_set_ns_fd(inner.get(), inner_netns.get());
  if (pair.inner_mac != MacAddress{}) rtnl_link_set_addr(inner.get(), address.get());

  const std::string doing = fmt::format("create veth {}", pair.outer);
  const int err =
      impl_->ask(build([&](nl_msg** into) {
                   return rtnl_link_build_add_request(outer.get(), NLM_F_CREATE | NLM_F_EXCL, into);
                 }),
                 doing);
  if (err == EEXIST) {
    throw Error{kinds::already_exists,
                fmt::format("veth {} or its inner end {} exists", pair.outer, pair.inner)};
  }
  if (err != 0) throw Error::from_errno(doing, err);
}

void Netlink::set_up(int index) {
  ifinfomsg header{};
  header.ifi_index = index;
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  impl_->request(link_message(RTM_NEWLINK, 0, header), fmt::format("set link {} up", index));
}

void Netlink::set_master(int index, int master) {
  ifinfomsg header{};
  header.ifi_index = index;
  Message message = link_message(RTM_NEWLINK, 0, header);
  put(message, IFLA_MASTER, static_cast<std::uint32_t>(master));
  impl_->request(std::move(message), fmt::format("plug link {} into link {}", index, master));
}

void Netlink::set_group_master(std::uint32_t group, int master) {
  Message message = link_message(RTM_NEWLINK, 0, ifinfomsg{});
  put(message, IFLA_GROUP, group);
  put(message, IFLA_MASTER, static_cast<std::uint32_t>(master));
  impl_->request(std::move(message),
                 fmt::format("plug link group {:08x} into link {}", group, master), {ENODEV});
}

std::vector<LinkAddress> Netlink::addresses(int index) {
  const Cache cache = impl_->dump("list addresses", [&](nl_cache** into) {
    return rtnl_addr_alloc_cache(impl_->socket.get(), into);
  });
  std::vector<LinkAddress> found;
  for (nl_object* at = nl_cache_get_first(cache.get()); at != nullptr; at = nl_cache_get_next(at)) {
    auto* entry = reinterpret_cast<rtnl_addr*>(at);
    nl_addr* local = rtnl_addr_get_local(entry);
    if (rtnl_addr_get_ifindex(entry) != index || local == nullptr ||
        nl_addr_get_family(local) != AF_INET || nl_addr_get_len(local) != sizeof(std::uint32_t)) {
      continue;
    }
    std::uint32_t wire = 0;
    std::copy_n(static_cast<const unsigned char*>(nl_addr_get_binary_addr(local)), sizeof wire,
                reinterpret_cast<unsigned char*>(&wire));
    found.push_back({ntohl(wire), rtnl_addr_get_prefixlen(entry)});
  }
  return found;
}

void Netlink::remove_address(int index, LinkAddress address) {
  const NlLinkAddress entry = address_on(index, address);
  impl_->request(
      build([&](nl_msg** into) { return rtnl_addr_build_delete_request(entry.get(), 0, into); }),
      fmt::format("remove an address from link {}", index), {EADDRNOTAVAIL, ENODEV});
}

void Netlink::remove_link(std::string_view name) {
  check_name(name);
  auto link = own<NlLink>(rtnl_link_alloc());
  rtnl_link_set_name(link.get(), std::string{name}.c_str());
  impl_->request(
      build([&](nl_msg** into) { return rtnl_link_build_delete_request(link.get(), into); }),
      fmt::format("delete link {}", name), {ENODEV});
}

void Netlink::remove_group(std::uint32_t group) {
  // Every link that nobody put into a group is in group 0.
  if (group == 0) throw Error{kinds::invalid_argument, "link group 0 is everybody's"};
  Message message = link_message(RTM_DELLINK, 0, ifinfomsg{});
  put(message, IFLA_GROUP, group);
  impl_->request(std::move(message), fmt::format("delete link group {:08x}", group), {ENODEV});
}

}  // namespace kukeon::kernel
