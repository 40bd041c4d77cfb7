// SPDX-License-Identifier: Apache-2.0
// Every operation, with every effect of it going wrong in every way: the effect fails; it happens
// and its answer is lost; the daemon is killed just before it, or just after. Whichever effects an
// operation has is found by running it once, so a new one is covered without anybody adding it.
//
// Afterwards the next engine must come to rest by itself, the operation must succeed when it is
// repeated, a third time must change nothing, and a teardown must leave nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/step.h"
#include "kukeon/kernel/namespaces.h"
#include "kukeon/runtime/step_runtime.h"
#include "support/test_daemon.h"
#include "unit_with_fakes/engine_on_fakes.h"

namespace kukeon::engine {
namespace {

using namespace std::chrono_literals;
using support::eventually;
using ::testing::IsEmpty;

enum class Way { fails, answer_is_lost, killed_before, killed_after };

constexpr std::array ways{Way::fails, Way::answer_is_lost, Way::killed_before, Way::killed_after};

std::string_view word_of(Way way) {
  constexpr std::array<std::string_view, 4> words{"fails", "happens and its answer is lost",
                                                  "is preceded by kill -9",
                                                  "is followed by kill -9"};
  return words[static_cast<std::size_t>(way)];
}

struct Fault {
  std::string step;
  int occurrence = 1;
  Way way = Way::fails;
};

// What a killed daemon's thread ends with. No Error, so nobody handles it.
struct Killed {};

// Counts steps, and makes one of them go wrong. After a kill no step has an effect.
class Saboteur final : public StepObserver {
 public:
  explicit Saboteur(std::optional<Fault> fault) : fault_{std::move(fault)} { observe_steps(this); }
  ~Saboteur() override { observe_steps(nullptr); }

  void before(std::string_view name) override {
    const std::lock_guard lock{mutex_};
    if (dead_) throw Killed{};
    const bool hit =
        ++counts_[std::string{name}] == (fault_ ? fault_->occurrence : 0) && fault_->step == name;
    if (!hit) return;
    struck_ = true;
    if (fault_->way == Way::fails) throw Error{kinds::unknown, "told to fail"};
    if (fault_->way == Way::killed_before) die();
    lost_here_ = true;
  }
  void after(std::string_view name) override {
    const std::lock_guard lock{mutex_};
    if (dead_) throw Killed{};
    if (!lost_here_ || fault_->step != name) return;
    lost_here_ = false;
    if (fault_->way == Way::killed_after) die();
    throw Error{kinds::deadline_exceeded, "told to lose the answer"};
  }

  bool struck() const {
    const std::lock_guard lock{mutex_};
    return struck_;
  }
  bool dead() const {
    const std::lock_guard lock{mutex_};
    return dead_;
  }
  std::map<std::string, int> counts() const {
    const std::lock_guard lock{mutex_};
    return counts_;
  }

 private:
  void die() {
    dead_ = true;
    throw Killed{};
  }

  static thread_local bool lost_here_;
  mutable std::mutex mutex_;
  std::optional<Fault> fault_;
  std::map<std::string, int> counts_;
  bool struck_ = false;
  bool dead_ = false;
};
thread_local bool Saboteur::lost_here_ = false;

// A host with an engine on it.
class World {
 public:
  World() {
    config_.run_path = directory_.path() / "run-path";
    config_.runtime_dir = directory_.path() / "run";
    config_.cgroup_root = "/" + support::unique_name("kukeon-crash");
    config_.stop_grace = config_.delete_grace = 50ms;
    config_.reconcile_interval = 0s;
    config_.restarts = {.floor = 1ms, .cap = 1ms, .stable = 1h};
    config_.pulls.program.clear();
    make_directories(config_.run_path, 0755);
    make_directories(config_.runtime_dir, 0755);
    make_directories(rootfs() / "etc", 0755);
    make_directories(groups(), 0755);
    write_file_in_place(groups() / "cgroup.controllers", "\n");
    write_file_in_place(directory_.path() / "secret", "hush", 0600);
    runtime_.set_rootfs(rootfs());
    open();
    runtime_.create_namespace(ns, {});
    engine().images().import_rootfs(ns, "busybox", rootfs());
  }
  ~World() { observe_steps(nullptr); }

