// SPDX-License-Identifier: Apache-2.0
#include "fakes/fake_network.h"

#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/step.h"

namespace kukeon::fakes {

void FakeNetwork::fail_next(Error error) { fail_after(0, std::move(error)); }

void FakeNetwork::fail_after(int calls, Error error) {
  const std::lock_guard lock{mutex_};
  failure_ = std::move(error);
  calls_before_failure_ = calls;
}

void FakeNetwork::throw_if_told() {
  if (!failure_ || calls_before_failure_-- > 0) return;
  throw *std::exchange(failure_, std::nullopt);
}

void FakeNetwork::ensure_space(const network::SpaceNetwork& space) {
  step("network.ensure_space", [&] {
    const std::lock_guard lock{mutex_};
    throw_if_told();
    for (const auto& [bridge, other] : spaces_) {
      if (bridge != space.bridge && other.subnet.overlaps(space.subnet)) {
        throw Error{kinds::failed_precondition,
                    fmt::format("subnet {} of {} overlaps {} of {}", space.subnet.to_string(),
                                space.name, other.subnet.to_string(), other.name)};
      }
    }
    spaces_[space.bridge] = space;
    shared_ = true;
  });
}

void FakeNetwork::remove_space(const network::SpaceNetwork& space) {
  step("network.remove_space", [&] {
    const std::lock_guard lock{mutex_};
    throw_if_told();
    spaces_.erase(space.bridge);
    std::erase_if(attached_,
                  [&](const auto& entry) { return entry.second.space.bridge == space.bridge; });
  });
}

bool FakeNetwork::space_exists(const network::SpaceNetwork& space) {
  const std::lock_guard lock{mutex_};
  return spaces_.contains(space.bridge);
}

void FakeNetwork::attach(const network::Attachment& cell) {
  step("network.attach", [&] {
    const std::lock_guard lock{mutex_};
    throw_if_told();
    if (!spaces_.contains(cell.space.bridge)) {
      throw Error{kinds::network_not_found, fmt::format("network {} has no bridge {} on this host",
                                                        cell.space.name, cell.space.bridge)};
    }
    if (!cell.space.subnet.contains(cell.address)) {
      throw Error{kinds::invalid_argument,
                  fmt::format("address {} is not in {}", cell.address.to_string(),
                              cell.space.subnet.to_string())};
    }
    for (const auto& [key, other] : attached_) {
      if (key != cell.cell_key && other.address == cell.address &&
          other.space.bridge == cell.space.bridge) {
        throw Error{kinds::failed_precondition,
                    fmt::format("address {} belongs to cell {}", cell.address.to_string(), key)};
      }
    }
    attached_[cell.cell_key] = cell;
  });
}

void FakeNetwork::detach(const network::Attachment& cell) {
  step("network.detach", [&] {
    const std::lock_guard lock{mutex_};
    throw_if_told();
    attached_.erase(cell.cell_key);
  });
}

std::vector<std::string> FakeNetwork::inventory() {
  const std::lock_guard lock{mutex_};
  std::vector<std::string> found;
  for (const auto& [key, cell] : attached_) {
    found.push_back(fmt::format("cell {} {}", key, cell.address.to_string()));
  }
  for (const auto& [bridge, space] : spaces_) found.push_back("link " + bridge);
  if (shared_) found.emplace_back("nft table inet kukeon");
  return found;
}

void FakeNetwork::remove_shared() {
  step("network.remove_shared", [&] {
    const std::lock_guard lock{mutex_};
    shared_ = false;
  });
}

std::optional<network::Attachment> FakeNetwork::attachment(const std::string& cell_key) const {
  const std::lock_guard lock{mutex_};
  const auto found = attached_.find(cell_key);
  if (found == attached_.end()) return std::nullopt;
  return found->second;
}

void FakeNetwork::lose_space(const std::string& bridge) {
  const std::lock_guard lock{mutex_};
  spaces_.erase(bridge);
}

void FakeNetwork::reboot() {
  const std::lock_guard lock{mutex_};
  spaces_.clear();
  attached_.clear();
  shared_ = false;
}

}  // namespace kukeon::fakes
