// SPDX-License-Identifier: Apache-2.0
// Plans: what they say, that making one changes nothing, and that doing one does just that.
#include "kukeon/engine/plan.h"

#include <algorithm>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/engine/prune.h"
#include "support/test_daemon.h"
#include "unit_with_fakes/planning_on_fakes.h"

namespace kukeon::engine {
namespace {

using support::eventually;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Action = Change::Action;

const PlanOptions site{.set = "/srv/site.yaml", .prune = false};
const PlanOptions site_pruned{.set = "/srv/site.yaml", .prune = true};

std::vector<std::string> said(const std::vector<ApplyResult>& results) {
  std::vector<std::string> out;
  for (const ApplyResult& one : results) {
    out.push_back(fmt::format("{} {} {}", model::lower_word_of(one.kind), one.name, one.action));
  }
  return out;
}

std::vector<std::string> touched(const Change& change) {
  std::vector<std::string> out;
  for (const Touch& one : change.objects) out.push_back(fmt::format("{} {}", one.verb, one.object));
  return out;
}

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

class PlanTest : public PlanningOnFakes {
 protected:
  std::string key(const std::string& cell) { return path_of_cell(cell).key(); }
  model::Cell changed_cell(const std::string& name) {
    model::Cell cell = a_cell(name);
    cell.spec.containers[0].args = {"90"};
    return cell;
  }
};

TEST_F(PlanTest, NamesEveryObjectThatANewCellTouches) {
  const Plan planned = plan({a_cell("web", {"app"})});
  ASSERT_THAT(planned.changes, SizeIs(1));
  EXPECT_EQ(planned.changes[0].action, Action::create);
  EXPECT_THAT(touched(planned.changes[0]),
              ElementsAre("create document " + key("web"),
                          "create cgroup " + config_.cgroup_root + "/" + key("web"),
                          "create namespaces and link of cell " + key("web"),
                          "create container app", "create container root"));
}

TEST_F(PlanTest, SaysForEachContainerWhatBecomesOfIt) {
  apply({a_cell("web", {"app", "old", "same"})});
  model::Cell cell = a_cell("web", {"app", "same", "new"});
  cell.spec.containers[0].args = {"90"};
  cell.spec.containers[1].restart_policy = "always";
  const Change change = plan({cell}).changes[0];
  EXPECT_EQ(change.action, Action::update);
  EXPECT_EQ(change.generation, 1);
  EXPECT_FALSE(change.recreate_root);
  EXPECT_THAT(touched(change), ElementsAre("change document " + key("web"), "replace container app",
                                           "create container new", "remove container old"));
  ASSERT_THAT(change.containers[0].fields, SizeIs(1));
  EXPECT_EQ(change.containers[0].fields[0].before, R"(["60"])");
  EXPECT_EQ(change.containers[0].fields[0].after, R"(["90"])");
}

TEST_F(PlanTest, HidesWhatMayBeSecret) {
  model::Realm realm = a_realm();
  realm.spec.registry_credentials.push_back({"me", "hush-1", "registry.example"});
  model::Cell cell = a_cell("web");
  cell.spec.containers[0].env = {"TOKEN=hush-2", "LEVEL=debug"};
  apply({realm, cell});
  realm.spec.registry_credentials[0].password = "hush-3";
  cell.spec.containers[0].env = {"TOKEN=hush-4", "LEVEL=debug"};
  const Plan planned = plan({realm, cell});
  std::string text;
  for (const Change& change : planned.changes) {
    for (const auto& field : change.fields) text += field.before + field.after;
    for (const auto& one : change.containers) {
      for (const auto& field : one.fields) text += field.before + field.after;
    }
  }
  EXPECT_THAT(text, HasSubstr(R"x(["TOKEN=(hidden)"]["TOKEN=(hidden)"])x"));
  EXPECT_THAT(text, HasSubstr("(secret)(secret)"));
  EXPECT_THAT(text, Not(HasSubstr("hush")));
  for (const ApplyResult& result : engine().execute(planned)) {
    for (const auto& [field, detail] : result.details) EXPECT_THAT(detail, Not(HasSubstr("hush")));
  }
}

TEST_F(PlanTest, HashTellsWhatMattersAndNothingElse) {
  const std::string hash = hash_of(plan({a_cell("a"), a_cell("b")}));
  EXPECT_THAT(hash, StartsWith("sha256:"));
  EXPECT_EQ(hash.size(), 7U + 64U);
  EXPECT_EQ(hash_of(plan({a_cell("b"), a_cell("a")})), hash);
  EXPECT_NE(hash_of(plan({a_cell("a"), changed_cell("b")})), hash);
  EXPECT_NE(hash_of(plan({a_cell("a")})), hash);

  std::set<std::string> hashes{hash};
  apply({a_cell("a"), a_cell("b")});
  EXPECT_TRUE(hashes.insert(hash_of(plan({a_cell("a"), a_cell("b")}))).second);
  engine().stop_cell(path_of_cell("a"));
  EXPECT_TRUE(hashes.insert(hash_of(plan({a_cell("a"), a_cell("b")}))).second);
  // There and back again: the same documents, made from another generation.
  apply({changed_cell("a")});
  apply({a_cell("a")});
  EXPECT_TRUE(hashes.insert(hash_of(plan({a_cell("a"), a_cell("b")}))).second);

  model::Realm realm = a_realm();
  realm.spec.registry_credentials.push_back({"me", "one", ""});
  const std::string one = hash_of(plan({realm}));
  realm.spec.registry_credentials[0].password = "two";
  EXPECT_NE(hash_of(plan({realm})), one);
}

TEST_F(PlanTest, ThatMovedIsRefusedAndNamesWhatMoved) {
  const std::vector<Document> documents{a_cell("a"), a_cell("b")};
  apply(documents);
  const std::vector<Document> wanted{changed_cell("a"), a_cell("b")};
  const Plan planned = plan(wanted);
  const std::string hash = hash_of(planned);
  EXPECT_EQ(error_of([&] { engine().require_plan(plan(wanted), hash); }), "");
  EXPECT_EQ(error_of([&] { engine().require_plan(plan(wanted), hash.substr(7, 12)); }), "");

  engine().stop_cell(path_of_cell("b"));
  EXPECT_THAT(error_of([&] { engine().require_plan(plan(wanted), hash); }),
              HasSubstr("this daemon does not know that plan"));
  engine().remember(planned);
  EXPECT_THAT(error_of([&] { engine().require_plan(plan(wanted), hash); }),
              HasSubstr("cell " + key("b") + ": the plan said \"none\", now it is \"start\""));
  model::Cell other = a_cell("a");
  other.spec.containers[0].working_dir = "/";
  apply({other});
  EXPECT_THAT(error_of([&] { engine().require_plan(plan(wanted), hash); }),
              HasSubstr("cell " + key("a") + " was changed (generation 1, now 2)"));
  EXPECT_THAT(error_of([&] { engine().require_plan(plan({wanted[0]}), hash); }),
              HasSubstr("cell " + key("b") + " is not part of it any more"));
  EXPECT_THAT(error_of([&] { engine().require_plan(planned, "sha256:12"); }),
              HasSubstr("is not the hash of a plan"));
}

TEST_F(PlanTest, ThatMovesBetweenPlanAndExecutionTouchesNothing) {
  apply({a_cell("a")});
  const Plan planned = plan({changed_cell("a"), a_space("new"), a_cell("fresh")});
  model::Cell other = a_cell("a");
  other.spec.containers[0].restart_policy = "always";
  apply({other, a_space("new"), a_cell("fresh")});
  const auto before = pids();
  const auto revision = store_->find<model::Cell>(path_of_cell("a"))->revision;
  const auto results = engine().execute(planned);
  EXPECT_THAT(said(results), ElementsAre("space new failed", "cell a failed", "cell fresh failed"));
  for (const ApplyResult& result : results) {
    EXPECT_THAT(result.error, HasSubstr("changed since the plan was made"));
  }
  EXPECT_EQ(pids(), before);
  EXPECT_EQ(store_->find<model::Cell>(path_of_cell("a"))->revision, revision);
}

TEST_F(PlanTest, MakingOneChangesNothing) {
  model::Cell rooted = a_cell("rooted", {"main", "side"});
  rooted.spec.containers[0].root = true;
  apply({a_cell("same"), a_cell("live"), a_cell("stopped"), rooted, a_cell("gone")}, site);
  engine().stop_cell(path_of_cell("stopped"));
  model::Cell live = a_cell("live");
  live.metadata.labels["team"] = "blue";
  rooted.spec.containers[0].args = {"90"};
  model::Cell refused = a_cell("same");
  refused.spec.nested_cgroup_runtime = true;
  model::Cell deep = a_cell("deep");
  deep.spec.realm_name = "far";
  model::Space space = a_space();
  space.spec.defaults.emplace().container.emplace().user = "app";
  model::Realm realm = a_realm();
  realm.spec.resources.emplace().pids.emplace().max = 100;

  const auto before = whole_state();
  const Plan planned = plan({realm, space, a_stack("other"), refused, live, a_cell("stopped"),
                             rooted, deep, a_container("live", "extra")},
                            site_pruned);
  engine().remember(planned);
  EXPECT_EQ(whole_state(), before);

  // It was not for want of anything to do.
  std::set<Action> actions;
  for (const Change& change : planned.changes) actions.insert(change.action);
  EXPECT_THAT(actions, Contains(Action::create));
  EXPECT_THAT(actions, Contains(Action::update));
  EXPECT_THAT(actions, Contains(Action::remove));
  EXPECT_THAT(actions, Contains(Action::refuse));
}

TEST_F(PlanTest, ContainersOfOneCellFollowItAndEachOther) {
  const auto results =
      apply({a_container("web", "two"), a_container("web", "one"), a_cell("web", {"app"})});
  EXPECT_THAT(said(results),
              ElementsAre("cell web created", "container two created", "container one created"));
  model::Cell cell = a_cell("web", {"app", "one", "two"});
  cell.spec.auto_delete = true;
  model::Container one = a_container("web", "one");
  one.spec.args = {"90"};
  model::Container two = a_container("web", "two");
  two.spec.restart_policy = "always";
  const auto before = pids();
  const auto again = apply({one, two, cell});
  EXPECT_THAT(said(again),
              ElementsAre("cell web updated", "container one updated", "container two updated"))
      << again[1].error << again[2].error;
  auto after = pids();
  EXPECT_NE(after.at("default_default_web_one"), before.at("default_default_web_one"));
  after["default_default_web_one"] = before.at("default_default_web_one");
  EXPECT_EQ(after, before);
}

TEST_F(PlanTest, LayerThatIsNotWholeIsMadeAgain) {
  network_.fail_next(Error{kinds::unknown, "told to fail"});
  EXPECT_EQ(apply({a_space("blog")})[0].action, "failed");
  EXPECT_EQ(plan({a_space("blog")}).changes[0].action, Action::restart);
  EXPECT_EQ(apply({a_space("blog")})[0].action, "updated");
  EXPECT_EQ(apply({a_space("blog")})[0].action, "unchanged");
}

TEST_F(PlanTest, StuckContainerBlocksNoOtherCell) {
  std::vector<Document> documents;
  for (int i = 0; i < 20; ++i) documents.emplace_back(a_cell(fmt::format("c{:02}", i)));
  runtime_.block("start_task", "default_default_c03_app");
  std::vector<ApplyResult> results;
  std::jthread applying{[&] { results = apply(documents); }};
  ASSERT_TRUE(runtime_.wait_for_blocked(1));
  const auto are_up = [&] {
    int up = 0;
    for (const model::Cell& cell : engine().list_cells({})) {
      if (cell.status.state == model::CellState::ready) ++up;
    }
    return up == 19;
  };
  EXPECT_TRUE(eventually(are_up));
  EXPECT_EQ(engine().get_cell(path_of_cell("c03"))->cell.status.state, model::CellState::pending);
  runtime_.unblock();
  applying.join();
  ASSERT_THAT(results, SizeIs(20));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(results[static_cast<std::size_t>(i)].index, i);
    EXPECT_EQ(results[static_cast<std::size_t>(i)].action, "created");
  }
}

TEST_F(PlanTest, CellsNotYetBegunAreNotBegunOnceTheClientIsGone) {
  std::vector<Document> documents;
  for (int i = 0; i < 6; ++i) {
    documents.emplace_back(a_cell(fmt::format("c{}", i)));
    runtime_.block("start_task", fmt::format("default_default_c{}_app", i));
  }
  std::stop_source gone;
  std::vector<ApplyResult> results;
  const Plan planned = plan(documents);
  std::jthread applying{[&] { results = engine().execute(planned, gone.get_token()); }};
  ASSERT_TRUE(runtime_.wait_for_blocked(4));
  gone.request_stop();
  runtime_.unblock();
  applying.join();
  EXPECT_THAT(said(results), ElementsAre("cell c0 created", "cell c1 created", "cell c2 created",
                                         "cell c3 created", "cell c4 failed", "cell c5 failed"));
  EXPECT_EQ(results[5].error, "not begun: the client has hung up");
  EXPECT_THAT(engine().list_cells({}), SizeIs(4));
}

// --- sets ---

TEST_F(PlanTest, PruneDeletesWhatTheSetDeclaredBeforeAndDoesNotNow) {
  model::Stack stack = a_stack("front");
  stack.spec.space_name = "blog";
  model::Cell in_front = a_cell("web");
  in_front.spec.space_name = "blog";
  in_front.spec.stack_name = "front";
  apply({a_cell("by-hand")});
  apply({a_cell("foreign")}, {.set = "/srv/other.yaml", .prune = false});
  apply({a_space("blog"), stack, in_front, a_cell("kept"), a_cell("old")}, site);

  // Without prune everything stays, and stays the set's.
  apply({a_cell("kept")}, site);
  EXPECT_THAT(engine().list_cells({}), SizeIs(5));
  const auto results = apply({a_cell("kept")}, site_pruned);
  EXPECT_THAT(said(results),
              ElementsAre("cell kept unchanged", "cell web deleted", "cell old deleted",
                          "stack front deleted", "space blog deleted"));
  EXPECT_TRUE(engine().get_cell(path_of_cell("by-hand")));
  EXPECT_TRUE(engine().get_cell(path_of_cell("foreign")));
  EXPECT_FALSE(engine().get_cell(path_of_cell("old")));
  EXPECT_FALSE(engine().get_space({.realm = "default", .space = "blog"}));
  EXPECT_THAT(said(apply({a_cell("kept")}, site_pruned)), ElementsAre("cell kept unchanged"));
}

TEST_F(PlanTest, PruneLeavesParentsThatNobodyWroteDown) {
  model::Cell cell = a_cell("web");
  cell.spec.space_name = "implied";
  apply({cell, a_cell("kept")}, site);
  EXPECT_THAT(said(apply({a_cell("kept")}, site_pruned)),
              ElementsAre("cell kept unchanged", "cell web deleted"));
  EXPECT_TRUE(engine().get_space({.realm = "default", .space = "implied"}));
}

TEST_F(PlanTest, PruneRefusesAParentThatHoldsWhatTheSetDoesNotKnow) {
  model::Stack foreign = a_stack("theirs");
  foreign.spec.space_name = "blog";
  apply({a_space("blog"), a_cell("kept")}, site);
  apply({foreign});
  const auto results = apply({a_cell("kept")}, site_pruned);
  EXPECT_THAT(said(results), ElementsAre("cell kept unchanged", "space blog failed"));
  EXPECT_THAT(results[1].error, HasSubstr("it holds stack default/blog/theirs"));
  EXPECT_TRUE(engine().get_stack(foreign.path()));
}

TEST_F(PlanTest, PruneLeavesWhatAnotherSetDeclaresToo) {
  apply({a_cell("shared"), a_cell("kept")}, site);
  apply({a_cell("shared")}, {.set = "/srv/other.yaml", .prune = false});
  EXPECT_THAT(said(apply({a_cell("kept")}, site_pruned)), ElementsAre("cell kept unchanged"));
}

TEST_F(PlanTest, PruneLeavesALaterObjectOfTheSameName) {
  apply({a_cell("web"), a_cell("kept")}, site);
  engine().delete_cell(path_of_cell("web"));
  engine().create_cell(a_cell("web"));
  EXPECT_THAT(said(apply({a_cell("kept")}, site_pruned)), ElementsAre("cell kept unchanged"));
}

TEST_F(PlanTest, PruneDeletesAContainerThatWasADocumentOfItsOwn) {
  apply({a_cell("web")});
  apply({a_container("web", "side"), a_cell("kept")}, site);
  EXPECT_THAT(said(apply({a_cell("kept")}, site_pruned)),
              ElementsAre("cell kept unchanged", "container side deleted"));
  EXPECT_EQ(pids().count("default_default_web_side"), 0U);
  EXPECT_EQ(pids().count("default_default_web_app"), 1U);
}

TEST_F(PlanTest, PruneWaitsUntilEverythingElseIsDone) {
  apply({a_cell("old"), a_cell("kept")}, site);
  model::Cell bad = a_cell("kept");
  bad.spec.containers[0].image = "nothing-like-it";
  const auto results = apply({bad}, site_pruned);
  EXPECT_THAT(said(results), ElementsAre("cell kept failed", "cell old failed"));
  EXPECT_THAT(results[1].error, HasSubstr("not deleted"));
  EXPECT_TRUE(engine().get_cell(path_of_cell("old")));
  EXPECT_THAT(said(apply({a_cell("kept")}, site_pruned)),
              ElementsAre("cell kept unchanged", "cell old deleted"));
}

TEST_F(PlanTest, SetIsRememberedOverARestartAndCostsNoWriteWhenItIsTheSame) {
  apply({a_cell("old"), a_cell("kept")}, site);
  const auto before = whole_state();
  apply({a_cell("old"), a_cell("kept")}, site);
  EXPECT_EQ(whole_state(), before);
  open();
  EXPECT_THAT(declared_by(*store_, site.set), SizeIs(2));
  EXPECT_THAT(said(apply({a_cell("kept")}, site_pruned)),
              ElementsAre("cell kept unchanged", "cell old deleted"));
  EXPECT_THAT(error_of([&] { plan({a_cell("kept")}, {.set = "", .prune = true}); }),
              HasSubstr("--set NAME"));
  EXPECT_THAT(error_of([&] { plan({a_cell("kept")}, {.set = "a\nb", .prune = false}); }),
              HasSubstr("name of a set"));
}

// --- delete -f ---

TEST_F(PlanTest, DocumentsAreDeletedChildrenFirstAndEachIsToldOf) {
  model::Stack stack = a_stack("front");
  model::Cell web = a_cell("web");
  web.spec.stack_name = "front";
  apply({a_stack("other"), stack, web, a_cell("plain", {"app", "side"})});
  apply({a_container("plain", "extra")});
  model::Stack held = a_stack();
  const auto results =
      engine().delete_documents(in_order({held, stack, a_container("plain", "extra"),
                                          a_cell("absent"), a_cell("plain", {"app", "side"})}),
                                {});
  std::vector<std::string> lines;
  for (const DeleteResult& one : results) {
    lines.push_back(fmt::format("{} {} {}", model::lower_word_of(one.kind), one.name, one.action));
  }
  EXPECT_THAT(lines,
              ElementsAre("container extra deleted", "cell plain deleted", "cell absent not found",
                          "stack front failed", "stack default deleted"));
  EXPECT_EQ(results[1].details.at("containers"), "2 deleted");
  EXPECT_THAT(results[3].error, HasSubstr("Use --cascade to delete them"));
  const auto again = engine().delete_documents(in_order({stack}), {.cascade = Cascade::yes});
  EXPECT_EQ(again[0].action, "deleted");
  EXPECT_THAT(again[0].cascaded, ElementsAre("cell:web"));
}

}  // namespace
}  // namespace kukeon::engine
