// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "kukeon/api/cell_methods.h"
#include "kukeon/api/daemon_methods.h"
#include "kukeon/api/event_methods.h"
#include "kukeon/api/realm_methods.h"
#include "kukeon/api/space_methods.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/fake_daemon.h"

// `kuke events`, `purge`, `refresh` and `restart` against a daemon that says what it is told to.
namespace kukeon::cli {
namespace {

using testing::HasSubstr;

api::Event an_event(std::int64_t sequence, const std::string& type, const std::string& cell) {
  api::Event event;
  event.sequence = sequence;
  event.time = Timestamp::parse("2026-05-14T21:10:38.25Z");
  event.type = type;
  event.kind = "Cell";
  event.name = cell;
  event.realm_name = event.space_name = event.stack_name = "default";
  event.message = "cell \"" + cell + "\" " + type;
  return event;
}

class EventsTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("HOME", home_.path().c_str(), 1);
    ::unsetenv("KUKE_GET_OUTPUT");
    daemon_.on<api::WatchEvents>([this](const api::WatchEvents::Request& request) {
      asked_.push_back(request);
      if (pages_.empty()) throw Error{kinds::unknown, "no more pages"};
      api::WatchEvents::Result page = pages_.front();
      pages_.erase(pages_.begin());
      return page;
    });
  }
  void page(std::vector<api::Event> events, std::int64_t next, std::int64_t lost = 0) {
    api::WatchEvents::Result result;
    result.events = std::move(events);
    result.next = next;
    result.lost = lost;
    pages_.push_back(result);
  }

  FakeDaemon daemon_;
  TemporaryDirectory home_;
  std::vector<api::WatchEvents::Result> pages_;
  std::vector<api::WatchEvents::Request> asked_;
};

TEST_F(EventsTest, AreATableWithAlignedColumns) {
  page({an_event(1, "start", "web"), an_event(2, "repair", "database")}, 2);
  EXPECT_EQ(run_kuke({"events"}, daemon_).out,
            "TIME                  TYPE    OBJECT                                 MESSAGE          "
            "     \n"
            "--------------------  ------  -------------------------------------  "
            "----------------------\n"
            "2026-05-14T21:10:38Z  start   cell default/default/default/web       cell \"web\" "
            "start      \n"
            "2026-05-14T21:10:38Z  repair  cell default/default/default/database  cell "
            "\"database\" repair\n");
  EXPECT_EQ(asked_.at(0).timeout_seconds, 0);
}

TEST_F(EventsTest, NoneIsSaidInWordsAndIsAnEmptyListAsJson) {
  page({}, 0);
  page({}, 0);
  EXPECT_EQ(run_kuke({"events"}, daemon_).out, "No events found.\n");
  EXPECT_EQ(run_kuke({"events", "-o", "json"}, daemon_).out, "[]\n");
}

TEST_F(EventsTest, FlagsBecomeTheFilter) {
  page({}, 0);
  page({}, 0);
  run_kuke({"events", "--for", "cell/web", "--space", "blog", "--type", "exit", "--type", "oom",
            "--since", "2026-05-14T21:10:38Z"},
           daemon_);
  const api::WatchEvents::Request& first = asked_.at(0);
  EXPECT_EQ(
      first.realm_name + "/" + first.space_name + "/" + first.stack_name + "/" + first.cell_name,
      "default/blog/default/web");
  EXPECT_EQ(first.types, (reflect::StringList{"exit", "oom"}));
  EXPECT_EQ(first.since, Timestamp::parse("2026-05-14T21:10:38Z"));
  run_kuke({"events", "--space", "blog"}, daemon_);
  EXPECT_EQ(asked_.at(1).realm_name, "");
  EXPECT_EQ(asked_.at(1).space_name, "blog");
}

TEST_F(EventsTest, WrongFlagsAreRefusedBeforeAnybodyIsAsked) {
  EXPECT_THAT(run_kuke({"events", "--for", "web"}, daemon_).err,
              HasSubstr("invalid --for \"web\": write KIND/NAME"));
  EXPECT_THAT(run_kuke({"events", "--for", "container/app"}, daemon_).err,
              HasSubstr("cell name is required (--cell)"));
  EXPECT_THAT(run_kuke({"events", "--since", "yesterday"}, daemon_).err,
              HasSubstr("neither a duration (10m) nor a time"));
  EXPECT_TRUE(asked_.empty());
}

