// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <tuple>

#include "kukeon/base/timestamp.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

// Parts that several kinds have in common.
namespace kukeon::model {

struct Metadata {
  std::string name;
  reflect::Labelset labels;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("name", &Metadata::name, required | immutable,
                       "Name, unique within the parent; no '_' and no '/'."),
        reflect::field("labels", &Metadata::labels, live,
                       "Free keys and values; keys ending in .kukeon.io are kukeon's own."),
    };
  }
  friend bool operator==(const Metadata&, const Metadata&) = default;
};

// The end of every status from realm to cell (model.md 3.7).
struct Lifecycle {
  Timestamp created_at;
  Timestamp updated_at;
  Timestamp ready_at;
  std::string reason;
  std::string message;
  bool cgroup_ready = false;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("createdAt", &Lifecycle::created_at, omitempty | derived,
                       "When the object was first stored."),
        reflect::field("updatedAt", &Lifecycle::updated_at, omitempty | derived,
                       "When the object was last stored."),
        reflect::field("readyAt", &Lifecycle::ready_at, omitempty | derived,
                       "When the object was Ready for the first time."),
        reflect::field("reason", &Lifecycle::reason, omitempty | derived,
                       "Short code for the state."),
        reflect::field("message", &Lifecycle::message, omitempty | derived,
                       "What the state means here, in one line."),
        reflect::field("cgroupReady", &Lifecycle::cgroup_ready, omitempty | derived,
                       "Whether the cgroup was there at the last look."),
    };
  }
  friend bool operator==(const Lifecycle&, const Lifecycle&) = default;
};

}  // namespace kukeon::model
