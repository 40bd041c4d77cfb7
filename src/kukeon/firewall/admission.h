// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kukeon/kernel/nft.h"

namespace kukeon::firewall {

// Lets our bridges through a FORWARD chain of somebody else that drops by default, as docker and
// ufw set it (runtime.md 2.13). Two tagged rules at its head, only where it would drop:
//   kukeon-forward:established   replies
//   kukeon-forward:ingress       what comes to a cell from outside our bridges
// The chain may be iptables-nft's, iptables-legacy's, or both.
// Somebody else may flush them at any time: ensure() runs at start, with every space and on every
// reconcile tick.
class ForwardAdmission {
 public:
  explicit ForwardAdmission(kernel::Nft& nft) : nft_{nft} {}

  // Whether there was a chain to enter.
  bool ensure();
  // Success when there is nothing.
  void remove();
  // "iptables-nft rule FORWARD kukeon-forward:ingress", for the inventory.
  std::vector<std::string> inventory();

 private:
  kernel::Nft& nft_;
};

}  // namespace kukeon::firewall
