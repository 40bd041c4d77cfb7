// SPDX-License-Identifier: Apache-2.0
// What happens to cells of a real daemon without anybody asking, and what many ask at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "support/daemon_fixture.h"
#include "support/leak_check.h"

namespace kukeon {
namespace {

using namespace std::chrono_literals;
using namespace support;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string shell(const std::string& id, const std::string& script, const std::string& more = {}) {
  return fmt::format(
      "    - id: {}\n      image: busybox\n      command: /bin/sh\n      args: [-c, \"{}\"]\n{}",
      id, script, more);
}

class Lifecycle : public DaemonTest {
 protected:
  model::ContainerStatus status(const std::string& cell, const std::string& id = "main") {
    const auto doc = get_cell(cell);
    const auto* found = model::find_status(doc.status, id);
    return found == nullptr ? model::ContainerStatus{} : *found;
  }
  std::string state(const std::string& cell) {
    return std::string{v1beta1::state_word(get_cell(cell).status)};
  }
  void apply(const std::string& yaml) { daemon().kuke_ok({"apply", "-f", "-"}, yaml); }
  pid_t shim_of(const std::string& container_pid) {
    const std::string stat = read_file(fmt::format("/proc/{}/stat", container_pid), 4096);
    const auto words = split(stat.substr(stat.rfind(')') + 2), ' ');
    return static_cast<pid_t>(parse_integer(words.at(1)).value_or(0));
  }
};

TEST_F(Lifecycle, CrashedContainerRunsAgainAtOnce) {
  apply(cell_yaml("web", shell("main", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done",
                               "      restartPolicy: always\n")));
  const auto before = pids();
  const pid_t pid = static_cast<pid_t>(*parse_integer(before.at("default_default_web_main")));
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return status("web").restart_count == 1 && is_ready("web"); }));
  const auto after = pids();
  EXPECT_EQ(after.at("default_default_web_root"), before.at("default_default_web_root"));
  EXPECT_NE(after.at("default_default_web_main"), before.at("default_default_web_main"));
  EXPECT_THAT(
      daemon().kuke_ok(
          {"apply", "-f", "-"},
          cell_yaml("web", shell("main", "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done",
                                 "      restartPolicy: always\n"))),
      HasSubstr("unchanged"));
}

TEST_F(Lifecycle, PowerCutBringsBackWhatRanWithItsAddress) {
  apply(cell_yaml("web", waiting("main")) + "---\n" + cell_yaml("halted", waiting("main")) +
        "---\n" + cell_yaml("done", shell("main", "true")));
  daemon().kuke_ok({"stop", "cell", "halted"});
  ASSERT_TRUE(eventually([&] { return state("done") == "Exited"; }));
  const std::string address = get_cell("web").status.network.address;
  daemon().cut_power();
  daemon().start();
  EXPECT_TRUE(eventually([&] { return pids().size() == 2 && is_ready("web"); }, 30s))
      << daemon().log();
  EXPECT_EQ(get_cell("web").status.network.address, address);
  EXPECT_EQ(state("halted"), "Stopped");
  EXPECT_EQ(state("done"), "Exited");
  EXPECT_THAT(pids(), SizeIs(2));
  // It reaches its gateway: bridge, address and route are there again.
  const auto ping = daemon().ctr({"task", "exec", "--exec-id", "ping", "default_default_web_main",
                                  "ping", "-c", "1", "-W", "5", "10.88.0.1"});
  EXPECT_TRUE(ping.exit.ok()) << ping.out << ping.err;
  EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("main"))),
              HasSubstr("unchanged"));
}

