// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

namespace kukeon {

// Undoes, newest first, what was done before a failure. A step names things and captures no locals
// of the scope it guards: `Rollback undo;` stands first there, so steps run after those are gone.
// A step that throws is logged, and the others still run.
class Rollback {
 public:
  Rollback() = default;
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  ~Rollback();

  void add(std::function<void()> step) { steps_.push_back(std::move(step)); }
  void commit() { steps_.clear(); }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace kukeon
