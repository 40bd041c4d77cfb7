// SPDX-License-Identifier: Apache-2.0
// Purge, refresh and restart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "unit_with_fakes/engine_on_fakes.h"

namespace kukeon::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const DeleteOptions cascade{Cascade::yes, Force::no};

class PurgeTest : public EngineOnFakes {
 protected:
  // Somebody removed the document behind our back; everything on the host is still there.
  void lose_document(const model::Path& path) {
    store_->write([&](store::Changes& changes) { changes.erase(path); });
  }
  void expect_kind(const ErrorKind& kind, const std::function<void()>& body) {
    try {
      body();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_TRUE(error.is(kind)) << error.what();
    }
  }
  std::vector<std::string> cells_on_the_host() {
    std::vector<std::string> found;
    for (const std::string& object : engine().inventory()) {
      if (object.find("web") != std::string::npos) found.push_back(object);
    }
    return found;
  }
  static model::Path app() {
    model::Path path = web;
    path.container = "app";
    return path;
  }
};

TEST_F(PurgeTest, PurgedCellIsGoneWithItsDocument) {
  engine().create_cell(a_cell("web", {"app"}));
  const auto purge = engine().purge_cell(web);
  EXPECT_TRUE(purge.had_document);
  EXPECT_EQ(purge.error, "");
  EXPECT_EQ(purge.value.metadata.name, "web");
  EXPECT_FALSE(engine().get_cell(web));
  EXPECT_THAT(cells_on_the_host(), IsEmpty());
  EXPECT_FALSE(store_->address_of(web));
}

TEST_F(PurgeTest, CellWithoutADocumentIsFoundByItsNames) {
  engine().create_cell(a_cell("web", {"app"}));
  engine().create_cell(a_cell("webb", {"app"}));
  lose_document(web);
  ASSERT_THAT(cells_on_the_host(), Not(IsEmpty()));
  const auto purge = engine().purge_cell(web);
  EXPECT_FALSE(purge.had_document);
  EXPECT_EQ(purge.error, "");
  for (const std::string& object : cells_on_the_host()) EXPECT_THAT(object, HasSubstr("webb"));
  EXPECT_FALSE(pinned());
  EXPECT_FALSE(fs::exists(store_->directory_of(web)));
  EXPECT_THAT(running(), ElementsAre("default_default_webb_app", "default_default_webb_root"));
}

TEST_F(PurgeTest, CellThatNeverWasIsNotFound) {
  expect_kind(kinds::cell_not_found, [&] { engine().purge_cell(web); });
  expect_kind(kinds::realm_not_found, [&] { engine().purge_realm("nowhere", cascade); });
}

TEST_F(PurgeTest, NameThatWouldLeaveTheRunPathIsRefused) {
  model::Path path = web;
  path.cell = "..";
  expect_kind(kinds::invalid_name, [&] { engine().purge_cell(path); });
}

TEST_F(PurgeTest, WhatCannotBeRemovedIsToldAndTheDocumentStaysUntilItIs) {
  engine().create_cell(a_cell("web", {"app"}));
  runtime_.fail("delete_container", "default_default_web_app", Error{kinds::unknown, "stuck"});
  EXPECT_THAT(engine().purge_cell(web).error, HasSubstr("stuck"));
  EXPECT_TRUE(store_->find<model::Cell>(web));
  EXPECT_THAT(running(), IsEmpty());
  runtime_.clear_failures();
  EXPECT_EQ(engine().purge_cell(web).error, "");
  EXPECT_FALSE(store_->find<model::Cell>(web));
}

TEST_F(PurgeTest, ParentWithChildrenIsRefusedUnlessToldOtherwise) {
  engine().create_cell(a_cell("web", {"app"}));
  const model::Path stack = web.up_to(model::Kind::stack);
  EXPECT_THAT(engine().purge_stack(stack, {}).error,
              HasSubstr("stack \"default\" has 1 cell(s). Use --cascade to purge them or --force"));
  EXPECT_THAT(running(), SizeIs(2));
  expect_kind(kinds::resource_has_dependencies, [&] { engine().purge_realm("default", {}); });
  const auto purge = engine().purge_stack(stack, cascade);
  EXPECT_EQ(purge.error, "");
  EXPECT_THAT(purge.deleted, ElementsAre("cell:web", "metadata", "cgroup"));
  EXPECT_FALSE(engine().get_stack(stack));
}

