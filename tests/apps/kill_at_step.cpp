// SPDX-License-Identifier: Apache-2.0
// Linked into a kukeond of the tests: ends the program at a step (base/step.h), or tells which
// steps there are.
//   KUKEON_STEPS_TO=FILE                          appends the name of each step, a line each
//   KUKEON_KILL_AT="runtime.start_task 2 before"  SIGKILL at its second time; "after": once its
//                                                 effect has happened
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <sstream>
#include <string>

#include "kukeon/base/step.h"

namespace {

class KillAtStep final : public kukeon::StepObserver {
 public:
  KillAtStep() {
    if (const char* path = std::getenv("KUKEON_STEPS_TO")) {
      list_ = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    }
    if (const char* text = std::getenv("KUKEON_KILL_AT")) {
      std::istringstream words{text};
      std::string when;
      words >> name_ >> occurrence_ >> when;
      after_ = when == "after";
    }
    if (list_ >= 0 || !name_.empty()) kukeon::observe_steps(this);
  }

  void before(std::string_view name) override {
    if (list_ >= 0) {
      const std::string line = std::string{name} + "\n";
      (void)!::write(list_, line.data(), line.size());
    }
    if (name != name_) return;
    if (++seen_ == occurrence_ && !after_) ::kill(::getpid(), SIGKILL);
  }
  void after(std::string_view name) override {
    if (name == name_ && after_ && seen_ >= occurrence_) ::kill(::getpid(), SIGKILL);
  }

 private:
  int list_ = -1;
  std::string name_;
  int occurrence_ = 0;
  bool after_ = false;
  std::atomic<int> seen_{0};
};

KillAtStep observer;

}  // namespace
