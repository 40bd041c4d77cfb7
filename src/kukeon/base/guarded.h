// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <utility>

namespace kukeon {

// A value that lives inside its mutex: sessions_.with([&](Sessions& s) { s.erase(id); });
template <class T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_{std::move(value)} {}

  template <class Body>
  decltype(auto) with(Body&& body) {
    const std::lock_guard lock{mutex_};
    return std::forward<Body>(body)(value_);
  }
  template <class Body>
  decltype(auto) with(Body&& body) const {
    const std::lock_guard lock{mutex_};
    return std::forward<Body>(body)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace kukeon
