// SPDX-License-Identifier: Apache-2.0
// The engine on a runtime and a network in memory; pins, cgroups and the store are real.
#include "kukeon/engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "support/private_containerd.h"
#include "support/test_daemon.h"
#include "support/test_layout.h"
#include "unit_with_fakes/engine_on_fakes.h"

namespace kukeon::engine {
namespace {

using support::eventually;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class EngineTest : public EngineOnFakes {};

TEST_F(EngineTest, GivesTheDefaultMemoryLimitToContainersWithoutOne) {
  config_.default_memory_limit_bytes = 256 << 20;
  open();
  model::Cell cell = a_cell("web", {"free", "bound"});
  cell.spec.containers[1].resources.emplace().memory_limit_bytes = 64 << 20;
  engine().create_cell(cell);
  const auto spec_of = [&](const std::string& id) {
    return runtime_.find_container(ns, "default_default_web_" + id)->spec_json;
  };
  EXPECT_THAT(spec_of("free"), HasSubstr(R"("memory":{"limit":268435456})"));
  EXPECT_THAT(spec_of("bound"), HasSubstr(R"("memory":{"limit":67108864})"));
}

TEST_F(EngineTest, ImageThatTheRealmLacksIsPulledBeforeTheCellIsMade) {
  support::Layout layout;
  layout.config = support::config_of(layout.layers, oci::Platform::host().architecture);
  layout.manifest = support::manifest_of(layout.config, layout.layers);
  support::write_layout(layout, directory_->path() / "served");
  const fs::path program = directory_->path() / "skopeo";
  write_file_atomically(program,
                        fmt::format(R"sh(#!/bin/sh
cd {}
for word; do
  [ "$before" = --dest-shared-blob-dir ] && blobs=$word
  before=$word
done
to=${{before#oci:}}
mkdir -p ${{to%:image}} && cp -r served/blobs/sha256 $blobs && cp served/index.json ${{to%:image}}
)sh",
                                    directory_->path().string()),
                        0755);
  model::Cell cell = a_cell("web", {"app"});
  cell.spec.containers[0].image = "registry.example/app:1";
  EXPECT_THROW(engine().create_cell(cell), Error);
  EXPECT_FALSE(pinned());

  config_.pulls.program = program;
  open();
  EXPECT_EQ(engine().create_cell(cell).cell.status.state, model::CellState::ready);
  EXPECT_TRUE(engine().images().find(ns, "registry.example/app:1"));
}

TEST_F(EngineTest, PruneTakesWhatNoCellUsesAndOfTheTaggedOnlyWhenTold) {
  const std::string by_digest = "docker.io/local/old@sha256:" + std::string(64, '1');
  engine().images().tag(ns, "busybox", by_digest);
  engine().images().tag(ns, "busybox", "local/spare");
  engine().create_cell(a_cell("web", {"app"}));
  EXPECT_THAT(engine().prune_images("default", Prune::by_digest_only).names,
              ElementsAre(by_digest));
  const auto spare = engine().prune_images("default", Prune::all_unused);
  EXPECT_THAT(spare.names, ElementsAre("docker.io/local/spare:latest"));
  EXPECT_EQ(spare.freed_bytes, 0) << "busybox has the same content";
  engine().stop_cell(web);
  EXPECT_THAT(engine().prune_images("default", Prune::all_unused).names, IsEmpty());
  engine().delete_cell(web);
  const auto last = engine().prune_images("default", Prune::all_unused);
  EXPECT_THAT(last.names, ElementsAre("docker.io/library/busybox:latest"));
  EXPECT_GT(last.freed_bytes, 0);
  EXPECT_THROW(engine().prune_images("nowhere", Prune::all_unused), Error);
}

TEST_F(EngineTest, CellComesUpWithARootItsOwnAddressAndPinnedNamespaces) {
  const CellOutcome made = engine().create_cell(a_cell("web", {"app"}));
  EXPECT_FALSE(made.document_existed);
  EXPECT_EQ(made.cell.status.state, model::CellState::ready);
  EXPECT_TRUE(made.cell.status.ready_observed);
  EXPECT_EQ(made.cell.status.network.address, "10.88.0.2");
  EXPECT_EQ(made.cell.spec.root_container_id, "root");
  EXPECT_THAT(running(), ElementsAre("default_default_web_app", "default_default_web_root"));
  EXPECT_TRUE(pinned());
  const auto hosts = read_file(config_.run_path / "data/default/default/default/web/etc-hosts");
  EXPECT_THAT(hosts, HasSubstr("10.88.0.2\tweb\n"));

  const CellOutcome again = engine().create_cell(a_cell("web", {"app"}));
  EXPECT_TRUE(again.document_existed);
  EXPECT_TRUE(again.root_existed);
  EXPECT_EQ(runtime_.calls("start_task"), 2);
}

TEST_F(EngineTest, EveryCellHasAnAddressAndEverySpaceASubnetOfItsOwn) {
  EXPECT_EQ(engine().create_cell(a_cell("web", {"app"})).cell.status.network.address, "10.88.0.2");
  EXPECT_EQ(engine().create_cell(a_cell("two", {"app"})).cell.status.network.address, "10.88.0.3");
  engine().delete_cell(web);
  EXPECT_EQ(engine().create_cell(a_cell("three", {"app"})).cell.status.network.address,
            "10.88.0.2");
  model::Space other;
  other.metadata.name = "other";
  other.spec.realm_name = "default";
  engine().create_space(other);
  EXPECT_EQ(store_->subnet_of({.realm = "default", .space = "other"}), "10.88.1.0/24");
}

TEST_F(EngineTest, MissingParentIsItsOwnKindAndNothingIsStored) {
  model::Cell cell = a_cell("web", {"app"});
  cell.spec.stack_name = "nowhere";
  try {
    engine().create_cell(cell);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::stack_not_found)) << error.what();
    EXPECT_STREQ(error.what(),
                 "failed to create cell: stack \"nowhere\" not found in realm \"default\", space "
                 "\"default\"");
  }
  EXPECT_THAT(engine().list_cells({}), IsEmpty());
}

TEST_F(EngineTest, FailureOfAnyStepLeavesNothingOnTheHostAndAFailedDocument) {
  const auto before = runtime_.objects();
  const std::vector<std::function<void()>> failures{
      [&] {
        runtime_.fail_next("prepare_snapshot", Error{kinds::unknown, "told to fail"});
      },
      [&] {
        runtime_.fail_next("create_container", Error{kinds::unknown, "told to fail"});
      },
      [&] {
        runtime_.fail("start_task", "default_default_web_app",
                      Error{kinds::unknown, "told to fail"});
      },
      [&] {
        runtime_.fail("start_task", "default_default_web_root",
                      Error{kinds::unknown, "told to fail"});
      },
      [&] {
        network_.fail_after(1, Error{kinds::unknown, "told to fail"});
      },
  };
  for (std::size_t i = 0; i < failures.size(); ++i) {
    failures[i]();
    EXPECT_THROW(engine().create_cell(a_cell("web", {"app", "side"})), Error) << i;
    runtime_.clear_failures();
    EXPECT_EQ(runtime_.objects(), before) << i;
    EXPECT_FALSE(pinned()) << i;
    const auto cell = stored();
    EXPECT_EQ(cell.status.state, model::CellState::failed) << i;
    EXPECT_EQ(cell.status.reason, "CreateCellFailed") << i;
    EXPECT_THAT(cell.status.message, HasSubstr("told to fail")) << i;
    // Nothing is in the way of the next try, nor of a delete.
    EXPECT_EQ(engine().start_cell(web).status.state, model::CellState::ready) << i;
    engine().delete_cell(web);
    EXPECT_EQ(runtime_.objects(), before) << i;
  }
}

TEST_F(EngineTest, StartThatFailsKeepsTheWritableLayer) {
  engine().create_cell(a_cell("web", {"app"}));
  engine().stop_cell(web);
  runtime_.fail_next("start_task", Error{kinds::unknown, "told to fail"});
  EXPECT_THROW(engine().start_cell(web), Error);
  EXPECT_TRUE(runtime_.snapshot_exists(ns, "default_default_web_app"));
  EXPECT_EQ(engine().start_cell(web).status.state, model::CellState::ready);
}

TEST_F(EngineTest, ContainerThatIgnoresTermIsKilledAfterItsGrace) {
  engine().create_cell(a_cell("web", {"app"}));
  runtime_.ignore_signal(ns, "default_default_web_app", SIGTERM);
  EXPECT_EQ(engine().stop_cell(web).status.state, model::CellState::stopped);
  EXPECT_THAT(running(), IsEmpty());
  EXPECT_FALSE(pinned());
  EXPECT_EQ(engine().stop_cell(web).status.state, model::CellState::stopped);
}

TEST_F(EngineTest, SecondApplyChangesNothingAndTouchesNothing) {
  EXPECT_EQ(apply(a_cell("web", {"app"}))[0].action, "created");
  const int starts = runtime_.calls("start_task");
  const auto generation = store_->find<model::Cell>(web)->revision;
  const auto results = apply(a_cell("web", {"app"}));
  EXPECT_EQ(results[0].action, "unchanged");
  EXPECT_THAT(results[0].changes, IsEmpty());
  EXPECT_EQ(runtime_.calls("start_task"), starts);
  EXPECT_EQ(store_->find<model::Cell>(web)->revision, generation);
}

TEST_F(EngineTest, LiveFieldIsStoredWithoutARestart) {
  apply(a_cell("web", {"app"}));
  const int starts = runtime_.calls("start_task");
  model::Cell changed = a_cell("web", {"app"});
  changed.metadata.labels["team"] = "blue";
  changed.spec.containers[0].restart_policy = "always";
  const auto results = apply(changed);
  EXPECT_EQ(results[0].action, "updated");
  EXPECT_THAT(results[0].changes,
              ElementsAre("metadata.labels", "container \"app\" updated: restartPolicy"));
  EXPECT_EQ(runtime_.calls("start_task"), starts);
  EXPECT_EQ(stored().metadata.labels.at("team"), "blue");
  EXPECT_EQ(stored().metadata.labels.at("cell.kukeon.io"), "web");  // ours survives
}

TEST_F(EngineTest, ImmutableFieldIsRefusedAndNothingChanges) {
  apply(a_cell("web", {"app"}));
  model::Cell changed = a_cell("web", {"app"});
  changed.spec.nested_cgroup_runtime = true;
  const auto results = apply(changed);
  EXPECT_EQ(results[0].action, "failed");
  EXPECT_EQ(results[0].error,
            "cell \"web\" has breaking changes: [spec.nestedCgroupRuntime]. Delete the cell and "
            "recreate it "
            "with the new spec");
  EXPECT_FALSE(stored().spec.nested_cgroup_runtime);
}

TEST_F(EngineTest, StoppedCellIsStartedByApply) {
  apply(a_cell("web", {"app"}));
  engine().stop_cell(web);
  const auto results = apply(a_cell("web", {"app"}));
  EXPECT_EQ(results[0].action, "updated");
  EXPECT_THAT(results[0].changes, ElementsAre("runtime stopped: containers re-materialized",
                                              "container \"app\" re-materialized"));
  EXPECT_EQ(stored().status.state, model::CellState::ready);
}

TEST_F(EngineTest, DocumentsOfOneApplyFailAlone) {
  model::Cell bad = a_cell("bad", {"app"});
  bad.spec.containers[0].image = "nothing-like-it";
  const auto results = engine().execute(engine().plan(
      {{.index = 0, .document = bad}, {.index = 1, .document = a_cell("web", {"app"})}}));
  EXPECT_EQ(results[0].action, "failed");
  EXPECT_THAT(results[0].error,
              HasSubstr("failed to pull image docker.io/library/nothing-like-it:latest"));
  EXPECT_EQ(results[1].action, "created");
}

TEST_F(EngineTest, ParentsThatNobodyWroteDownAreMade) {
  model::Cell cell = a_cell("web", {});
  cell.spec.space_name = "fresh";
  cell.spec.stack_name = "new";
  cell.spec.containers.push_back(a_cell("x", {"app"}).spec.containers[0]);
  const auto results = apply(cell);
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].action, "created") << results[0].error;
  EXPECT_TRUE(engine().get_stack({.realm = "default", .space = "fresh", .stack = "new"}));
}

