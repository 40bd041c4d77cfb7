// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/host/daemon_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "kukeon/base/error.h"
#include "kukeon/base/files.h"
#include "kukeon/base/process.h"

namespace kukeon::cli {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Stopped = DaemonControl::Stopped;

class DaemonControlTest : public testing::Test {
 protected:
  DaemonControlTest() {
    ServerSettings settings;
    settings.socket = directory_.path() / "kukeond.sock";
    settings.run_path = directory_.path();
    control_.emplace(settings);
  }

  void write_pid(pid_t pid) {
    write_file_atomically(control_->settings().pid_file(), std::to_string(pid) + "\n", 0644);
  }

  // A process that goes by the name kukeond and waits to be ended.
  Process start_impostor() {
    const fs::path name = directory_.path() / "kukeond";
    fs::create_symlink("/bin/sleep", name);
    kukeon::Command command;
    command.argv = {name, "60"};
    return Process::start(command, {});
  }

  TemporaryDirectory directory_;
  std::optional<DaemonControl> control_;
};

TEST_F(DaemonControlTest, FindsNothingWhereNothingRuns) {
  EXPECT_FALSE(control_->running_pid());
  EXPECT_FALSE(control_->ask());
  EXPECT_EQ(control_->stop(1s).how, Stopped::absent);
}

TEST_F(DaemonControlTest, NeverTouchesAProcessOfAnotherName) {
  for (const char* text : {"1\n", "0\n", "-1\n", "4194304000\n", "kukeond\n", ""}) {
    write_file_atomically(control_->settings().pid_file(), text, 0644);
    EXPECT_FALSE(control_->running_pid()) << text;
  }
  write_pid(::getpid());
  EXPECT_FALSE(control_->running_pid());
  EXPECT_EQ(control_->stop(1s).how, Stopped::stale);
  EXPECT_FALSE(fs::exists(control_->settings().pid_file()));
}

TEST_F(DaemonControlTest, StopsTheProcessOfThePidFile) {
  Process process = start_impostor();
  write_pid(process.pid());
  write_file_atomically(control_->settings().socket, "", 0600);
  EXPECT_EQ(control_->running_pid(), process.pid());

  const auto stopped = control_->stop(10s);

  EXPECT_EQ(stopped.how, Stopped::gracefully);
  EXPECT_EQ(stopped.pid, process.pid());
  EXPECT_EQ(process.wait().signal, SIGTERM);
  EXPECT_FALSE(fs::exists(control_->settings().pid_file()));
  EXPECT_FALSE(fs::exists(control_->settings().socket));
}

TEST_F(DaemonControlTest, KillsAtOnceWithoutGrace) {
  Process process = start_impostor();
  write_pid(process.pid());
  EXPECT_EQ(control_->stop(0s).how, Stopped::by_force);
  EXPECT_EQ(process.wait().signal, SIGKILL);
}

TEST_F(DaemonControlTest, EndsItsErrorWithTheLastWordsOfADaemonThatDied) {
  const fs::path program = directory_.path() / "kukeond";
  write_file_atomically(program, "#!/bin/sh\necho first\necho 'no containerd' >&2\nexit 3\n", 0755);
  const std::string path = ::getenv("PATH");
  ::setenv("PATH", (directory_.path().string() + ":" + path).c_str(), 1);
  write_file_atomically(control_->settings().log_file(), "of another day\n", 0640);
  Terminal terminal{-1, -1, -1};
  try {
    control_->start(terminal, 0);
    ADD_FAILURE() << "it started";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("kukeond exited with code 3 while starting: "
                                              "no containerd (log: "),
                                    Not(HasSubstr("another day"))));
  }
  ::setenv("PATH", path.c_str(), 1);
}

}  // namespace
}  // namespace kukeon::cli
