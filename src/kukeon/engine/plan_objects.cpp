// SPDX-License-Identifier: Apache-2.0
// What a plan touches, by the names that everything on the host is derived from.
#include <algorithm>
#include <string>
#include <utility>

#include "kukeon/engine/plan.h"
#include "kukeon/model/defaults.h"
#include "kukeon/model/derive.h"

namespace kukeon::engine {
namespace {

using Action = Change::Action;

class ObjectsOf {
 public:
  explicit ObjectsOf(const HostNames& names) : names_{names} {}

  std::vector<Touch> operator()(const Change& change) {
    touched_.clear();
    if (change.action != Action::none && change.action != Action::refuse) {
      path_ = path_of(change.desired);
      std::visit([&](const auto& document) { list(document, change); }, change.desired);
    }
    return std::move(touched_);
  }

 private:
  void touch(std::string_view verb, std::string_view noun, std::string_view name) {
    touched_.push_back({verb, std::string{noun} + " " + std::string{name}});
  }

  static std::string_view verb_of(const Change& change) {
    switch (change.action) {
      case Action::create:
        return "create";
      case Action::remove:
        return "remove";
      case Action::restart:
        return "repair";
      default:
        return "change";
    }
  }

  std::string group() const { return model::cgroup_group(names_.cgroup_root, path_); }

  // The cgroup: made, removed, or given other limits.
  void list_group(const Change& change) {
    if (change.action != Action::update) return touch(verb_of(change), "cgroup", group());
    if (change.start && path_.kind() != model::Kind::cell) touch("repair", "cgroup", group());
    if (std::ranges::any_of(change.fields, [](const reflect::Difference& field) {
          return field.path.starts_with("spec.resources");
        })) {
      touch("change", "limits of cgroup", group());
    }
  }

  void list_document(const Change& change, const model::Path& path) {
    if (change.action != Action::restart) touch(verb_of(change), "document", path.key());
  }

  bool makes_host(const Change& change) const {
    return change.action != Action::update || change.start;
  }
  static std::string_view host_verb(const Change& change) {
    return change.action == Action::update ? "repair" : verb_of(change);
  }

  void list(const model::Realm& realm, const Change& change) {
    list_document(change, path_);
    if (makes_host(change)) {
      touch(host_verb(change), "containerd namespace", realm.spec.containerd_namespace);
    }
    list_group(change);
  }

  void list(const model::Space&, const Change& change) {
    list_document(change, path_);
    if (makes_host(change)) {
      touch(host_verb(change), "bridge",
            model::bridge_name(model::network_name(path_.realm, path_.space)));
    }
    list_group(change);
  }

  void list(const model::Stack&, const Change& change) {
    list_document(change, path_);
    list_group(change);
  }

  void list(const model::Cell& cell, const Change& change) {
    list_document(change, path_);
    const bool starts = change.action == Action::restart || change.start;
    if (change.action != Action::restart) list_group(change);
    const auto* root = model::root_of(cell.spec);
    const bool host_network = root != nullptr && root->host_network;
    if (!host_network && (change.action == Action::create || change.action == Action::remove)) {
      touch(verb_of(change), "namespaces and link of cell", path_.key());
    } else if (!host_network && (starts || change.recreate_root)) {
      touch("replace", "namespaces and link of cell", path_.key());
    }
    if (change.action == Action::create || change.action == Action::remove) {
      for (const model::ContainerSpec& spec : cell.spec.containers) {
        touch(verb_of(change), "container", spec.id);
      }
      return;
    }
    list_containers(change);
    if (!starts) return;
    for (const model::ContainerSpec& spec : cell.spec.containers) {
      if (std::ranges::none_of(change.containers, [&](const ContainerChange& one) {
            return one.id == spec.id && one.action != ContainerChange::Action::live;
          })) {
        touch("start", "container", spec.id);
      }
    }
  }

  void list(const model::Container& container, const Change& change) {
    model::Path cell = path_.up_to(model::Kind::cell);
    touch("change", "document", cell.key());
    if (change.action == Action::remove || change.containers.empty()) {
      touch(verb_of(change), "container", container.spec.id);
      return;
    }
    list_containers(change);
    if (change.start) touch("start", "cell", cell.key());
  }

  void list_containers(const Change& change) {
    for (const ContainerChange& one : change.containers) {
      switch (one.action) {
        case ContainerChange::Action::add:
          touch("create", "container", one.id);
          break;
        case ContainerChange::Action::remove:
          touch("remove", "container", one.id);
          break;
        case ContainerChange::Action::recreate:
          touch("replace", "container", one.id);
          break;
        case ContainerChange::Action::restart:
          touch("restart", "container", one.id);
          break;
        case ContainerChange::Action::live:
          break;
      }
    }
  }

  const HostNames& names_;
  model::Path path_;
  std::vector<Touch> touched_;
};

}  // namespace

void name_objects(Plan& plan, const HostNames& names) {
  ObjectsOf objects_of{names};
  for (Change& change : plan.changes) change.objects = objects_of(change);
}

}  // namespace kukeon::engine