TEST_F(EventsTest, FollowedAsJsonAreLinesAndTheNextPageIsAskedForWithItsPlace) {
  page({an_event(3, "start", "web")}, 3);
  page({an_event(9, "stop", "web")}, 9, 5);
  const Ran ran = run_kuke({"events", "-f", "-o", "json"}, daemon_);
  EXPECT_EQ(ran.code, 1) << "the third page was refused";
  const auto lines = split(ran.out, '\n');
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(lines[0], testing::StartsWith(
                            R"({"sequence":3,"time":"2026-05-14T21:10:38.25Z","type":"start",)"));
  EXPECT_THAT(lines[1], HasSubstr(R"("type":"stop")"));
  EXPECT_THAT(ran.err, HasSubstr("5 events are gone before they could be read"));
  EXPECT_EQ(asked_.at(1).after, 3);
  EXPECT_GT(asked_.at(1).timeout_seconds, 0);
}

TEST_F(EventsTest, FollowedAsATableHaveOneHeader) {
  page({an_event(3, "start", "web")}, 3);
  page({an_event(4, "stop", "web")}, 4);
  const std::string out = run_kuke({"events", "-f"}, daemon_).out;
  EXPECT_EQ(split(out, '\n').size(), 5U) << out;
  EXPECT_THAT(out, HasSubstr("stop     cell default/default/default/web"));
}

// ---- purge, refresh, restart

TEST_F(EventsTest, PurgeTellsWhatItSweptUp) {
  daemon_.on<api::PurgeSpace>([](const api::PurgeSpace::Request& request) {
    api::PurgeSpace::Result result;
    result.metadata_deleted = result.cgroup_deleted = result.cni_network_deleted = true;
    EXPECT_TRUE(request.cascade);
    EXPECT_EQ(request.doc.spec.realm_name, "default");
    result.purged = {"cni-network", "all-metadata"};
    return result;
  });
  EXPECT_EQ(run_kuke({"purge", "space", "blog", "--cascade"}, daemon_).out,
            "Purged space \"blog\" from realm \"default\"\n"
            "Deleted resources -> metadata:true cgroup:true cni:true\n"
            "Additional resources purged: [cni-network all-metadata]\n");
}

TEST_F(EventsTest, PurgeThatFailedIsAFailureThoughItTravelsAsASuccess) {
  daemon_.on<api::PurgeCell>([](const api::PurgeCell::Request&) {
    api::PurgeCell::Result result;
    result.purged = {"purge-error:container web is stuck"};
    return result;
  });
  const Ran ran = run_kuke({"p", "ce", "web"}, daemon_);
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("container web is stuck"));
}

TEST_F(EventsTest, RefreshCountsAndNamesAtMostFive) {
  daemon_.on<api::RefreshAll>([](const api::RefreshAll::Request&) {
    api::RefreshAll::Result result;
    result.realms_found = {"default"};
    result.cells_found = {"a", "b", "c", "d", "e", "f"};
    result.cells_updated = {"b"};
    result.errors = {"cell x: no answer"};
    return result;
  });
  EXPECT_EQ(run_kuke({"refresh", "everything"}, daemon_).out,
            "Refreshed metadata status:\n"
            "  Realms: 1 (default)\n"
            "  Spaces: 0\n"
            "  Stacks: 0\n"
            "  Cells: 6 (a, b, c, d, e, ...)\n"
            "  Containers: 0\n"
            "\n"
            "Updated:\n"
            "  Cells: 1 (b)\n"
            "\n"
            "Errors:\n"
            "  cell x: no answer\n");
}

TEST_F(EventsTest, RestartSaysWhatItRestarted) {
  daemon_.on<api::RestartCell>([](const api::RestartCell::Request& request) {
    EXPECT_EQ(request.doc.metadata.name, "web");
    return api::RestartCell::Result{request.doc, true};
  });
  EXPECT_EQ(run_kuke({"restart", "cell", "web"}, daemon_).out,
            "Restarted cell \"web\" from stack \"default\"\n");
}

}  // namespace
}  // namespace kukeon::cli