// Interface files as the kernel makes them with a group, in plain directories: what is written to
// them stays to be read.
class EngineOnPlainCgroups : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    write_file_in_place(v2() / "cgroup.controllers", "cpuset cpu io memory pids\n");
    write_file_in_place(v2() / "cgroup.events", "populated 0\n");
    engine_ = std::make_unique<Engine>(config_, *store_, runtime_, network_, nullptr,
                                       kernel::Cgroups{kernel::CgroupLayout{.v2 = v2(), .v1 = {}}});
  }

  void TearDown() override {
    if (engine_) open();  // what the host has is taken down on the host
    EngineTest::TearDown();
  }

  fs::path v2() const { return directory_->path(); }
  fs::path file(const std::string& group, const std::string& name) const {
    const fs::path at = v2() / config_.cgroup_root.substr(1) / group;
    make_directories(at, 0755);
    return at / name;
  }
  void make_file(const std::string& group, const std::string& name) const {
    write_file_in_place(file(group, name), std::string(24, ' '));
  }
  std::string content(const std::string& group, const std::string& name) const {
    return std::string{trim(read_file(file(group, name), 256))};
  }
  ApplyResult apply_space(const model::Space& space) {
    return engine().execute(engine().plan({{.index = 0, .document = space}})).at(0);
  }
};

