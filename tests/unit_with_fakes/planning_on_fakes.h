// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kukeon/reflect/json.h"
#include "unit_with_fakes/engine_on_fakes.h"

namespace kukeon::engine {

// For plans: a second image, documents in short, and the whole state as text. The cgroups may be
// plain directories, so that limits can be written on any host.
class PlanningOnFakes : public EngineOnFakes {
 protected:
  void SetUp() override {
    EngineOnFakes::SetUp();
    if (!IsSkipped()) engine().images().import_rootfs(ns, "busybox:2", rootfs_);
  }
  void TearDown() override {
    if (!engine_) return;
    runtime_.unblock();
    if (plain_cgroups_) remove_interface_files();
    EngineOnFakes::TearDown();
  }

  kernel::Cgroups make_cgroups() override {
    make_directories(cgroups(), 0755);
    if (!plain_cgroups_) return kernel::Cgroups{};
    write_file_in_place(cgroups() / "cgroup.controllers", "cpuset cpu io memory pids\n");
    write_file_in_place(cgroups() / "cgroup.events", "populated 0\n");
    return kernel::Cgroups{kernel::CgroupLayout{.v2 = cgroups(), .v1 = {}}};
  }
  std::unique_ptr<store::ShadowRenderer> make_renderer() override {
    return std::make_unique<NamesOnly>();
  }

  static model::Realm a_realm(const std::string& name = "default") {
    model::Realm realm;
    realm.metadata.name = name;
    return realm;
  }
  static model::Space a_space(const std::string& name = "default") {
    model::Space space;
    space.metadata.name = name;
    space.spec.realm_name = "default";
    return space;
  }
  static model::Stack a_stack(const std::string& name = "default") {
    model::Stack stack;
    stack.metadata.name = name;
    stack.spec.realm_name = stack.spec.space_name = "default";
    return stack;
  }
  static model::Container a_container(const std::string& cell, const std::string& id) {
    model::Container container;
    container.spec = a_cell(cell, {id}).spec.containers[0];
    container.metadata.name = id;
    container.spec.realm_name = container.spec.space_name = container.spec.stack_name = "default";
    container.spec.cell_name = cell;
    return container;
  }
  static model::Path path_of_cell(const std::string& name) {
    return {.realm = "default", .space = "default", .stack = "default", .cell = name};
  }
  static std::vector<Desired> in_order(const std::vector<Document>& documents) {
    std::vector<Desired> out;
    for (const Document& document : documents) {
      out.push_back({static_cast<int>(out.size()), document});
    }
    return out;
  }

  Plan plan(const std::vector<Document>& documents, PlanOptions options = {}) {
    return engine().plan(in_order(documents), std::move(options));
  }
  std::vector<ApplyResult> apply(const std::vector<Document>& documents, PlanOptions options = {}) {
    return engine().execute(plan(documents, std::move(options)));
  }

  // The kernel removes a group with its files; of a plain directory they are in the way.
  void remove_interface_files() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator{plain_root()}) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    for (const fs::path& file : files) fs::remove(file);
  }

  // The interface files that the kernel makes with every group.
  void make_limit_files() {
    std::vector<fs::path> groups;
    for (const auto& entry : fs::recursive_directory_iterator{plain_root()}) {
      if (entry.is_directory()) groups.push_back(entry.path());
    }
    groups.push_back(plain_root());
    for (const fs::path& group : groups) {
      for (const char* file : {"cpu.weight", "cpu.max", "cpuset.cpus", "cpuset.mems", "memory.min",
                               "memory.low", "memory.high", "memory.max", "memory.swap.max",
                               "io.weight", "io.bfq.weight", "io.max", "pids.max"}) {
        if (!fs::exists(group / file)) write_file_in_place(group / file, "");
      }
    }
  }

  std::map<std::string, std::uint32_t> pids() {
    std::map<std::string, std::uint32_t> out;
    for (const auto& task : runtime_.list_tasks(ns)) {
      if (task.state == runtime::TaskState::running) out[task.container_id] = task.pid;
    }
    return out;
  }

  // Everything on disk and everything in the runtime and the network, as text.
  std::map<std::string, std::string> whole_state() {
    std::map<std::string, std::string> state;
    for (const fs::path& top : {config_.run_path, config_.runtime_dir, cgroups()}) {
      for (const auto& entry : fs::recursive_directory_iterator{top}) {
        // A pinned namespace is a file without content that one could read.
        const bool pin = entry.path().string().starts_with((config_.runtime_dir / "ns").string());
        state[entry.path().string()] =
            entry.is_regular_file() && !pin ? read_file(entry.path(), std::size_t{64} << 20) : "";
      }
    }
    for (const std::string& object : engine().inventory()) state["inventory " + object];
    for (const std::string& object : runtime_.objects()) state["runtime " + object];
    for (const auto& [id, pid] : pids()) state["task " + id] = std::to_string(pid);
    return state;
  }

  fs::path cgroups() const { return directory_->path() / "cgroup"; }
  fs::path plain_root() const { return cgroups() / config_.cgroup_root.substr(1); }

  class NamesOnly : public store::ShadowRenderer {
   public:
    std::string render(const model::Realm& realm) const override { return text_of(realm); }
    std::string render(const model::Space& space) const override { return text_of(space); }
    std::string render(const model::Stack& stack) const override { return text_of(stack); }
    std::string render(const model::Cell& cell) const override { return text_of(cell); }

   private:
    template <class T>
    static std::string text_of(const T& value) {
      return reflect::to_json(value) + "\n";
    }
  };

  bool plain_cgroups_ = false;  // set before SetUp()
};

}  // namespace kukeon::engine
