// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "kukeon/network/address.h"

// The network of spaces and cells behind one interface. NativeNetwork drives the kernel by netlink
// and nft; fakes::FakeNetwork is a program in memory for tests. Host objects are named after the
// space, so making and removing are idempotent and need no memory of their own (design D8, D11).
namespace kukeon::network {

// One space's network: everything here follows from names and the stored subnet.
struct SpaceNetwork {
  std::string name;    // "<realm>-<space>" (runtime.md 1.2)
  std::string bridge;  // "k-" + 8 hex
  Subnet subnet;       // its gateway is the first host address

  bool operator==(const SpaceNetwork&) const = default;
};

// How a cell is plugged in: eth0 in `netns` with `address`, default route over the gateway.
struct Attachment {
  SpaceNetwork space;
  std::filesystem::path netns;  // a pinned network namespace
  std::string cell_key;         // unique on the host; the veth's name is derived from it
  Address address;
};

class Network {
 public:
  virtual ~Network() = default;

  // Bridge up with the gateway's address, forwarding on, masquerade for what leaves the host.
  // Repairs what somebody removed.
  virtual void ensure_space(const SpaceNetwork& space) = 0;
  // Bridge and masquerade gone; success where they are.
  virtual void remove_space(const SpaceNetwork& space) = 0;
  virtual bool space_exists(const SpaceNetwork& space) = 0;

  virtual void attach(const Attachment& cell) = 0;
  // The veth dies with its namespace; this makes sure of it, also for a namespace that is gone.
  virtual void detach(const Attachment& cell) = 0;

  // The links and tables of ours that exist now, for the inventory: "link k-703e8b3a".
  virtual std::vector<std::string> inventory() = 0;
  // The tables every space shares; after the last space is gone.
  virtual void remove_shared() = 0;
};

}  // namespace kukeon::network