TEST_F(EngineOnPlainCgroups, LimitsOfALayerAreWrittenChangedAndLifted) {
  for (const char* name : {"memory.max", "pids.max"}) make_file("default/tight", name);
  model::Space space;
  space.metadata.name = "tight";
  space.spec.realm_name = "default";
  space.spec.resources.emplace().memory.emplace().max = 4096;
  const ApplyResult made = apply_space(space);
  EXPECT_EQ(made.action, "created") << made.error;
  EXPECT_EQ(content("default/tight", "memory.max"), "4096");
  EXPECT_THAT(content("default", "cgroup.subtree_control"), HasSubstr("+memory"));

  space.spec.resources->memory.reset();
  space.spec.resources->pids.emplace().max = 10;
  const ApplyResult changed = apply_space(space);
  EXPECT_EQ(changed.action, "updated") << changed.error;
  EXPECT_THAT(changed.changes, ElementsAre("spec.resources.memory.max", "spec.resources.pids.max"));
  EXPECT_THAT(content("default/tight", "memory.max"), StartsWith("max"));
  EXPECT_EQ(content("default/tight", "pids.max"), "10");
  EXPECT_EQ(apply_space(space).action, "unchanged");

  // What the kernel refuses leaves the limits and the document as they were.
  space.spec.resources->pids->max = 20;
  space.spec.resources->memory.emplace().swap = 0;  // there is no memory.swap.max here
  const ApplyResult refused = apply_space(space);
  EXPECT_EQ(refused.action, "failed");
  EXPECT_THAT(refused.error, HasSubstr("set memory.swap.max of cgroup"));
  EXPECT_EQ(content("default/tight", "pids.max"), "10");
  EXPECT_EQ(apply_space(space).action, "failed");
}