  static constexpr const char* ns = "default.kukeon.io";

  void close() {
    engine_.reset();
    store_.reset();
  }
  void open() {
    close();
    store_ = std::make_unique<store::Store>(config_.run_path, std::make_unique<NoShadow>());
    engine_ = std::make_unique<Engine>(config_, *store_, steps_, network_, nullptr, cgroups_);
  }
  Engine& engine() { return *engine_; }
  store::Store& store() { return *store_; }
  fakes::FakeRuntime& runtime() { return runtime_; }

  fs::path secret() const { return directory_.path() / "secret"; }

  void reboot() {
    for (const auto& task : runtime_.list_tasks(ns)) runtime_.delete_task(ns, task.container_id);
    for (const std::string& name : kernel::list_pinned(config_.runtime_dir / "ns" / ns)) {
      kernel::PinnedNamespaces{config_.runtime_dir / "ns" / ns / name}.remove();
    }
    fs::remove_all(config_.runtime_dir / "ns");
    network_.reboot();
    cgroups_.remove(config_.cgroup_root);
    open();
  }

  // What stands in the way of calling the host at rest.
  std::string unrest() {
    const auto layer = [](const auto& stored) {
      using State = decltype(stored->value.status.state);
      if (stored->intent == store::Intent::deleted) return true;
      return stored->value.status.state != State::ready &&
             (stored->value.status.state != State::failed || stored->value.status.message.empty());
    };
    for (const auto& one : store_->list<model::Realm>()) {
      if (layer(one)) return one->value.path().key();
    }
    for (const auto& one : store_->list<model::Space>()) {
      if (layer(one)) return one->value.path().key();
    }
    for (const auto& one : store_->list<model::Stack>()) {
      if (layer(one)) return one->value.path().key();
    }
    for (const auto& one : store_->list<model::Cell>()) {
      const model::CellStatus& status = one->value.status;
      const bool stopped = one->intent == store::Intent::stopped;
      const bool rests =
          stopped ? status.state == model::CellState::stopped
                  : model::is_up(status.state) || model::CellState::stopped == status.state ||
                        (status.state == model::CellState::failed && !status.message.empty());
      if (one->intent == store::Intent::deleted || !rests ||
          status.reason == model::reasons::restart_pending) {
        return fmt::format("{} is {} ({})", one->value.path().key(), reflect::label(status.state),
                           status.message);
      }
    }
    return "";
  }

  std::vector<std::string> running() {
    std::vector<std::string> ids;
    for (const auto& task : runtime_.list_tasks(ns)) {
      if (task.state == runtime::TaskState::running) ids.push_back(task.container_id);
    }
    std::ranges::sort(ids);
    return ids;
  }

  // Takes everything down; answers what is left.
  std::vector<std::string> leftovers() {
    std::vector<std::string> left;
    for (const TeardownRow& row : engine_->teardown()) {
      if (!row.error.empty()) left.push_back(row.error);
    }
    for (std::string& object : engine_->inventory()) left.push_back(std::move(object));
    runtime_.delete_image(ns, "docker.io/library/busybox:latest");
    if (runtime_.namespace_exists(ns)) runtime_.delete_namespace(ns);
    for (std::string& object : runtime_.objects()) left.push_back(std::move(object));
    for (const fs::path& directory : {config_.run_path / "data", config_.runtime_dir}) {
      std::error_code none;
      for (const auto& entry : fs::recursive_directory_iterator{directory, none}) {
        if (!entry.is_directory()) left.push_back(entry.path().string());
      }
    }
    return left;
  }

 private:
  // Plain directories do for groups, and cost the kernel nothing.
  fs::path groups() const { return directory_.path() / "cgroup"; }
  fs::path rootfs() const { return directory_.path() / "rootfs"; }

