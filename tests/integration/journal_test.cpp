// SPDX-License-Identifier: Apache-2.0
// Events, purge, refresh and restart of the real daemon, through `kuke`.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/files.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"
#include "kukeon/store/store.h"
#include "support/daemon_fixture.h"
#include "support/leak_check.h"

namespace kukeon {
namespace {

using namespace std::chrono_literals;
using namespace support;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Journal : public DaemonTest {
 protected:
  // `kuke events -f …` in the background, its output in two files.
  Process follow(const std::vector<std::string>& more) {
    std::vector<std::string> argv{fmt::format("{}/kuke", KUKEON_TEST_BIN_DIR), "--host",
                                  daemon().host(), "events", "-f"};
    argv.insert(argv.end(), more.begin(), more.end());
    const Fd out = open_file(out_file().string(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const Fd err = open_file(err_file().string(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    return Process::start({.argv = argv}, {-1, out.get(), err.get()});
  }
  fs::path out_file() { return daemon().directory() / "events.out"; }
  fs::path err_file() { return daemon().directory() / "events.err"; }
  bool followed(const std::string& text) {
    return eventually([&] { return read_file(out_file()).find(text) != std::string::npos; }, 20s);
  }
};

TEST_F(Journal, TellsTheLifeOfACellAndIsStillThereAfterARestartOfTheDaemon) {
  daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("main")));
  daemon().kuke_ok({"restart", "cell", "web"});
  daemon().kuke_ok({"delete", "cell", "web"});
  daemon().terminate();
  daemon().start();
  std::vector<std::string> types;
  for (const std::string& line :
       split(daemon().kuke_ok({"events", "--for", "cell/web", "-o", "json"}), '\n')) {
    const std::string key = "\"type\": \"";
    if (const auto at = line.find(key); at != std::string::npos) {
      types.push_back(line.substr(at + key.size(), line.rfind('"') - at - key.size()));
    }
  }
  EXPECT_THAT(types, ::testing::IsSupersetOf({"create", "start", "stop", "start", "delete"}));
  EXPECT_EQ(types.front(), "create");
  EXPECT_EQ(types.back(), "delete");
  EXPECT_THAT(daemon().kuke_ok({"events", "--for", "space/default", "--type", "create"}),
              HasSubstr("space default/default"));
}

TEST_F(Journal, FollowedGoesOnOverARestartOfTheDaemonAndMissesNothing) {
  Process follower = follow({"-o", "json"});
  daemon().kuke_ok({"create", "space", "before"});
  ASSERT_TRUE(followed("space \\\"before\\\" created"));
  daemon().terminate();
  EXPECT_TRUE(eventually([&] { return !read_file(err_file()).empty(); }, 20s));
  daemon().start();
  daemon().kuke_ok({"create", "space", "after"});
  ASSERT_TRUE(followed("space \\\"after\\\" created")) << read_file(err_file());
  follower.signal(SIGTERM);
  EXPECT_EQ(follower.wait().code, 0);
  const std::string told = read_file(err_file());
  EXPECT_THAT(told, HasSubstr("kukeond is gone"));
  EXPECT_EQ(split(std::string{trim(told)}, '\n').size(), 1U) << told;
  // Every sequence once, in order.
  std::int64_t last = 0;
  for (const std::string& line : split(std::string{trim(read_file(out_file()))}, '\n')) {
    const auto sequence =
        parse_integer(line.substr(line.find(':') + 1, line.find(',') - line.find(':') - 1));
    ASSERT_TRUE(sequence) << line;
    EXPECT_EQ(*sequence, last + 1);
    last = *sequence;
  }
}

TEST_F(Journal, DaemonStopsAtOnceThoughClientsWaitForEvents) {
  std::vector<Process> followers;
  for (int i = 0; i < 5; ++i) followers.push_back(follow({}));
  ASSERT_TRUE(followed("TIME"));
  const auto begin = std::chrono::steady_clock::now();
  daemon().terminate();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  daemon().start();
}

TEST_F(Journal, PurgeOfACellWhoseDocumentIsGoneLeavesNothing) {
  const LeakCheck leak{daemon().leak_scope()};
  daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("main")));
  daemon().terminate();
  {
    store::Store store{daemon().run_path(), nullptr};
    store.write([](store::Changes& changes) {
      changes.erase({.realm = "default", .space = "default", .stack = "default", .cell = "web"});
    });
  }
  daemon().start();
  EXPECT_EQ(daemon().kuke({"get", "cell", "web"}).exit.code, 1);
  ASSERT_EQ(pids().size(), 2U);
  EXPECT_THAT(leak.new_objects(), Not(IsEmpty()));

  const std::string out = daemon().kuke_ok({"purge", "cell", "web"});
  EXPECT_THAT(out, HasSubstr("Purged cell \"web\" from stack \"default\""));
  EXPECT_THAT(pids(), IsEmpty());
  EXPECT_THAT(leak.new_objects(), IsEmpty());
  expect_refused(daemon().kuke({"purge", "cell", "web"}), "cell \"web\" not found");
}

TEST_F(Journal, PurgeOfASpaceTakesEverythingInIt) {
  const LeakCheck leak{daemon().leak_scope()};
  daemon().kuke_ok({"create", "space", "blog"});
  daemon().kuke_ok({"create", "stack", "front", "--space", "blog"});
  std::string yaml = cell_yaml("web", waiting("main"));
  yaml.replace(yaml.find("spaceId: default"), 16, "spaceId: blog");
  yaml.replace(yaml.find("stackId: default"), 16, "stackId: front");
  daemon().kuke_ok({"apply", "-f", "-"}, yaml);
  expect_refused(daemon().kuke({"purge", "space", "blog"}),
                 "has 1 stack(s). Use --cascade to purge them");
  EXPECT_THAT(daemon().kuke_ok({"purge", "space", "blog", "--cascade"}),
              HasSubstr("Deleted resources -> metadata:true cgroup:true cni:true"));
  EXPECT_THAT(leak.new_objects(), IsEmpty());
}

TEST_F(Journal, RefreshTellsWhatThereIsAndFindsNothingToChange) {
  daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("main")));
  const std::string out = daemon().kuke_ok({"refresh"});
  EXPECT_THAT(out, HasSubstr("  Cells: 1 (web)\n"));
  EXPECT_THAT(out, HasSubstr("Updated:\n  (none)\n\nErrors:\n  (none)\n"));
}

TEST_F(Journal, RestartedCellKeepsItsFilesAndItsAddress) {
  daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("main") + waiting("side")));
  const auto before = pids();
  const std::string address = get_cell("web").status.network.address;
  write_file_in_place(fmt::format("/proc/{}/root/kept", before.at("default_default_web_main")),
                      "yes");
  EXPECT_THAT(daemon().kuke_ok({"restart", "cell", "web"}), HasSubstr("Restarted cell \"web\""));
  const auto after = pids();
  EXPECT_EQ(after.size(), 3U);
  for (const auto& [id, pid] : after) EXPECT_NE(pid, before.at(id)) << id;
  EXPECT_EQ(get_cell("web").status.network.address, address);
  EXPECT_EQ(read_file(fmt::format("/proc/{}/root/kept", after.at("default_default_web_main"))),
            "yes");

  EXPECT_THAT(daemon().kuke_ok({"restart", "container", "side", "--cell", "web"}),
              HasSubstr("Restarted container \"side\" from cell \"web\""));
  const auto last = pids();
  EXPECT_EQ(last.at("default_default_web_main"), after.at("default_default_web_main"));
  EXPECT_NE(last.at("default_default_web_side"), after.at("default_default_web_side"));
}

}  // namespace
}  // namespace kukeon
