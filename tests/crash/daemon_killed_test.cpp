// SPDX-License-Identifier: Apache-2.0
// kill -9 in the middle: the next daemon finishes what was begun, and nothing is left over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "kukeon/base/strings.h"

#include "support/daemon_fixture.h"
#include "support/leak_check.h"

namespace kukeon {
namespace {

using namespace std::chrono_literals;
using namespace support;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class KilledDaemon : public DaemonTest {};

TEST_F(KilledDaemon, FindsItsCellsAgain) {
  daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("main")));
  const auto before = pids();
  ASSERT_EQ(before.size(), 2U);
  daemon().kill();
  daemon().start();
  EXPECT_TRUE(is_ready("web"));
  EXPECT_EQ(pids(), before);
  EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("main"))),
              HasSubstr("unchanged"));

  daemon().terminate();
  daemon().start();
  EXPECT_TRUE(is_ready("web"));
  EXPECT_TRUE(eventually([&] { return pids() == before; }));
}

// Killed at whatever step it has come to when a moment is first seen; each round later in the life
// of a create.
TEST_F(KilledDaemon, FinishesACreateAndLeaksNothing) {
  const LeakCheck leak{daemon().leak_scope()};
  const std::string yaml = cell_yaml("web", waiting("a") + waiting("b"));
  const fs::path document = daemon().run_path() / "data/default/default/default/web/metadata.json";
  const fs::path pin =
      daemon().runtime_dir() / "ns" / daemon().realm_namespace() / "default_default_web_root/uts";
  const fs::path log = daemon().run_path() / "data/default/default/default/web/a/log";
  const std::vector<std::function<bool()>> moments{
      [&] { return fs::exists(document); },
      [&] { return fs::exists(pin); },
      [&] { return fs::exists(log.parent_path()); },
      [&] { return fs::exists(log); },
      [&] { return !pids().empty(); },
  };
  for (std::size_t i = 0; i < moments.size(); ++i) {
    std::jthread applying{[&] { daemon().apply(yaml); }};
    ASSERT_TRUE(eventually(moments[i])) << "moment " << i;
    daemon().kill();
    applying.join();
    daemon().start();
    EXPECT_TRUE(eventually([&] { return is_ready("web"); }, 30s))
        << "moment " << i << daemon().log();
    EXPECT_EQ(pids().size(), 3U) << "moment " << i;
    EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, yaml), HasSubstr("unchanged"));
    daemon().kuke_ok({"delete", "cell", "web"});
    EXPECT_THAT(leak.new_objects(), IsEmpty()) << "moment " << i;
  }
}

TEST_F(KilledDaemon, FinishesADelete) {
  const LeakCheck leak{daemon().leak_scope()};
  daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("a") + waiting("b")));
  std::jthread deleting{[&] { daemon().kuke({"delete", "cell", "web"}); }};
  ASSERT_TRUE(eventually([&] { return pids().size() < 3; }));
  daemon().kill();
  deleting.join();
  daemon().start();
  EXPECT_TRUE(eventually([&] { return daemon().kuke({"get", "cell", "web"}).exit.code == 1; }));
  EXPECT_THAT(leak.new_objects(10s), IsEmpty());
}

// A kukeond that can be killed at a step: a sample of the matrix on fakes
// (unit_with_fakes/crash_matrix_test.cpp), on the real host.
class KilledAtAStep : public DaemonTest {
 protected:
  void SetUp() override {
    if (const auto reason = TestDaemon::unavailable()) GTEST_SKIP() << *reason;
    daemon_.emplace(KUKEON_TEST_KILLABLE_DIR);
    daemon_->prepare_default();
  }

  // The distinct steps of an operation.
  std::set<std::string> steps_of(const std::function<void()>& operation) {
    const fs::path list = daemon().directory() / "steps";
    daemon().terminate();
    daemon().start_with({{"KUKEON_STEPS_TO", list.string()}});
    write_file_in_place(list, "");
    operation();
    std::set<std::string> steps;
    for (const std::string& line : split(read_file(list), '\n')) {
      if (!line.empty()) steps.insert(line);
    }
    return steps;
  }

  // Runs the operation in a daemon that is killed at the step, and starts the next one. The kill
  // may come at the daemon's start, whose repairs take some of the same steps.
  void kill_at(const std::string& step, std::string_view when,
               const std::function<void()>& operation) {
    daemon().terminate();
    daemon().start_with({{"KUKEON_KILL_AT", fmt::format("{} 1 {}", step, when)}});
    std::jthread operating{operation};
    EXPECT_TRUE(daemon().wait_for_end(30s)) << step;
    operating.join();
    daemon().start();
  }
};

TEST_F(KilledAtAStep, ComesToRestAfterACreateAndADelete) {
  const LeakCheck leak{daemon().leak_scope()};
  const std::string yaml = cell_yaml("web", waiting("a") + waiting("b"));
  const auto create = [&] { daemon().apply(yaml); };
  const auto remove = [&] { daemon().kuke({"delete", "cell", "web"}); };
  const auto creating = steps_of(create);
  const auto removing = steps_of(remove);
  EXPECT_TRUE(creating.contains("runtime.start_task"));
  EXPECT_TRUE(removing.contains("runtime.delete_container"));

  // Each step of one operation once, before it or after it by turns.
  int turn = 0;
  for (const std::string& step : creating) {
    const char* const when = turn++ % 2 == 0 ? "before" : "after";
    SCOPED_TRACE(fmt::format("create, {} {}", when, step));
    kill_at(step, when, create);
    const Output again = daemon().apply(yaml);
    EXPECT_TRUE(again.exit.ok()) << again.err << daemon().log();
    EXPECT_TRUE(eventually([&] { return is_ready("web") && pids().size() == 3; }, 30s));
    EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, yaml), HasSubstr("unchanged"));
    daemon().kuke_ok({"delete", "cell", "web"});
    EXPECT_THAT(leak.new_objects(), IsEmpty());
    if (HasFailure()) return;
  }
  for (const std::string& step : removing) {
    const char* const when = turn++ % 2 == 0 ? "before" : "after";
    SCOPED_TRACE(fmt::format("delete, {} {}", when, step));
    daemon().kuke_ok({"apply", "-f", "-"}, yaml);
    kill_at(step, when, remove);
    remove();  // again, as its user would, whose first call lost its answer
    EXPECT_TRUE(eventually([&] { return daemon().kuke({"get", "cell", "web"}).exit.code == 1; }));
    EXPECT_THAT(leak.new_objects(10s), IsEmpty());
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace kukeon
