// SPDX-License-Identifier: Apache-2.0
// Plans as the engine's callers know them: made, remembered, and held to a hash.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/engine/engine.h"
#include "kukeon/engine/prune.h"

namespace kukeon::engine {
namespace {

constexpr std::size_t remembered_plans = 16;
constexpr std::size_t shortest_hash = 12;
constexpr std::size_t told_moves = 10;
constexpr std::string_view hash_prefix = "sha256:";

std::string_view digits_of(std::string_view hash) {
  if (hash.starts_with(hash_prefix)) hash.remove_prefix(hash_prefix.size());
  return hash;
}

bool matches(std::string_view whole, std::string_view given) {
  return digits_of(whole).starts_with(digits_of(given));
}

}  // namespace

Plan Engine::plan(std::vector<Desired> documents, PlanOptions options) const {
  check_set_name(options.set);
  if (options.prune && options.set.empty()) {
    throw Error{kinds::invalid_argument,
                "prune needs the name of the set that the documents belong to; give --set NAME"};
  }
  return make_plan(std::move(documents), store_, {config_.namespace_suffix, config_.cgroup_root},
                   std::move(options));
}

void Engine::remember(const Plan& plan) {
  std::pair<std::string, Fingerprint> one{hash_of(plan), fingerprint_of(plan)};
  plans_.with([&](auto& plans) {
    std::erase_if(plans, [&](const auto& had) { return had.first == one.first; });
    plans.push_back(std::move(one));
    if (plans.size() > remembered_plans) plans.pop_front();
  });
}

void Engine::require_plan(const Plan& plan, std::string_view hash) const {
  const std::string_view digits = digits_of(hash);
  const bool hexadecimal = digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (digits.size() < shortest_hash || digits.size() > 64 || !hexadecimal) {
    throw Error{kinds::invalid_argument,
                fmt::format("{} is not the hash of a plan; `kuke plan` prints it, and {} digits of"
                            " it are enough",
                            quote(hash), shortest_hash)};
  }
  const std::string now = hash_of(plan);
  if (matches(now, hash)) return;

  std::vector<std::string> moved;
  plans_.with([&](const auto& plans) {
    const auto at =
        std::ranges::find_if(plans, [&](const auto& known) { return matches(known.first, hash); });
    if (at != plans.end()) moved = moved_between(at->second, fingerprint_of(plan));
  });
  const std::size_t count = moved.size();
  if (count > told_moves) {
    moved.resize(told_moves);
    moved.push_back(fmt::format("and {} more", count - told_moves));
  }
  const std::string why =
      count == 0
          ? "this daemon does not know that plan: it was made from other documents, before the"
            " daemon started, or long ago"
          : join(moved, "; ");
  throw Error{
      kinds::failed_precondition,
      fmt::format("the plan does not hold any more, nothing was done: {}; the plan is now {}", why,
                  now)};
}

}  // namespace kukeon::engine
