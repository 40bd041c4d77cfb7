// SPDX-License-Identifier: Apache-2.0
// What the engine does by itself: restarts, repairs, a reboot, the end of what a killed one began.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/kernel/namespaces.h"
#include "support/test_daemon.h"
#include "unit_with_fakes/engine_on_fakes.h"

namespace kukeon::engine {
namespace {

using namespace std::chrono_literals;
using support::eventually;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* app = "default_default_web_app";
constexpr const char* root = "default_default_web_root";

class Reconcile : public EngineOnFakes {
 protected:
  void SetUp() override {
    EngineOnFakes::SetUp();
    if (IsSkipped()) return;
    config_.restarts = {.floor = 20ms, .cap = 40ms, .stable = 1h};
    open();
    watch();
  }
  void TearDown() override {
    if (engine_) engine_->stop();
    EngineOnFakes::TearDown();
  }

  void watch() {
    engine().start();
    ASSERT_TRUE(runtime_.wait_for_watchers(1));
  }
  // As a daemon that is started again.
  void reopen() {
    engine_->stop();
    open();
    watch();
  }
  // As after a power cut: tasks, namespaces and links are gone, documents and containers are not.
  void reboot() {
    engine_->stop();
    for (const auto& task : runtime_.list_tasks(ns)) runtime_.delete_task(ns, task.container_id);
    for (const std::string& name : kernel::list_pinned(config_.runtime_dir / "ns" / ns)) {
      kernel::PinnedNamespaces{config_.runtime_dir / "ns" / ns / name}.remove();
    }
    fs::remove_all(config_.runtime_dir / "ns");
    network_.reboot();
    kernel::Cgroups{}.remove(config_.cgroup_root);
    open();
    watch();
  }

