// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "kukeon/base/files.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"

namespace kukeon {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

// Children of a process, as the kernel lists them (proc_pid_task(5)).
std::vector<pid_t> children_of(pid_t pid) {
  const auto list = read_file_if_exists(fmt::format("/proc/{0}/task/{0}/children", pid));
  std::vector<pid_t> children;
  for (const auto& word : split(trim(list.value_or("")), ' ')) {
    if (const auto number = parse_integer(word)) children.push_back(static_cast<pid_t>(*number));
  }
  return children;
}

// The kernel announces neither a reaped grandchild nor a new one: we look until the deadline.
template <class Condition>
bool becomes_true(Condition&& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

// Asleep is waiting for signals: it waits for nothing else. An earlier TERM would meet the default
// action.
bool waits_for_signals(pid_t pid) {
  const auto stat = read_file_if_exists(fmt::format("/proc/{}/stat", pid)).value_or("");
  return stat.find("(kukepause) S") != std::string::npos;
}

class KukepauseSignals : public testing::TestWithParam<int> {};

TEST_P(KukepauseSignals, EndItWithCodeZero) {
  auto pause = Process::start({.argv = {KUKEPAUSE}}, {});
  ASSERT_TRUE(becomes_true([&] { return waits_for_signals(pause.pid()); }));

  pause.signal(GetParam());

  const auto exit = pause.wait(10s);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->code, 0);
  EXPECT_EQ(exit->signal, 0);
}

INSTANTIATE_TEST_SUITE_P(TermAndInt, KukepauseSignals, testing::Values(SIGTERM, SIGINT));

TEST(Kukepause, ReapsOrphansAndObeysTermAsPidOne) {
  if (::geteuid() != 0) GTEST_SKIP() << "a pid namespace needs root";
  if (!fs::exists(fmt::format("/proc/{0}/task/{0}/children", ::getpid()))) {
    GTEST_SKIP() << "this kernel has no /proc/<pid>/task/<tid>/children (CONFIG_PROC_CHILDREN)";
  }
  auto unshare =
      Process::start({.argv = {"unshare", "--pid", "--fork", "--kill-child", KUKEPAUSE}}, {});
  ASSERT_TRUE(becomes_true([&] {
    const auto children = children_of(unshare.pid());
    return !children.empty() && waits_for_signals(children.front());
  }));
  const pid_t pause = children_of(unshare.pid()).front();

  // The shell ends at once; what it left behind belongs to PID 1 of its namespace.
  const auto shell = run({.argv = {"nsenter", "--pid", "--target", std::to_string(pause), "sh",
                                   "-c", "sleep 600 </dev/null >/dev/null 2>&1 &"}},
                         10s);
  ASSERT_EQ(shell.exit.code, 0) << shell.err;
  ASSERT_TRUE(becomes_true([&] { return children_of(pause).size() == 1; }));
  const pid_t orphan = children_of(pause).front();
  ASSERT_EQ(::kill(orphan, SIGKILL), 0);
  EXPECT_TRUE(becomes_true([&] { return !process_exists(orphan); })) << "the orphan stays a zombie";
  EXPECT_THAT(children_of(pause), IsEmpty());

  ASSERT_EQ(::kill(pause, SIGTERM), 0);
  const auto exit = unshare.wait(10s);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->code, 0);
}

TEST(Kukepause, IsAStaticProgramOfAFewKilobytes) {
  EXPECT_LT(fs::file_size(KUKEPAUSE), 16U * 1024);
  // A program that asks for a dynamic loader names it in its file.
  EXPECT_EQ(read_file(KUKEPAUSE).find("ld-linux"), std::string::npos);
}

}  // namespace
}  // namespace kukeon
