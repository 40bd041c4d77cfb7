// SPDX-License-Identifier: Apache-2.0
// kill -9 in the middle: the next daemon finishes what was begun, and nothing is left over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

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

}  // namespace
}  // namespace kukeon
