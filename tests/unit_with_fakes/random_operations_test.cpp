// SPDX-License-Identifier: Apache-2.0
// Random operations on the engine and on a model of it that is simple enough to be right by
// inspection: both must say the same and come to the same. 100,000 of them in a run, from a seed
// that is printed; KUKEON_SEED repeats one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/json.h"
#include "unit_with_fakes/engine_on_fakes.h"

namespace kukeon::engine {
namespace {

using model::Kind;
using model::Path;

enum class Said { done, not_found, has_children, not_now };

std::string_view word_of(Said said) {
  constexpr std::array<std::string_view, 4> words{"done", "not found", "has children", "not now"};
  return words[static_cast<std::size_t>(said)];
}

struct CellModel {
  bool wanted = true;  // what the last verb of the whole cell asked for
  std::set<std::string> containers;
  std::set<std::string> halted;  // stopped on their own

  bool up() const {
    return wanted && (containers.empty() || !std::ranges::includes(halted, containers));
  }
  void start() {
    wanted = true;
    halted.clear();
  }
};

struct Model {
  std::set<Path> layers;
  std::map<Path, CellModel> cells;

  bool has_parents(const Path& path) const {
    for (Path at = path.parent(); !at.key().empty(); at = at.parent()) {
      if (!layers.contains(at)) return false;
    }
    return true;
  }
  void add_parents(const Path& path) {
    for (Path at = path.parent(); !at.key().empty(); at = at.parent()) layers.insert(at);
  }
  static bool below(const Path& path, const Path& top) {
    return path != top && path.up_to(top.kind()) == top;
  }
  bool has_children(const Path& path) const {
    const auto inside = [&](const Path& one) { return below(one, path); };
    return std::ranges::any_of(layers, inside) ||
           std::ranges::any_of(cells, [&](const auto& one) { return inside(one.first); });
  }
  void remove(const Path& path) {
    std::erase_if(layers, [&](const Path& one) { return one == path || below(one, path); });
    std::erase_if(cells, [&](const auto& one) { return below(one.first, path); });
  }
};

class RandomOperations : public EngineOnFakes, public ::testing::WithParamInterface<int> {
 protected:
  void SetUp() override {
    EngineOnFakes::SetUp();
    if (IsSkipped()) return;
    const char* const given = std::getenv("KUKEON_SEED");
    seed_ = given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                             : std::random_device{}();
    random_.seed(seed_);
    // Plain directories as groups, and the host's network: the kernel has no part in this.
    const fs::path groups = directory_->path() / "cgroup";
    make_directories(groups, 0755);
    write_file_in_place(groups / "cgroup.controllers", "\n");
    engine().teardown();
    cgroups_ = kernel::Cgroups{kernel::CgroupLayout{.v2 = groups, .v1 = {}}};
    reopen();
  }
  void TearDown() override {
    if (IsSkipped()) return;
    for (const auto& row : engine_->teardown()) EXPECT_EQ(row.error, "");
    EXPECT_THAT(runtime_.objects(), ::testing::IsEmpty());
    engine_.reset();
  }

  void reopen() {
    engine_.reset();
    store_.reset();
    store_ = std::make_unique<store::Store>(config_.run_path, std::make_unique<NoShadow>());
    engine_ = std::make_unique<Engine>(config_, *store_, runtime_, network_, nullptr, *cgroups_);
  }

  int below(int bound) { return std::uniform_int_distribution{0, bound - 1}(random_); }
  std::string one_of(const std::vector<std::string>& names) {
    return names[static_cast<std::size_t>(below(static_cast<int>(names.size())))];
  }
  Path a_path(Kind kind) {
    Path path{.realm = one_of({"r1", "r2"}),
              .space = one_of({"a", "b"}),
              .stack = one_of({"x", "y"}),
              .cell = one_of({"one", "two", "three"}),
              .container = one_of(ids_)};
    return kind == Kind::container ? path : path.up_to(kind);
  }
  model::ContainerSpec container_at(const Path& path) {
    model::ContainerSpec spec = a_cell("", {path.container}).spec.containers[0];
    spec.realm_name = path.realm;
    spec.space_name = path.space;
    spec.stack_name = path.stack;
    spec.cell_name = path.cell;
    spec.host_network = true;
    return spec;
  }
  model::Cell cell_at(const Path& path, const std::set<std::string>& ids) {
    model::Cell cell = a_cell(path.cell, {ids.begin(), ids.end()});
    cell.spec.realm_name = path.realm;
    cell.spec.space_name = path.space;
    cell.spec.stack_name = path.stack;
    for (auto& container : cell.spec.containers) container.host_network = true;
    return cell;
  }
  std::set<std::string> some_ids() {
    std::set<std::string> ids{one_of(ids_)};
    for (const std::string& id : ids_) {
      if (below(2) == 0) ids.insert(id);
    }
    return ids;
  }

