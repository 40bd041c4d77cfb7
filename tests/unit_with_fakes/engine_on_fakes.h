// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "fakes/fake_network.h"
#include "fakes/fake_runtime.h"
#include "kukeon/base/files.h"
#include "kukeon/engine/engine.h"
#include "support/private_containerd.h"
#include "support/test_daemon.h"

// The engine on a runtime and a network in memory; pins, cgroups and the store are real.
namespace kukeon::engine {

// Puts nothing on disk: the shadow has tests of its own.
class NoShadow : public store::ShadowRenderer {
 public:
  std::string render(const model::Realm&) const override { return "{}\n"; }
  std::string render(const model::Space&) const override { return "{}\n"; }
  std::string render(const model::Stack&) const override { return "{}\n"; }
  std::string render(const model::Cell&) const override { return "{}\n"; }
};

// Where an fsync costs nothing: these tests are about what is written, not about the disk.
inline fs::path memory_directory() {
  const fs::path shared = "/dev/shm";
  return fs::is_directory(shared) ? shared : fs::temp_directory_path();
}

inline model::Cell a_cell(const std::string& name,
                          const std::vector<std::string>& containers = {"app"}) {
  model::Cell cell;
  cell.metadata.name = name;
  cell.spec.realm_name = cell.spec.space_name = cell.spec.stack_name = "default";
  for (const std::string& id : containers) {
    model::ContainerSpec spec;
    spec.id = id;
    spec.image = "busybox";
    spec.command = "/bin/sleep";
    spec.args = {"60"};
    cell.spec.containers.push_back(spec);
  }
  return cell;
}

inline const model::Path web{
    .realm = "default", .space = "default", .stack = "default", .cell = "web"};

// With realm, space and stack "default" and the image "busybox". At its end nothing may be left.
class EngineOnFakes : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root for namespaces and cgroups";
    directory_ = std::make_unique<TemporaryDirectory>(memory_directory());
    config_.run_path = directory_->path() / "run-path";
    config_.runtime_dir = directory_->path() / "run";
    config_.cgroup_root = "/" + support::unique_name("kukeon-engine");
    config_.stop_grace = std::chrono::milliseconds{50};
    config_.delete_grace = std::chrono::milliseconds{50};
    config_.reconcile_interval = std::chrono::seconds{0};
    config_.pulls.program.clear();
    make_directories(config_.run_path, 0755);
    make_directories(config_.runtime_dir, 0755);
    rootfs_ = directory_->path() / "rootfs";
    make_directories(rootfs_ / "etc", 0755);
    write_file_in_place(rootfs_ / "etc/passwd",
                        "root:x:0:0::/root:/bin/sh\napp:x:7:8::/:/bin/sh\n");
    write_file_in_place(rootfs_ / "etc/group", "root:x:0:\n");
    runtime_.set_rootfs(rootfs_);
    open();
    create_parents();
  }

  // What a test may want otherwise; asked for by open().
  virtual kernel::Cgroups make_cgroups() { return kernel::Cgroups{}; }
  virtual std::unique_ptr<store::ShadowRenderer> make_renderer() {
    return std::make_unique<NoShadow>();
  }

  void TearDown() override {
    if (!engine_) return;
    runtime_.clear_failures();
    for (const auto& row : engine_->teardown()) EXPECT_EQ(row.error, "");
    EXPECT_THAT(engine_->inventory(), ::testing::IsEmpty());
    EXPECT_THAT(runtime_.objects(), ::testing::IsEmpty());
  }

  // As a daemon that starts: what is in memory is read anew.
  void open() {
    engine_.reset();
    store_.reset();
    store_ = std::make_unique<store::Store>(config_.run_path, make_renderer());
    engine_ =
        std::make_unique<Engine>(config_, *store_, runtime_, network_, nullptr, make_cgroups());
  }

  void create_parents() {
    model::Realm realm;
    realm.metadata.name = "default";
    engine().create_realm(realm);
    model::Space space;
    space.metadata.name = space.spec.realm_name = "default";
    engine().create_space(space);
    model::Stack stack;
    stack.metadata.name = stack.spec.realm_name = stack.spec.space_name = "default";
    engine().create_stack(stack);
    engine().images().import_rootfs(ns, "busybox", rootfs_);
  }

  Engine& engine() { return *engine_; }
  model::Cell stored(const model::Path& path = web) { return engine().get_cell(path)->cell; }
  std::vector<ApplyResult> apply(const model::Cell& cell) {
    return engine().execute(engine().plan({{.index = 0, .document = cell}}));
  }
  std::vector<std::string> running() {
    std::vector<std::string> ids;
    for (const auto& task : runtime_.list_tasks(ns)) {
      if (task.state == runtime::TaskState::running) ids.push_back(task.container_id);
    }
    std::ranges::sort(ids);
    return ids;
  }
  bool pinned() { return fs::exists(config_.runtime_dir / "ns" / ns / "default_default_web_root"); }

  static constexpr const char* ns = "default.kukeon.io";
  std::unique_ptr<TemporaryDirectory> directory_;
  fs::path rootfs_;
  Config config_;
  fakes::FakeRuntime runtime_;
  fakes::FakeNetwork network_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace kukeon::engine