TEST_F(EngineOnPlainCgroups, ALimitThatTheKernelRefusesIsTold) {
  model::Space space;
  space.metadata.name = "tight";
  space.spec.realm_name = "default";
  space.spec.resources.emplace().memory.emplace().max = 4096;
  const ApplyResult failed = apply_space(space);  // there is no memory.max to write
  EXPECT_EQ(failed.action, "failed");
  EXPECT_THAT(failed.error, HasSubstr("set memory.max of cgroup"));
  EXPECT_EQ(engine().get_space({.realm = "default", .space = "tight"})->space.status.state,
            model::SpaceState::failed);
}

TEST_F(EngineTest, ExitOfAWorkloadIsSeenThroughItsEvent) {
  engine().start();
  ASSERT_TRUE(runtime_.wait_for_watchers(1));
  engine().create_cell(a_cell("web", {"app"}));
  runtime_.exit_task(ns, "default_default_web_app", 7);
  ASSERT_TRUE(eventually([&] { return stored().status.state == model::CellState::error; }));
  EXPECT_EQ(stored().status.message, "container \"app\" exited with code 7");
  const auto* status = model::find_status(stored().status, "app");
  ASSERT_NE(status, nullptr);
  EXPECT_EQ(status->exit_code, 7);
  engine().stop();
}

TEST_F(EngineTest, RootThatEndsTakesTheCellDown) {
  engine().start();
  ASSERT_TRUE(runtime_.wait_for_watchers(1));
  engine().create_cell(a_cell("web", {"app"}));
  runtime_.exit_task(ns, "default_default_web_root", 0);
  ASSERT_TRUE(eventually([&] { return stored().status.reason == "RootNotRunning"; }));
  EXPECT_THAT(running(), IsEmpty());
  EXPECT_FALSE(pinned());
  EXPECT_EQ(engine().start_cell(web).status.state, model::CellState::ready);
  engine().stop();
}

// What a daemon killed in the middle leaves: the stub, its lease, and any part of the host side.
TEST_F(EngineTest, InterruptedCreateIsFinishedByTheNextEngine) {
  engine().create_cell(a_cell("web", {"app"}));
  model::Cell stub = stored();
  stub.status = {};
  store_->write([&](store::Changes& changes) { changes.put(stub, store::Intent::running); });
  runtime_.delete_task(ns, "default_default_web_app");
  runtime_.delete_container(ns, "default_default_web_app");  // killed between snapshot and record
  open();
  runtime_.fail_next("start_task", Error{kinds::unknown, "still clearing away"});
  engine().start();
  ASSERT_TRUE(eventually([&] { return stored().status.state == model::CellState::ready; }));
  EXPECT_THAT(running(), ElementsAre("default_default_web_app", "default_default_web_root"));
  engine().stop();
}