  static Said said_by(const std::function<void()>& call) {
    try {
      call();
      return Said::done;
    } catch (const Error& error) {
      if (error.is(kinds::resource_has_dependencies)) return Said::has_children;
      if (error.is(kinds::failed_precondition)) return Said::not_now;
      if (std::string_view{error.kind().word}.ends_with("NotFound")) return Said::not_found;
      throw;
    }
  }
  void expect(const std::string& what, Said expected, const std::function<void()>& call) {
    recent_.push_back(what);
    if (recent_.size() > 1000) recent_.pop_front();
    const Said said = said_by(call);
    if (said != expected)
      suspect_ = split(split(what, ' ').at(1), '/').size() > 4
                     ? what.substr(what.find(' ') + 1, what.rfind('/') - what.find(' ') - 1)
                     : split(what, ' ').at(1);
    EXPECT_EQ(word_of(said), word_of(expected)) << what;
  }

  // The recent operations on a cell, on what holds it, and on the daemon.
  std::string history_of(const std::string& cell) const {
    std::string out;
    for (const std::string& what : recent_) {
      const auto words = split(what, ' ');
      const bool about = words.at(1).starts_with(cell) || cell.starts_with(words.at(1));
      if (about || what == "a new daemon") out += what + "\n";
    }
    for (const auto& one : engine_->list_cells({})) {
      if (one.path().key() == cell) out += reflect::to_json(one) + "\n";
    }
    return out;
  }

  void take_a_step();
  void make_layer();
  void remove_layer();
  void work_on_a_cell();
  void work_on_a_container();
  void compare();

