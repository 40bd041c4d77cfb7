// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kukeon/base/files.h"
#include "kukeon/kernel/nft.h"
#include "kukeon/network/network.h"

namespace kukeon::network {

// The network of spaces by netlink and one nft table, without a plugin to execute (design D11).
// Works in the network namespace of the threads that call it; `nft` must come from the same one.
// Thread-safe.
//
//   k-703e8b3a         a space's bridge, the gateway address on it
//   kv<8 hex><5 hex>   the outer end of a cell's veth: hash of its key, then the time, since
//                      the previous one lives on for a moment after its namespace. Its link
//                      group is the number in the bridge's name: one message replugs or
//                      removes all ports of a space.
//   table inet kukeon  set `subnets`; masquerade for what leaves by no bridge of ours
class NativeNetwork : public Network {
 public:
  struct Options {
    // Remembers the host's own ip_forward until remove_shared(). On a tmpfs: a reboot resets both.
    fs::path forwarding_memory = "/run/kukeon/ip_forward";
  };

  NativeNetwork(kernel::Nft& nft, Options options);

  void ensure_space(const SpaceNetwork& space) override;
  // Unplugs cells that are still there.
  void remove_space(const SpaceNetwork& space) override;
  bool space_exists(const SpaceNetwork& space) override;

  // Completes what an earlier attach left half done.
  void attach(const Attachment& cell) override;
  // Frees the address at once; the veth goes with the namespace, which the caller unpins next.
  // Where the namespace is unpinned but somebody keeps it alive, the veth is deleted.
  void detach(const Attachment& cell) override;

  // A veth stays in it for some 100 ms after its namespace: whoever checks for leaks asks again.
  std::vector<std::string> inventory() override;
  void remove_shared() override;

 private:
  void enable_forwarding();

  kernel::Nft& nft_;
  Options options_;
};

// "kv" + 8 hex: how the names of a cell's veths start.
std::string veth_prefix(std::string_view cell_key);

// The ruleset that makes the shared table, whatever there is of it.
std::string shared_ruleset();

}  // namespace kukeon::network