TEST_F(PurgeTest, ForcedSpaceTakesItsCellsWithItAndItsNetwork) {
  engine().create_cell(a_cell("web", {"app"}));
  const model::Path space = web.up_to(model::Kind::space);
  const auto purge = engine().purge_space(space, {Cascade::no, Force::yes});
  EXPECT_EQ(purge.error, "");
  EXPECT_THAT(purge.deleted, ElementsAre("metadata", "cgroup", "network"));
  EXPECT_THAT(cells_on_the_host(), IsEmpty());
  EXPECT_THAT(network_.inventory(), Not(Contains(HasSubstr("link "))));
  EXPECT_THAT(store_->leased_subnets(), IsEmpty());
}

TEST_F(PurgeTest, RealmGoesWithoutItsDocumentsToo) {
  engine().create_cell(a_cell("web", {"app"}));
  lose_document(web);
  lose_document(web.up_to(model::Kind::stack));
  lose_document(web.up_to(model::Kind::space));
  lose_document(web.up_to(model::Kind::realm));
  runtime_.create_namespace(std::string{ns} + "_history", {});
  const auto purge = engine().purge_realm("default", {});
  EXPECT_FALSE(purge.had_document);
  EXPECT_THAT(purge.deleted, IsEmpty());
  EXPECT_THAT(runtime_.objects(), IsEmpty());
  EXPECT_THAT(network_.inventory(), Not(Contains(HasSubstr("default"))));
  EXPECT_FALSE(fs::exists(store_->directory_of({.realm = "default"})));
}

TEST_F(PurgeTest, ContainerThatItsCellDoesNotKnowIsSwept) {
  engine().create_cell(a_cell("web", {"app"}));
  runtime_.create_container(ns, {.id = "default_default_web_old",
                                 .image = {},
                                 .snapshotter = {},
                                 .snapshot_key = {},
                                 .spec_json = "{}",
                                 .labels = {}});
  model::Path old = web;
  old.container = "old";
  const auto purge = engine().purge_container(old);
  EXPECT_TRUE(purge.cell_had_document);
  EXPECT_FALSE(purge.container);
  EXPECT_FALSE(runtime_.find_container(ns, "default_default_web_old"));
  EXPECT_THAT(running(), SizeIs(2));
}

TEST_F(PurgeTest, ContainerOfACellGoesAndTheOthersRunOn) {
  engine().create_cell(a_cell("web", {"app", "side"}));
  const auto purge = engine().purge_container(app());
  EXPECT_EQ(purge.error, "");
  ASSERT_TRUE(purge.container);
  EXPECT_THAT(purge.deleted, ElementsAre("container", "task"));
  EXPECT_THAT(running(), ElementsAre("default_default_web_root", "default_default_web_side"));
  EXPECT_EQ(model::find_container(stored().spec, "app"), nullptr);
  model::Path root = web;
  root.container = "root";
  expect_kind(kinds::failed_precondition, [&] { engine().purge_container(root); });
}

// ---- refresh

TEST_F(PurgeTest, RefreshOfWhatIsAsStoredWritesNothing) {
  engine().create_cell(a_cell("web", {"app"}));
  const auto revision = store_->find<model::Cell>(web)->revision;
  const Refreshed seen = engine().refresh_all();
  EXPECT_THAT(seen.realms.found, ElementsAre("default"));
  EXPECT_THAT(seen.cells.found, ElementsAre("web"));
  EXPECT_THAT(seen.containers.found, Contains("default/default/default/web/app"));
  EXPECT_THAT(seen.cells.updated, IsEmpty());
  EXPECT_THAT(seen.spaces.updated, IsEmpty());
  EXPECT_THAT(seen.errors, IsEmpty());
  EXPECT_EQ(store_->find<model::Cell>(web)->revision, revision);
}