  const std::vector<std::string> ids_{"app", "more", "side"};
  std::uint32_t seed_ = 0;
  std::mt19937 random_;
  std::optional<kernel::Cgroups> cgroups_;
  Model model_;
  std::deque<std::string> recent_;
  std::string suspect_;
};

void RandomOperations::make_layer() {
  const Kind kind =
      std::array{Kind::realm, Kind::space, Kind::stack}[static_cast<std::size_t>(below(3))];
  const Path path = a_path(kind);
  const Said expected = model_.has_parents(path) ? Said::done : Said::not_found;
  expect("create " + path.key(), expected, [&] {
    if (kind == Kind::realm) {
      model::Realm realm;
      realm.metadata.name = path.realm;
      engine().create_realm(realm);
      engine().images().import_rootfs(engine().namespace_of(path.realm), "busybox", rootfs_);
    } else if (kind == Kind::space) {
      model::Space space;
      space.metadata.name = path.space;
      space.spec.realm_name = path.realm;
      engine().create_space(space);
    } else {
      model::Stack stack;
      stack.metadata.name = path.stack;
      stack.spec.realm_name = path.realm;
      stack.spec.space_name = path.space;
      engine().create_stack(stack);
    }
  });
  if (expected == Said::done) model_.layers.insert(path);
}

void RandomOperations::remove_layer() {
  const Kind kind =
      std::array{Kind::realm, Kind::space, Kind::stack}[static_cast<std::size_t>(below(3))];
  const Path path = a_path(kind);
  const int how = below(4);
  const DeleteOptions options{.cascade = how == 0 ? Cascade::yes : Cascade::no,
                              .force = how == 1 ? Force::yes : Force::no};
  Said expected = Said::done;
  if (!model_.layers.contains(path)) {
    expected = Said::not_found;
  } else if (how > 1 && model_.has_children(path)) {
    expected = Said::has_children;
  }
  expect(fmt::format("delete {} {}", path.key(), how), expected, [&] {
    if (kind == Kind::realm) {
      engine().delete_realm(path.realm, options);
    } else if (kind == Kind::space) {
      engine().delete_space(path, options);
    } else {
      engine().delete_stack(path, options);
    }
  });
  if (expected == Said::done) model_.remove(path);
}

void RandomOperations::work_on_a_cell() {
  const Path path = a_path(Kind::cell);
  const auto at = model_.cells.find(path);
  const bool there = at != model_.cells.end();
  switch (below(6)) {
    case 0: {
      const auto ids = some_ids();
      const bool possible = there || model_.has_parents(path);
      expect(fmt::format("create {} {}", path.key(), fmt::join(ids, ",")),
             possible ? Said::done : Said::not_found,
             [&] { engine().create_cell(cell_at(path, ids)); });
      if (there && !at->second.up()) at->second.start();
      if (!there && possible) model_.cells[path].containers = ids;
      break;
    }
    case 1:
      expect("start " + path.key(),
             !there            ? Said::not_found
             : at->second.up() ? Said::not_now
                               : Said::done,
             [&] { engine().start_cell(path); });
      if (there && !at->second.up()) at->second.start();
      break;
    case 2:
    case 3: {
      const bool kill = below(2) == 0;
      expect((kill ? "kill " : "stop ") + path.key(), there ? Said::done : Said::not_found,
             [&] { kill ? engine().kill_cell(path) : engine().stop_cell(path); });
      if (there) at->second.wanted = false;
      break;
    }
    case 4:
      expect("delete " + path.key(), there ? Said::done : Said::not_found,
             [&] { engine().delete_cell(path); });
      model_.cells.erase(path);
      break;
    default: {
      // Where its realm is new, there is no image in it yet.
      if (!model_.layers.contains(path.up_to(Kind::realm))) return;
      const auto ids = some_ids();
      expect(fmt::format("apply {} {}", path.key(), fmt::join(ids, ",")), Said::done, [&] {
        const auto results =
            engine().execute(engine().plan({{.index = 0, .document = cell_at(path, ids)}}));
        EXPECT_EQ(results.at(0).error, "") << path.key();
      });
      model_.add_parents(path);
      CellModel& cell = model_.cells[path];
      if (there && !cell.up()) cell.start();
      cell.wanted = true;
      std::erase_if(cell.halted, [&](const std::string& id) { return !ids.contains(id); });
      cell.containers = ids;
      // What was left may be nothing but halted ones: then all are started.
      if (!cell.up()) cell.start();
    }
  }
}

void RandomOperations::work_on_a_container() {
  const Path path = a_path(Kind::container);
  const auto at = model_.cells.find(path.up_to(Kind::cell));
  const bool cell_there = at != model_.cells.end();
  const bool there = cell_there && at->second.containers.contains(path.container);
  const Said usual = there ? Said::done : Said::not_found;
  switch (below(5)) {
    case 0:
      expect("start " + path.key(), there && !at->second.wanted ? Said::not_now : usual,
             [&] { engine().start_container(path); });
      if (there && at->second.wanted) at->second.halted.erase(path.container);
      break;
    case 1:
    case 2: {
      const bool kill = below(2) == 0;
      expect((kill ? "kill " : "stop ") + path.key(), usual,
             [&] { kill ? engine().kill_container(path) : engine().stop_container(path); });
      if (there) at->second.halted.insert(path.container);
      break;
    }
    case 3:
      expect("delete " + path.key(), usual, [&] { engine().delete_container(path); });
      if (there) {
        at->second.containers.erase(path.container);
        at->second.halted.erase(path.container);
      }
      break;
    default:
      expect("create " + path.key(), cell_there ? Said::done : Said::not_found, [&] {
        model::Container container;
        container.metadata.name = path.container;
        container.spec = container_at(path);
        engine().create_container(container);
      });
      if (cell_there) {
        at->second.containers.insert(path.container);
        if (at->second.wanted) at->second.halted.erase(path.container);
      }
  }
}

void RandomOperations::take_a_step() {
  const int choice = below(100);
  if (choice < 12) return make_layer();
  if (choice < 15) return remove_layer();
  if (choice < 55) return work_on_a_cell();
  if (choice < 99) return work_on_a_container();
  recent_.push_back("a new daemon");
  reopen();
}

void RandomOperations::compare() {
  std::set<Path> layers;
  for (const auto& realm : engine().list_realms()) layers.insert(realm.path());
  for (const auto& space : engine().list_spaces({})) layers.insert(space.path());
  for (const auto& stack : engine().list_stacks({})) layers.insert(stack.path());
  EXPECT_EQ(layers, model_.layers);

  std::set<std::string> expected;
  std::set<std::string> running;
  for (const auto& cell : engine().list_cells({})) {
    const auto at = model_.cells.find(cell.path());
    if (at == model_.cells.end()) {
      ADD_FAILURE() << cell.path().key() << " should not be there";
      continue;
    }
    std::set<std::string> ids;
    for (const auto& container : cell.spec.containers) {
      if (!model::is_root(cell.spec, container)) ids.insert(container.id);
    }
    EXPECT_EQ(ids, at->second.containers) << cell.path().key();
    EXPECT_EQ(cell.status.state,
              at->second.up() ? model::CellState::ready : model::CellState::stopped)
        << cell.path().key() << " " << cell.status.message;
    if (HasFailure() && suspect_.empty()) suspect_ = cell.path().key();
  }
  EXPECT_EQ(engine().list_cells({}).size(), model_.cells.size());
  for (const auto& [path, cell] : model_.cells) {
    if (!cell.wanted) continue;
    const auto name = [&](const std::string& id) {
      return fmt::format("{}/{}_{}_{}_{}", path.realm, path.space, path.stack, path.cell, id);
    };
    expected.insert(name("root"));
    for (const std::string& id : cell.containers) {
      if (!cell.halted.contains(id)) expected.insert(name(id));
    }
  }
  for (const char* realm : {"r1", "r2"}) {
    for (const auto& task : runtime_.list_tasks(fmt::format("{}.kukeon.io", realm))) {
      if (task.state == runtime::TaskState::running) {
        running.insert(fmt::format("{}/{}", realm, task.container_id));
      }
    }
  }
  EXPECT_EQ(running, expected);
}

TEST_P(RandomOperations, EngineAndModelSayAndDoTheSame) {
  constexpr int steps = 25'000;  // four instances: 100,000
  constexpr int between = 50;
  fmt::print("seed {}\n", seed_);
  for (int i = 1; i <= steps; ++i) {
    try {
      take_a_step();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    if (i % between == 0) compare();
    if (HasFailure()) {
      FAIL() << "KUKEON_SEED=" << seed_ << ", step " << i << ", after\n" << history_of(suspect_);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, RandomOperations, ::testing::Range(1, 5));

}  // namespace
}  // namespace kukeon::engine