TEST_F(Lifecycle, KilledShimIsTheEndOfItsCellUnlessAPolicySaysOtherwise) {
  apply(cell_yaml("plain", waiting("main")) + "---\n" +
        cell_yaml("kept", waiting("main") + "      restartPolicy: on-failure\n"));
  for (const char* cell : {"plain", "kept"}) {
    const pid_t shim = shim_of(pids().at(fmt::format("default_default_{}_main", cell)));
    ASSERT_GT(shim, 1);
    ASSERT_EQ(::kill(shim, SIGKILL), 0);
  }
  EXPECT_TRUE(
      eventually([&] { return is_ready("kept") && status("kept").restart_count == 1; }, 30s))
      << state("kept") << daemon().log();
  EXPECT_TRUE(eventually([&] { return state("plain") == "Error"; }, 30s)) << state("plain");
  EXPECT_TRUE(eventually([&] { return pids().size() == 2; }, 30s));
  daemon().kuke_ok({"start", "cell", "plain"});
  EXPECT_TRUE(is_ready("plain"));
}

TEST_F(Lifecycle, ContainerThatNeedsTooMuchMemoryIsToldAsSuch) {
  apply(cell_yaml("big", shell("main", "sleep 0.3; tail /dev/zero",
                               "      resources: {memoryLimitBytes: 16777216}\n")));
  EXPECT_TRUE(eventually([&] { return state("big") == "Error"; }, 30s)) << state("big");
  EXPECT_EQ(status("big").exit_code, 137);
  EXPECT_EQ(status("big").exit_signal, "SIGKILL");
}

TEST_F(Lifecycle, ContainerThatIgnoresTermIsKilledInTheEnd) {
  apply(cell_yaml("deaf", shell("main", "trap '' TERM; while :; do sleep 1; done")));
  daemon().kuke_ok({"stop", "cell", "deaf"});
  EXPECT_EQ(state("deaf"), "Stopped");
  EXPECT_THAT(pids(), IsEmpty());
}

TEST_F(Lifecycle, CrashLoopsSlowDown) {
  std::string yaml;
  for (int i = 0; i < 4; ++i) {
    yaml += (i == 0 ? "" : "---\n") +
            cell_yaml(fmt::format("loop{}", i),
                      shell("main", "exit 1", "      restartPolicy: always\n"));
  }
  apply(yaml);
  EXPECT_TRUE(eventually([&] { return status("loop0").restart_attempts >= 4; }, 30s));
  EXPECT_TRUE(eventually([&] { return state("loop0") == "Degraded"; }));
  // The pause before the fifth is 800 ms: what is far faster has lost its pauses.
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(eventually([&] { return status("loop0").restart_attempts >= 6; }, 30s));
  EXPECT_GT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_TRUE(daemon().kuke({"status"}).exit.ok());
}

TEST_F(Lifecycle, OppositeManifestsOfTwoClientsLeaveOneOfThem) {
  const std::string one = cell_yaml("web", waiting("main") + waiting("one"));
  const std::string two = cell_yaml("web", waiting("main") + waiting("two"));
  const LeakCheck leak{daemon().leak_scope()};
  {
    std::jthread first{[&] {
      for (int i = 0; i < 4; ++i) daemon().apply(one);
    }};
    std::jthread second{[&] {
      for (int i = 0; i < 4; ++i) daemon().apply(two);
    }};
  }
  daemon().kuke_ok({"apply", "-f", "-"}, one);
  EXPECT_TRUE(eventually([&] { return is_ready("web") && pids().size() == 3; }));
  EXPECT_TRUE(pids().contains("default_default_web_one"));
  EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, one), HasSubstr("unchanged"));
  daemon().kuke_ok({"delete", "cell", "web"});
  EXPECT_THAT(leak.new_objects(), IsEmpty());
}

TEST_F(Lifecycle, FiftyCellsAtOnceAllComeUp) {
  std::string yaml;
  for (int i = 0; i < 50; ++i) {
    yaml += (i == 0 ? "" : "---\n") + cell_yaml(fmt::format("c{}", i), waiting("main"));
  }
  const LeakCheck leak{daemon().leak_scope()};
  apply(yaml);
  EXPECT_THAT(pids(), SizeIs(100));
  const std::string again = daemon().kuke_ok({"apply", "-f", "-"}, yaml);
  EXPECT_THAT(again, ::testing::Not(HasSubstr("created")));
  daemon().kuke_ok({"delete", "stack", "default", "--cascade"});
  EXPECT_THAT(pids(), IsEmpty());
}

}  // namespace
}  // namespace kukeon