  static model::Path container_path(const std::string& id) {
    model::Path path = web;
    path.container = id;
    return path;
  }
  static model::Cell with_policy(const std::string& policy,
                                 std::vector<std::string> ids = {"app"}) {
    model::Cell cell = a_cell("web", ids);
    for (auto& container : cell.spec.containers) container.restart_policy = policy;
    return cell;
  }
  model::ContainerStatus status(const std::string& id = "app") {
    const model::Cell cell = stored();
    const auto* found = model::find_status(cell.status, id);
    return found == nullptr ? model::ContainerStatus{} : *found;
  }
  bool comes_to(model::CellState state) {
    return eventually([&] { return stored().status.state == state; });
  }
  // Ends a workload and waits until it runs again for the `count`-th time.
  void crash(std::int64_t count, std::uint32_t code = 1, const std::string& id = "app") {
    runtime_.exit_task(ns, "default_default_web_" + id, code);
    ASSERT_TRUE(eventually([&] {
      return status(id).restart_count == count && status(id).state == model::ContainerState::ready;
    })) << count
        << " " << stored().status.message;
  }
};

TEST_F(Reconcile, AlwaysRestartsAtOnceAndCounts) {
  engine().create_cell(with_policy("always"));
  crash(1, 1);
  EXPECT_TRUE(comes_to(model::CellState::ready));
  crash(2, 0);
  EXPECT_EQ(status().restart_attempts, 2);
  EXPECT_FALSE(status().restart_time.is_zero());
  EXPECT_TRUE(status().finish_time.is_zero());
  EXPECT_EQ(runtime_.calls("start_task"), 4) << "the root was left alone";
}

TEST_F(Reconcile, FirstRestartComesWithinAFifthOfASecond) {
  engine().create_cell(with_policy("always"));
  const Timestamp exit = Timestamp::now();
  crash(1);
  EXPECT_LT(status().start_time - exit, 200ms);
}

TEST_F(Reconcile, NeverAndNothingLeaveItEnded) {
  for (const std::string policy : {"never", ""}) {
    engine().create_cell(with_policy(policy));
    runtime_.exit_task(ns, app, 3);
    ASSERT_TRUE(comes_to(model::CellState::error));
    EXPECT_EQ(status().exit_code, 3);
    EXPECT_EQ(status().restart_count, 0);
    EXPECT_THAT(running(), ElementsAre(root));
    engine().delete_cell(web);
  }
}

TEST_F(Reconcile, OnFailureRestartsUntilItIsGivenUp) {
  model::Cell cell = with_policy("on-failure");
  cell.spec.containers[0].restart_max_retries = 2;
  engine().create_cell(cell);
  crash(1);
  crash(2);
  runtime_.exit_task(ns, app, 7);
  ASSERT_TRUE(comes_to(model::CellState::error));
  EXPECT_EQ(stored().status.message,
            R"(container "app" exited with code 7, given up after its restarts)");
  // A person starts it again: a new count of retries.
  EXPECT_EQ(engine().start_cell(web).status.state, model::CellState::ready);
  EXPECT_EQ(status().restart_attempts, 0);
  crash(3);
  runtime_.exit_task(ns, app, 0);
  ASSERT_TRUE(comes_to(model::CellState::exited)) << "success is not a failure";
}

TEST_F(Reconcile, CellIsDegradedWhileItsRestartIsAwaited) {
  config_.restarts = {.floor = 1h, .cap = 2h, .stable = 3h};
  reopen();
  engine().create_cell(with_policy("always"));
  crash(1);
  runtime_.exit_task(ns, app, 5);
  ASSERT_TRUE(comes_to(model::CellState::degraded));
  EXPECT_EQ(stored().status.reason, "RestartPending");
  EXPECT_EQ(stored().status.message, R"(container "app" exited with code 5, is restarted)");
  EXPECT_EQ(status().exit_code, 5);
  // The pause is remembered by the next engine.
  reopen();
  ASSERT_TRUE(comes_to(model::CellState::degraded));
  EXPECT_THAT(running(), ElementsAre(root));
  EXPECT_EQ(status().restart_count, 1);
}

TEST_F(Reconcile, RestartThatFailsIsTriedAgain) {
  engine().create_cell(with_policy("always"));
  runtime_.fail("start_task", app, Error{kinds::unknown, "told to fail"});
  runtime_.exit_task(ns, app, 1);
  ASSERT_TRUE(eventually([&] { return status().restart_count >= 3; }));
  EXPECT_EQ(stored().status.state, model::CellState::degraded);
  runtime_.clear_failures();
  ASSERT_TRUE(comes_to(model::CellState::ready));
}

TEST_F(Reconcile, ContainerThatTheUserStoppedStaysStopped) {
  engine().create_cell(with_policy("always", {"app", "side"}));
  EXPECT_EQ(engine().stop_container(container_path("app")).status.state,
            model::ContainerState::stopped);
  EXPECT_EQ(stored().status.state, model::CellState::ready) << "the other one runs";
  const auto still = [&] {
    EXPECT_THAT(running(), ElementsAre(root, "default_default_web_side"));
    EXPECT_EQ(status().state, model::ContainerState::stopped);
  };
  reopen();
  crash(1, 1, "side");
  still();
  reboot();
  ASSERT_TRUE(eventually([&] { return running().size() == 2; }));
  still();
  EXPECT_EQ(engine().start_container(container_path("app")).status.state,
            model::ContainerState::ready);
  reopen();
  runtime_.exit_task(ns, app, 1);
  EXPECT_TRUE(eventually([&] { return status().restart_count == 1; }));
}

TEST_F(Reconcile, CellThatTheUserStoppedStaysStoppedOverAReboot) {
  engine().create_cell(with_policy("always"));
  engine().stop_cell(web);
  reboot();
  model::Cell other = a_cell("other", {"app"});
  engine().create_cell(other);  // something else that takes a while
  EXPECT_EQ(stored().status.state, model::CellState::stopped);
  EXPECT_THAT(running(), ElementsAre("default_default_other_app", "default_default_other_root"));
}

TEST_F(Reconcile, RebootBringsBackWhatRanAndNothingElse) {
  model::Cell cell = a_cell("web", {"app", "done", "failed", "again"});
  cell.spec.containers[3].restart_policy = "always";
  engine().create_cell(cell);
  engine().create_cell(a_cell("other", {"app"}));
  const std::string address = stored().status.network.address;
  runtime_.exit_task(ns, "default_default_web_done", 0);
  runtime_.exit_task(ns, "default_default_web_failed", 4);
  ASSERT_TRUE(eventually([&] {
    return status("failed").exit_code == 4 && status("done").state == model::ContainerState::exited;
  }));
  reboot();
  ASSERT_TRUE(eventually([&] { return running().size() == 5; }));
  EXPECT_THAT(running(), ElementsAre("default_default_other_app", "default_default_other_root",
                                     "default_default_web_again", app, root));
  ASSERT_TRUE(comes_to(model::CellState::degraded));
  EXPECT_EQ(status("failed").exit_code, 4);
  EXPECT_EQ(status("done").state, model::ContainerState::exited);
  EXPECT_EQ(stored().status.network.address, address);
  EXPECT_NE(stored({.realm = "default", .space = "default", .stack = "default", .cell = "other"})
                .status.network.address,
            address);
  EXPECT_TRUE(pinned());
  EXPECT_TRUE(kernel::Cgroups{}.exists(stored().status.cgroup_path));
}

TEST_F(Reconcile, RebootLeavesACellWhoseWorkloadsHadEnded) {
  engine().create_cell(a_cell("web", {"app"}));
  runtime_.exit_task(ns, app, 4);
  ASSERT_TRUE(comes_to(model::CellState::error));
  reboot();
  engine().create_cell(a_cell("other", {"app"}));
  EXPECT_THAT(running(), ElementsAre("default_default_other_app", "default_default_other_root"));
  EXPECT_EQ(stored().status.state, model::CellState::error);
  EXPECT_EQ(stored().status.message, R"(container "app" exited with code 4)");
}

TEST_F(Reconcile, RebootLeavesAJobThatWasDoneBeforeAnybodySawItRun) {
  engine().create_cell(a_cell("web", {"app"}));
  runtime_.exit_task(ns, app, 0);
  ASSERT_TRUE(comes_to(model::CellState::exited));
  engine_->stop();
  model::Cell cell = stored();
  cell.status.ready_observed = false;
  store_->write([&](store::Changes& changes) { changes.put(cell, store::Intent::running); });
  reboot();
  engine().create_cell(a_cell("other", {"app"}));
  EXPECT_TRUE(comes_to(model::CellState::exited));
  EXPECT_TRUE(kernel::Cgroups{}.exists(cell.status.cgroup_path));
}

TEST_F(Reconcile, RootThatEndsTakesAlongWhatNobodyWantsBack) {
  engine().create_cell(a_cell("web", {"app"}));
  runtime_.exit_task(ns, root, 0);
  ASSERT_TRUE(comes_to(model::CellState::error));
  EXPECT_EQ(stored().status.reason, "RootNotRunning");
  EXPECT_EQ(status().exit_signal, "SIGKILL");
  EXPECT_THAT(running(), IsEmpty());
  EXPECT_FALSE(pinned());
  reopen();
  EXPECT_EQ(stored().status.state, model::CellState::error);
  EXPECT_EQ(engine().start_cell(web).status.state, model::CellState::ready);
}

TEST_F(Reconcile, RootThatEndsIsMadeAgainWhereAPolicyAsksForIt) {
  model::Cell cell = a_cell("web", {"app", "side"});
  cell.spec.containers[0].restart_policy = "always";
  engine().create_cell(cell);
  runtime_.exit_task(ns, root, 137);
  ASSERT_TRUE(eventually([&] {
    return status().restart_count == 1 && status().state == model::ContainerState::ready;
  }));
  EXPECT_THAT(running(), ElementsAre(app, root));
  EXPECT_EQ(status("side").state, model::ContainerState::error);
  EXPECT_EQ(stored().status.state, model::CellState::degraded);
}

TEST_F(Reconcile, RootOnItsOwnIsRestartedAsItsPolicySays) {
  model::Cell cell = with_policy("always");
  cell.spec.containers[0].root = true;
  engine().create_cell(cell);
  runtime_.exit_task(ns, root, 1);
  EXPECT_TRUE(eventually([&] { return status().restart_count == 1; }));
  EXPECT_TRUE(comes_to(model::CellState::ready));
  EXPECT_THAT(running(), ElementsAre(root));
}

TEST_F(Reconcile, CellThatDeletesItselfDoesSoOnceItsWorkloadsAreDone) {
  model::Cell cell = a_cell("web", {"app", "side"});
  cell.spec.auto_delete = true;
  engine().create_cell(cell);
  runtime_.exit_task(ns, app, 0);
  ASSERT_TRUE(eventually([&] { return status().state == model::ContainerState::exited; }));
  EXPECT_EQ(stored().status.state, model::CellState::ready);
  runtime_.exit_task(ns, "default_default_web_side", 0);
  ASSERT_TRUE(eventually([&] { return !engine().get_cell(web); }));
  ASSERT_TRUE(eventually([&] { return running().empty(); }));
}

TEST_F(Reconcile, CellOfARootAloneDeletesItselfToo) {
  model::Cell cell = a_cell("web", {"app"});
  cell.spec.containers[0].root = true;
  cell.spec.auto_delete = true;
  engine().create_cell(cell);
  runtime_.exit_task(ns, root, 0);
  ASSERT_TRUE(eventually([&] { return !engine().get_cell(web); }));
}

TEST_F(Reconcile, CellThatFailedIsKeptForItsReaderAlsoWhereItWouldDeleteItself) {
  model::Cell cell = a_cell("web", {"app"});
  cell.spec.auto_delete = true;
  engine().create_cell(cell);
  runtime_.exit_task(ns, app, 2);
  ASSERT_TRUE(comes_to(model::CellState::error));
  EXPECT_EQ(status().exit_code, 2);
}

TEST_F(Reconcile, JournalTellsOfExitsRestartsAndWantOfMemory) {
  engine().create_cell(with_policy("always"));
  const std::int64_t from = engine().journal().newest();
  runtime_.oom_task(ns, app);
  crash(1, 137);
  std::vector<std::string> told;
  for (const store::Event& event : engine().journal().read(from, 100).events) {
    told.push_back(fmt::format("{} {}", reflect::label(event.type), event.message));
    EXPECT_EQ(event.path, container_path("app"));
  }
  ASSERT_EQ(told.size(), 3U);
  EXPECT_THAT(told[0], HasSubstr("oom"));
  EXPECT_THAT(told[1], HasSubstr("SIGKILL"));
  EXPECT_THAT(told[2], HasSubstr("restart"));
}

TEST_F(Reconcile, CgroupThatSomebodyRemovedIsMadeAgain) {
  engine().create_cell(a_cell("web", {"app"}));
  const std::string group = stored().status.cgroup_path;
  kernel::Cgroups{}.remove(config_.cgroup_root);
  runtime_.break_streams();  // everything is looked at again
  const kernel::Cgroups cgroups;
  EXPECT_TRUE(eventually([&] { return cgroups.exists(group); }));
  EXPECT_EQ(stored().status.state, model::CellState::ready);
}

TEST_F(Reconcile, ExitThatNobodyToldIsFoundByListing) {
  engine().create_cell(with_policy("always"));
  engine_->stop();
  runtime_.exit_task(ns, app, 1);
  open();
  watch();
  EXPECT_TRUE(eventually([&] { return status().restart_count == 1; }));
  EXPECT_TRUE(comes_to(model::CellState::ready));
}

TEST_F(Reconcile, FiveHundredHealthyCellsAreLookedAtAndLeftAlone) {
  for (int i = 0; i < 500; ++i) {
    model::Cell cell = a_cell(fmt::format("c{}", i), {"app"});
    cell.spec.containers[0].host_network = true;  // spares the kernel 500 namespaces
    engine().create_cell(cell);
  }
  engine_->stop();
  const int starts = runtime_.calls("start_task");
  const int kills = runtime_.calls("kill_and_wait");
  const int looks = runtime_.calls("find_task");
  open();
  engine().start();
  EXPECT_EQ(engine().list_cells({}).size(), 500U);  // answered before anything was looked at
  EXPECT_TRUE(eventually([&] { return runtime_.calls("find_task") >= looks + 1000; }));
  engine().stop();
  EXPECT_EQ(runtime_.calls("start_task"), starts);
  EXPECT_EQ(runtime_.calls("kill_and_wait"), kills);
  for (const auto& cell : engine().list_cells({})) {
    EXPECT_EQ(cell.status.state, model::CellState::ready);
  }
}

TEST_F(Reconcile, ContainerWhoseStartWasInterruptedIsStarted) {
  engine().create_cell(a_cell("web", {"app"}));
  engine_->stop();
  runtime_.delete_task(ns, app);
  model::Cell cell = stored();
  model::find_status(cell.status, "app")->state = model::ContainerState::pending;
  store_->write([&](store::Changes& changes) { changes.put(cell, store::Intent::running); });
  open();
  watch();
  EXPECT_TRUE(eventually([&] { return running().size() == 2; }));
  EXPECT_TRUE(comes_to(model::CellState::ready));
}

TEST_F(Reconcile, CellThatIsBusyDoesNotHoldUpTheOthers) {
  engine().create_cell(with_policy("always"));
  model::Cell other = with_policy("always");
  other.metadata.name = "other";
  engine().create_cell(other);
  runtime_.ignore_signal(ns, app, SIGTERM);
  config_.stop_grace = 10s;
  reopen();
  std::jthread stopping{[&] { engine().stop_cell(web); }};
  ASSERT_TRUE(eventually([&] { return runtime_.calls("kill_and_wait") > 0; }));
  for (int i = 0; i < 10; ++i) runtime_.oom_task(ns, app);  // as many looks at the stuck one
  runtime_.exit_task(ns, "default_default_other_app", 1);
  EXPECT_TRUE(eventually([&] {
    const auto cell =
        stored({.realm = "default", .space = "default", .stack = "default", .cell = "other"});
    return model::find_status(cell.status, "app")->restart_count == 1;
  }));
  runtime_.exit_task(ns, app, 0);
}

}  // namespace
}  // namespace kukeon::engine