TEST_F(PurgeTest, RefreshSeesWhatEndedAndWhatIsGoneAndKeepsTheRestOfTheStatus) {
  engine().create_cell(a_cell("web", {"app", "side"}));
  runtime_.exit_task(ns, "default_default_web_app", 3);
  network_.lose_space("k-703e8b3a");
  const Refreshed seen = engine().refresh_all();
  EXPECT_THAT(seen.cells.updated, ElementsAre("web"));
  EXPECT_THAT(seen.containers.updated, SizeIs(3));
  EXPECT_THAT(seen.spaces.updated, ElementsAre("default"));
  EXPECT_EQ(engine().get_space(web.up_to(model::Kind::space))->space.status.state,
            model::SpaceState::unknown);
  const model::Cell cell = stored();
  EXPECT_EQ(model::find_status(cell.status, "app")->exit_code, 3);
  EXPECT_TRUE(cell.status.ready_observed);
  EXPECT_EQ(cell.status.network.address, "10.88.0.2");
}

TEST_F(PurgeTest, RefreshKeepsAFailureAndGoesOnAfterAnError) {
  runtime_.fail("start_task", "default_default_web_app", Error{kinds::unknown, "told to fail"});
  EXPECT_THROW(engine().create_cell(a_cell("web", {"app"})), Error);
  runtime_.clear_failures();
  runtime_.fail("namespace_exists", ns, Error{kinds::unknown, "no answer"});
  const Refreshed seen = engine().refresh_all();
  EXPECT_THAT(seen.errors, ElementsAre("realm default: no answer"));
  EXPECT_THAT(seen.cells.found, ElementsAre("web"));
  EXPECT_EQ(stored().status.state, model::CellState::failed);
  EXPECT_EQ(stored().status.reason, "CreateCellFailed");
}

// ---- restart

TEST_F(PurgeTest, RestartedCellHasNewTasksAndItsOldAddress) {
  engine().create_cell(a_cell("web", {"app"}));
  const auto before = runtime_.find_task(ns, "default_default_web_app")->pid;
  const model::Cell cell = engine().restart_cell(web);
  EXPECT_EQ(cell.status.state, model::CellState::ready);
  EXPECT_EQ(cell.status.network.address, "10.88.0.2");
  EXPECT_NE(runtime_.find_task(ns, "default_default_web_app")->pid, before);
}

TEST_F(PurgeTest, RestartStartsWhatWasStopped) {
  engine().create_cell(a_cell("web", {"app"}));
  engine().stop_cell(web);
  EXPECT_EQ(engine().restart_cell(web).status.state, model::CellState::ready);
  EXPECT_EQ(store_->find<model::Cell>(web)->intent, store::Intent::running);
}

TEST_F(PurgeTest, RestartOfAPendingCellIsRefusedWithTheWayOut) {
  engine().create_cell(a_cell("web", {"app"}));
  model::Cell cell = stored();
  cell.status.state = model::CellState::pending;
  store_->write([&](store::Changes& changes) { changes.put(cell, store::Intent::running); });
  try {
    engine().restart_cell(web);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("cell \"web\" is Pending"));
    EXPECT_THAT(error.what(), HasSubstr("kuke delete cell web"));
  }
  EXPECT_THAT(running(), SizeIs(2));
}

TEST_F(PurgeTest, RestartedContainerLeavesTheOthersAlone) {
  engine().create_cell(a_cell("web", {"app", "side"}));
  const auto app_before = runtime_.find_task(ns, "default_default_web_app")->pid;
  const auto side_before = runtime_.find_task(ns, "default_default_web_side")->pid;
  const model::Container container = engine().restart_container(app());
  EXPECT_EQ(container.status.state, model::ContainerState::ready);
  EXPECT_NE(runtime_.find_task(ns, "default_default_web_app")->pid, app_before);
  EXPECT_EQ(runtime_.find_task(ns, "default_default_web_side")->pid, side_before);
}

TEST_F(PurgeTest, ContainerOfACellThatDoesNotRunIsNotRestarted) {
  engine().create_cell(a_cell("web", {"app"}));
  engine().stop_cell(web);
  expect_kind(kinds::failed_precondition, [&] { engine().restart_container(app()); });
}

}  // namespace
}  // namespace kukeon::engine
