// SPDX-License-Identifier: Apache-2.0
// Plans against the real daemon with a real containerd: a dry run leaves everything as it was, and
// what a plan says is what happens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "kukeon/api/daemon_methods.h"
#include "support/daemon_fixture.h"
#include "support/leak_check.h"

namespace kukeon {
namespace {

using namespace support;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Plans : public DaemonTest {
 protected:
  fs::path write(const std::string& yaml) {
    const fs::path file = daemon().directory() / "site.yaml";
    write_file_in_place(file, yaml);
    return file;
  }

  // Files with their bytes, the host's objects, containerd's records and tasks.
  std::map<std::string, std::string> whole_state() {
    std::map<std::string, std::string> state;
    for (const auto& entry : fs::recursive_directory_iterator{daemon().run_path()}) {
      state[entry.path().string()] =
          entry.is_regular_file() ? read_file(entry.path(), std::size_t{256} << 20) : "";
    }
    client::Client client{client::dial(daemon().host())};
    for (const std::string& object : client.call<api::Inventory>({}).objects) {
      state["inventory " + object];
    }
    for (const std::string& object : host_objects(daemon().leak_scope())) state["host " + object];
    state["containers"] = daemon().ctr({"container", "ls"}).out;
    state["snapshots"] = daemon().ctr({"snapshot", "ls"}).out;
    for (const auto& [id, pid] : pids()) state["task " + id] = pid;
    return state;
  }

  static std::string hash_in(const std::string& out) {
    const auto at = out.find("sha256:");
    return out.substr(at, 7 + 64);
  }
};

TEST_F(Plans, DryRunLeavesHostAndStoreAsTheyWere) {
  const fs::path file = write(cell_yaml("pair", waiting("a") + waiting("b")) + "---\n" +
                              cell_yaml("old", waiting("a")));
  daemon().kuke_ok({"apply", "-f", file.string()});
  ASSERT_TRUE(eventually([&] { return is_ready("pair") && is_ready("old"); }));
  write(
      "kind: Space\nmetadata: {name: blog}\nspec: {realmId: default}\n---\n" +
      cell_yaml("pair", waiting("a") + waiting("b") + "      env: [TOKEN=hush]\n" + waiting("c")) +
      "---\n" + cell_yaml("new", waiting("a")));

  const auto before = whole_state();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"plan", "-f", file.string(), "--prune"},
        {"apply", "-f", file.string(), "--prune", "--dry-run"}}) {
    const std::string out = daemon().kuke_ok(words);
    EXPECT_THAT(out, HasSubstr("+ space default/blog\n"));
    EXPECT_THAT(out, HasSubstr("~ cell default/default/default/pair\n"));
    EXPECT_THAT(out, HasSubstr("~ container b (recreate)\n"));
    EXPECT_THAT(out, HasSubstr("+ container c (add)\n"));
    EXPECT_THAT(out, HasSubstr("- cell default/default/default/old\n"));
    EXPECT_THAT(out, HasSubstr("Plan: 2 to create, 1 to change, 1 to delete, 0 unchanged.\n"));
    EXPECT_THAT(out, Not(HasSubstr("hush")));
  }
  EXPECT_EQ(daemon().kuke({"diff", "-f", file.string()}).exit.code, 1);
  EXPECT_EQ(whole_state(), before);
}

TEST_F(Plans, PlanIsDoneByItsHashAndRefusedWhenThingsMoved) {
  const fs::path file = write(cell_yaml("pair", waiting("a") + waiting("b")) + "---\n" +
                              cell_yaml("old", waiting("a")));
  daemon().kuke_ok({"apply", "-f", file.string()});
  write(cell_yaml("pair", waiting("a") + waiting("b") + "      env: [COLOUR=blue]\n"));
  const std::string hash = hash_in(daemon().kuke_ok({"plan", "-f", file.string(), "--prune"}));

  daemon().kuke_ok({"stop", "cell", "pair"});
  const auto before = pids();
  expect_refused(
      daemon().kuke({"apply", "-f", file.string(), "--prune", "--yes", "--plan", hash}),
      "the plan does not hold any more, nothing was done: cell default/default/default/pair");
  EXPECT_EQ(pids(), before);

  daemon().kuke_ok({"start", "cell", "pair"});
  const auto running = pids();
  const std::string out =
      daemon().kuke_ok({"apply", "-f", file.string(), "--prune", "--yes", "--plan", hash});
  EXPECT_THAT(out, HasSubstr("Cell \"pair\": updated\n"));
  EXPECT_THAT(out, HasSubstr("Cell \"old\": deleted\n"));
  const auto after = pids();
  EXPECT_EQ(after.at("default_default_pair_a"), running.at("default_default_pair_a"));
  EXPECT_NE(after.at("default_default_pair_b"), running.at("default_default_pair_b"));
  EXPECT_FALSE(after.contains("default_default_old_a"));
  EXPECT_EQ(daemon().kuke({"diff", "-f", file.string(), "--prune"}).exit.code, 0);
}

TEST_F(Plans, FileThatWasAppliedIsDeleted) {
  const LeakCheck leak{daemon().leak_scope()};
  const fs::path file = write(
      "kind: Space\nmetadata: {name: blog}\nspec: {realmId: default}\n---\n"
      "kind: Stack\nmetadata: {name: front}\nspec: {realmId: default, spaceId: blog}\n---\n" +
      cell_yaml("web", waiting("a")));
  daemon().kuke_ok({"apply", "-f", file.string()});
  EXPECT_EQ(daemon().kuke_ok({"delete", "-f", file.string()}),
            "Cell \"web\": deleted\n  - containers: 1 deleted\n"
            "Stack \"front\": deleted\nSpace \"blog\": deleted\n");
  EXPECT_THAT(leak.new_objects(), IsEmpty());
  EXPECT_EQ(daemon().kuke_ok({"delete", "-f", file.string()}),
            "Cell \"web\": not found\nStack \"front\": not found\nSpace \"blog\": not found\n");
}

}  // namespace
}  // namespace kukeon