  TemporaryDirectory directory_{memory_directory()};
  Config config_;
  fakes::FakeRuntime runtime_;
  runtime::StepRuntime steps_{std::shared_ptr<runtime::Runtime>{&runtime_, [](auto*) {}}};
  fakes::FakeNetwork network_;
  kernel::Cgroups cgroups_{kernel::CgroupLayout{.v2 = groups(), .v1 = {}}};
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Engine> engine_;
};

std::vector<Desired> manifest(std::vector<model::Cell> cells) {
  model::Realm realm;
  realm.metadata.name = "default";
  model::Space space;
  space.metadata.name = space.spec.realm_name = "default";
  model::Stack stack;
  stack.metadata.name = stack.spec.realm_name = stack.spec.space_name = "default";
  std::vector<Desired> documents{{.index = 0, .document = realm},
                                 {.index = 1, .document = space},
                                 {.index = 2, .document = stack}};
  for (model::Cell& cell : cells) {
    documents.push_back({.index = static_cast<int>(documents.size()), .document = std::move(cell)});
  }
  return documents;
}

// The first failure of an apply, as what `kuke apply` would say.
void apply_all(World& world, const std::vector<Desired>& documents,
               const PlanOptions& options = {}) {
  std::string failure;
  for (const ApplyResult& result :
       world.engine().execute(world.engine().plan(documents, options))) {
    if (failure.empty()) failure = result.error;
  }
  if (!failure.empty()) throw Error{kinds::unknown, failure};
}

std::vector<std::string> actions(World& world, const std::vector<Desired>& documents) {
  std::vector<std::string> out;
  for (const ApplyResult& result : world.engine().execute(world.engine().plan(documents))) {
    if (result.action != "unchanged") {
      out.push_back(fmt::format("{} {} {} {}", result.name, result.action,
                                fmt::join(result.changes, ","), result.error));
    }
  }
  return out;
}

model::Cell web_cell() {
  model::Cell cell = a_cell("web", {"app", "side"});
  return cell;
}

model::Path in_web(const std::string& container) {
  model::Path path = web;
  path.container = container;
  return path;
}

struct Scenario {
  std::string name;
  std::function<void(World&)> given = [](World&) {};
  std::function<void(World&)> when;
  // Must be so after `when` was repeated; documents that an apply then leaves unchanged.
  std::vector<std::string> running{};
  std::function<std::vector<Desired>(World&)> wanted{};
  // The operation is what the engine does by itself once it is started.
  bool by_itself = false;
};

const std::vector<std::string> all_of_web{"default_default_web_app", "default_default_web_root",
                                          "default_default_web_side"};

void create_web(World& world) { apply_all(world, manifest({web_cell()})); }
std::vector<Desired> web_manifest(World&) { return manifest({web_cell()}); }

model::Cell changed_web() {
  model::Cell cell = a_cell("web", {"app", "added"});
  cell.spec.containers[0].args = {"90"};
  return cell;
}

model::Cell web_with_another_root() {
  model::Cell cell = a_cell("web", {"app", "side", "base"});
  cell.spec.containers[2].root = true;
  return cell;
}

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all{
      {.name = "apply_of_everything",
       .when =
           [](World& world) {
             model::Cell cell = web_cell();
             cell.spec.containers[0].secrets.push_back({.name = "token",
                                                        .from_file = world.secret().string(),
                                                        .from_env = "",
                                                        .mount_path = "/run/token"});
             apply_all(world, manifest({cell}));
           },
       .running = all_of_web},
      {.name = "start_of_a_cell",
       .given =
           [](World& world) {
             create_web(world);
             world.engine().stop_cell(web);
           },
       .when =
           [](World& world) {
             if (world.running().size() < 3) world.engine().start_cell(web);
           },
       .running = all_of_web,
       .wanted = web_manifest},
      {.name = "stop_of_a_cell",
       .given = create_web,
       .when = [](World& world) { world.engine().stop_cell(web); }},
      {.name = "kill_of_a_cell",
       .given = create_web,
       .when = [](World& world) { world.engine().kill_cell(web); }},
      {.name = "delete_of_a_cell",
       .given = create_web,
       .when =
           [](World& world) {
             if (world.engine().get_cell(web)) world.engine().delete_cell(web);
           }},
      {.name = "purge_of_a_cell",
       .given = create_web,
       .when =
           [](World& world) {
             try {
               world.engine().purge_cell(web);
             } catch (const Error& error) {
               if (!error.is(kinds::cell_not_found)) throw;
             }
           }},
      {.name = "restart_of_a_cell",
       .given = create_web,
       .when =
           [](World& world) {
             // Where a kill came between its halves, the cell is stopped: then it is started.
             const auto cell = world.engine().get_cell(web)->cell;
             if (cell.status.state == model::CellState::stopped) {
               world.engine().start_cell(web);
             } else {
               world.engine().restart_cell(web);
             }
           },
       .running = all_of_web,
       .wanted = web_manifest},
      {.name = "apply_that_prunes",
       .given =
           [](World& world) {
             apply_all(world, manifest({web_cell(), a_cell("old", {"app"})}), {.set = "demo"});
           },
       .when =
           [](World& world) {
             apply_all(world, manifest({web_cell()}), {.set = "demo", .prune = true});
           },
       .running = all_of_web,
       .wanted = web_manifest},
      {.name = "apply_of_changed_containers",
       .given = create_web,
       .when = [](World& world) { apply_all(world, manifest({changed_web()})); },
       .running = {"default_default_web_added", "default_default_web_app",
                   "default_default_web_root"},
       .wanted = [](World&) { return manifest({changed_web()}); }},
      {.name = "apply_of_another_root",
       .given = create_web,
       .when = [](World& world) { apply_all(world, manifest({web_with_another_root()})); },
       .running = all_of_web,
       .wanted = [](World&) { return manifest({web_with_another_root()}); }},
      {.name = "create_of_a_container",
       .given = create_web,
       .when =
           [](World& world) {
             model::Container container;
             container.metadata.name = "more";
             container.spec = a_cell("web", {"more"}).spec.containers[0];
             container.spec.realm_name = container.spec.space_name = container.spec.stack_name =
                 "default";
             container.spec.cell_name = "web";
             world.engine().create_container(container);
           },
       .running = {"default_default_web_app", "default_default_web_more",
                   "default_default_web_root", "default_default_web_side"}},
      {.name = "stop_of_a_container",
       .given = create_web,
       .when = [](World& world) { world.engine().stop_container(in_web("side")); },
       .running = {"default_default_web_app", "default_default_web_root"},
       .wanted = web_manifest},
      {.name = "start_of_a_container",
       .given =
           [](World& world) {
             create_web(world);
             world.engine().stop_container(in_web("side"));
           },
       .when = [](World& world) { world.engine().start_container(in_web("side")); },
       .running = all_of_web,
       .wanted = web_manifest},
      {.name = "delete_of_a_container",
       .given = create_web,
       .when =
           [](World& world) {
             const auto cell = world.engine().get_cell(web);
             if (model::find_container(cell->cell.spec, "side") != nullptr) {
               world.engine().delete_container(in_web("side"));
             }
           },
       .running = {"default_default_web_app", "default_default_web_root"}},
      {.name = "delete_of_a_stack",
       .given = create_web,
       .when =
           [](World& world) {
             const model::Path stack = web.up_to(model::Kind::stack);
             if (world.engine().get_stack(stack)) {
               world.engine().delete_stack(stack, {.cascade = Cascade::yes});
             }
           }},
      {.name = "delete_of_a_realm",
       .given = create_web,
       .when =
           [](World& world) {
             if (world.engine().get_realm("default")) {
               world.engine().delete_realm("default", {.cascade = Cascade::yes});
             }
           }},
      {.name = "restart_of_a_container",
       .given =
           [](World& world) {
             model::Cell cell = web_cell();
             cell.spec.containers[0].restart_policy = "always";
             apply_all(world, manifest({cell}));
             world.runtime().exit_task(World::ns, "default_default_web_app", 1);
           },
       .when = [](World&) {},
       .running = all_of_web,
       .by_itself = true},
      {.name = "reboot",
       .given =
           [](World& world) {
             create_web(world);
             world.reboot();
           },
       .when = [](World&) {},
       .running = all_of_web,
       .wanted = web_manifest,
       .by_itself = true},
      {.name = "end_of_a_root",
       .given =
           [](World& world) {
             model::Cell cell = web_cell();
             for (auto& container : cell.spec.containers) container.restart_policy = "on-failure";
             apply_all(world, manifest({cell}));
             world.runtime().exit_task(World::ns, "default_default_web_root", 137);
           },
       .when = [](World&) {},
       .running = all_of_web,
       .by_itself = true},
  };
  return all;
}

// Runs the operation of a scenario with a fault in it; answers the steps it took.
std::map<std::string, int> attempt(World& world, const Scenario& scenario,
                                   std::optional<Fault> fault, bool& dead) {
  std::optional<Saboteur> saboteur{std::in_place, fault};
  try {
    scenario.when(world);
    if (scenario.by_itself) {
      world.engine().start();
      EXPECT_TRUE(eventually([&] {
        return saboteur->dead() || (world.running() == scenario.running && world.unrest().empty());
      })) << world.unrest();
      world.engine().stop();
    }
  } catch (const Error& error) {
    EXPECT_TRUE(fault) << error.what();
  } catch (const Killed&) {
  }
  dead = saboteur->dead();
  auto counts = saboteur->counts();
  if (dead) world.close();  // while no step has an effect: nothing is undone
  saboteur.reset();
  if (dead) world.open();
  return counts;
}

class CrashMatrix : public ::testing::TestWithParam<Scenario> {};

TEST_P(CrashMatrix, ComesToRestWhateverGoesWrongWhere) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for namespaces and cgroups";
  const Scenario& scenario = GetParam();
  std::map<std::string, int> steps;
  {
    World world;
    scenario.given(world);
    bool dead = false;
    steps = attempt(world, scenario, {}, dead);
    ASSERT_EQ(world.running(), scenario.running);
    ASSERT_THAT(world.leftovers(), IsEmpty());
  }
  ASSERT_FALSE(steps.empty());
  int cases = 0;
  const char* const only = std::getenv("KUKEON_FAULT");  // as SCOPED_TRACE prints it
  for (const auto& [name, count] : steps) {
    for (int occurrence = 1; occurrence <= count; ++occurrence) {
      for (const Way way : ways) {
        const std::string what = fmt::format("{} #{} {}", name, occurrence, word_of(way));
        if (only != nullptr && what != only) continue;
        SCOPED_TRACE(what);
        ++cases;
        World world;
        scenario.given(world);
        bool dead = false;
        attempt(world, scenario, Fault{name, occurrence, way}, dead);
        world.engine().start();
        EXPECT_TRUE(eventually([&] { return world.unrest().empty(); })) << world.unrest();
        try {
          scenario.when(world);
        } catch (const Error& error) {
          ADD_FAILURE() << "repeated: " << error.what();
        }
        EXPECT_TRUE(eventually([&] {
          return world.running() == scenario.running && world.unrest().empty();
        })) << ::testing::PrintToString(world.running())
            << world.unrest();
        if (scenario.wanted) {
          // By itself it may have come to rest as Failed, which an apply mends.
          if (scenario.by_itself) apply_all(world, scenario.wanted(world));
          EXPECT_THAT(actions(world, scenario.wanted(world)), IsEmpty());
        }
        world.engine().stop();
        EXPECT_THAT(world.leftovers(), IsEmpty());
        if (HasFailure()) return;
      }
    }
  }
  RecordProperty("cases", cases);
  fmt::print("{}: {} steps, {} cases\n", scenario.name, steps.size(), cases);
}

INSTANTIATE_TEST_SUITE_P(Of, CrashMatrix, ::testing::ValuesIn(scenarios()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace kukeon::engine
