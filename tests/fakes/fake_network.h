// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kukeon/base/error.h"
#include "kukeon/network/network.h"

namespace kukeon::fakes {

// Networks in memory, with the rules of the real one: a space must be ensured before a cell is
// attached, an address belongs to one cell of a space, everything is idempotent. Thread-safe.
class FakeNetwork : public network::Network {
 public:
  // The next call of ensure_space, remove_space, attach or detach throws this and does nothing.
  void fail_next(Error error);
  // As fail_next(), after `calls` of them have succeeded.
  void fail_after(int calls, Error error);

  void ensure_space(const network::SpaceNetwork& space) override;
  void remove_space(const network::SpaceNetwork& space) override;
  bool space_exists(const network::SpaceNetwork& space) override;
  void attach(const network::Attachment& cell) override;
  void detach(const network::Attachment& cell) override;
  // "link k-703e8b3a", "cell <cell key> 10.88.0.2", "nft table inet kukeon".
  std::vector<std::string> inventory() override;
  void remove_shared() override;

  std::optional<network::Attachment> attachment(const std::string& cell_key) const;
  // What a person with `ip link del` does.
  void lose_space(const std::string& bridge);
  // Nothing is left of any network.
  void reboot();

 private:
  void throw_if_told();

  mutable std::mutex mutex_;
  std::map<std::string, network::SpaceNetwork> spaces_;  // by bridge
  std::map<std::string, network::Attachment> attached_;  // by cell key
  bool shared_ = false;
  std::optional<Error> failure_;
  int calls_before_failure_ = 0;
};

}  // namespace kukeon::fakes