TEST_F(EngineTest, InterruptedDeleteIsFinishedByTheNextEngine) {
  engine().create_cell(a_cell("web", {"app"}));
  const model::Cell cell = stored();
  store_->write([&](store::Changes& changes) { changes.put(cell, store::Intent::deleted); });
  runtime_.delete_task(ns, "default_default_web_app");
  open();
  EXPECT_FALSE(engine().get_cell(web));
  engine().start();
  ASSERT_TRUE(eventually([&] { return store_->find<model::Cell>(web) == nullptr; }));
  EXPECT_THAT(running(), IsEmpty());
  EXPECT_FALSE(pinned());
  engine().stop();
}

TEST_F(EngineTest, InterruptedStopIsFinishedByTheNextEngine) {
  engine().create_cell(a_cell("web", {"app"}));
  const model::Cell cell = stored();
  store_->write([&](store::Changes& changes) { changes.put(cell, store::Intent::stopped); });
  open();
  engine().start();
  ASSERT_TRUE(eventually([&] { return running().empty(); }));
  ASSERT_TRUE(eventually([&] { return stored().status.state == model::CellState::stopped; }));
  engine().stop();
}

TEST_F(EngineTest, DeleteOfAParentCountsItsChildrenAndCascadesOnRequest) {
  engine().create_cell(a_cell("web", {"app"}));
  const model::Path stack = web.up_to(model::Kind::stack);
  try {
    engine().delete_stack(stack, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::resource_has_dependencies));
    EXPECT_STREQ(error.what(),
                 "failed to delete stack: resource has child resources: stack \"default\" has 1 "
                 "cell(s). Use "
                 "--cascade to delete them or --force to skip validation");
  }
  const auto gone = engine().delete_stack(stack, {.cascade = Cascade::yes});
  EXPECT_THAT(gone.deleted, ElementsAre("cell:web", "metadata", "cgroup"));
  EXPECT_THAT(running(), IsEmpty());
  EXPECT_THROW(engine().delete_stack(stack, {}), Error);
}

TEST_F(EngineTest, EgressPolicyThatNothingEnforcesIsRefused) {
  model::Space space;
  space.metadata.name = "closed";
  space.spec.realm_name = "default";
  space.spec.network.emplace().egress.emplace().default_action = "deny";
  try {
    engine().create_space(space);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("spec.network.egress cannot be enforced"));
  }
  EXPECT_FALSE(engine().get_space({.realm = "default", .space = "closed"}));
  space.spec.network->egress->default_action = "allow";
  EXPECT_FALSE(engine().create_space(space).document_existed);
}

TEST_F(EngineTest, ConcurrentCreatesOfOneCellMakeItOnce) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] { engine().create_cell(a_cell("web", {"app"})); });
  }
  threads.clear();
  EXPECT_EQ(runtime_.calls("start_task"), 2);
  EXPECT_EQ(stored().status.state, model::CellState::ready);
}

TEST_F(EngineTest, UserOfTheImageIsResolvedAndAnUnknownOneIsAnError) {
  model::Cell cell = a_cell("web", {"app"});
  cell.spec.containers[0].user = "app";
  engine().create_cell(cell);
  const auto record = runtime_.find_container(ns, "default_default_web_app");
  EXPECT_THAT(record->spec_json, HasSubstr("\"uid\":7,\"gid\":8"));
  cell = a_cell("two", {"app"});
  cell.spec.containers[0].user = "nobody-of-that-name";
  EXPECT_THROW(engine().create_cell(cell), Error);
}

TEST_F(EngineTest, SecretIsStagedForItsContainerAndRemovedWithIt) {
  const fs::path source = directory_->path() / "secret";
  write_file_in_place(source, "hush", 0600);
  model::Cell cell = a_cell("web", {"app"});
  cell.spec.containers[0].secrets.push_back(
      {.name = "token", .from_file = source.string(), .from_env = "", .mount_path = "/run/token"});
  engine().create_cell(cell);
  const fs::path staged =
      config_.runtime_dir / "secrets" / ns / "default_default_web_app" / "token";
  EXPECT_EQ(read_file(staged), "hush");
  EXPECT_EQ(fs::status(staged).permissions(), fs::perms::owner_read);
  engine().delete_cell(web);
  EXPECT_FALSE(fs::exists(staged));
}

}  // namespace
}  // namespace kukeon::engine
