// SPDX-License-Identifier: Apache-2.0
// Every field of every document, from the field tables: what changing just that one is planned as,
// and what doing it touches. A new field is tested by being in its table.
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kukeon/reflect/diff.h"
#include "unit_with_fakes/planning_on_fakes.h"

namespace kukeon::engine {
namespace {

using reflect::Tag;
using reflect::Tags;
using Action = Change::Action;
using ::testing::IsEmpty;

// Makes a value another one. What no field can do without is put in by hand below.
template <class T>
void alter(T& value) {
  if constexpr (reflect::is_optional<T>) {
    if (!value) value.emplace();
    alter(*value);
  } else if constexpr (reflect::is_list<T>) {
    alter(value.emplace_back());
  } else if constexpr (reflect::is_map<T>) {
    value["x"] = {};
  } else if constexpr (std::is_same_v<T, bool>) {
    value = !value;
  } else if constexpr (std::is_same_v<T, std::string>) {
    value += "x";
  } else if constexpr (std::is_integral_v<T>) {
    value = static_cast<T>(value + 1);
  } else if constexpr (std::is_enum_v<T>) {
    value = static_cast<T>(static_cast<int>(value) + 1);
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    value = Timestamp::now();
  } else {
    static_assert(reflect::Described<T>);
    reflect::for_each_field<T>([&](const auto& row) { alter(value.*(row.member)); });
  }
}

template <class Root>
struct Leaf {
  std::string path;
  Tags tags;
  std::function<void(Root&)> change;
};

template <class T>
struct Unwrapped {
  using type = T;
};
template <class T>
struct Unwrapped<std::optional<T>> {
  using type = T;
};

// The fields of a struct and of the structs in it, as reflect::diff() sees them.
template <class Root, class T>
void add_leaves(const std::string& prefix, Tags inherited, const std::function<T&(Root&)>& get,
                std::vector<Leaf<Root>>& out) {
  reflect::for_each_field<T>([&](const auto& row) {
    if (row.tags.has(Tag::derived)) return;
    using Member = std::remove_cvref_t<decltype(std::declval<T&>().*(row.member))>;
    using Inner = typename Unwrapped<Member>::type;
    Tags tags = row.tags;
    if ((tags.bits & reflect::change_class_mask.bits) == 0) {
      tags.bits |= inherited.bits & reflect::change_class_mask.bits;
    }
    const std::string path =
        prefix.empty() ? std::string{row.name} : fmt::format("{}.{}", prefix, row.name);
    const auto member = row.member;
    if constexpr (reflect::Described<Inner>) {
      add_leaves<Root, Inner>(
          path, tags,
          [get, member](Root& root) -> Inner& {
            if constexpr (reflect::is_optional<Member>) {
              auto& value = get(root).*member;
              if (!value) value.emplace();
              return *value;
            } else {
              return get(root).*member;
            }
          },
          out);
    } else {
      out.push_back({path, tags, [get, member](Root& root) { alter(get(root).*member); }});
    }
  });
}

template <class T>
std::vector<Leaf<T>> leaves_of() {
  std::vector<Leaf<T>> out;
  add_leaves<T, T>(
      "", Tags{}, [](T& value) -> T& { return value; }, out);
  return out;
}

Effect expected_effect(Tags tags) {
  return effect_of({.path = {}, .tags = tags, .before = {}, .after = {}});
}

class EveryField : public PlanningOnFakes {
 protected:
  EveryField() { plain_cgroups_ = true; }  // where every limit there is can be set

  void SetUp() override {
    PlanningOnFakes::SetUp();
    if (IsSkipped()) return;
    file_ = (directory_->path() / "a-file").string();
    write_file_in_place(file_, "content");
    // Values that a container can start with; the others are taken as they come.
    by_hand_["image"] = [](model::ContainerSpec& spec) { spec.image = "busybox:2"; };
    by_hand_["user"] = [](model::ContainerSpec& spec) { spec.user = "app"; };
    by_hand_["env"] = [](model::ContainerSpec& spec) { spec.env = {"A=1"}; };
    by_hand_["workingDir"] = [](model::ContainerSpec& spec) { spec.working_dir = "/tmp"; };
    by_hand_["devices"] = [](model::ContainerSpec& spec) { spec.devices = {"/dev/null"}; };
    by_hand_["securityOpts"] = [](model::ContainerSpec& spec) {
      spec.security_opts = {"no-new-privileges=true"};
    };
    by_hand_["volumes"] = [this](model::ContainerSpec& spec) {
      auto& volume = spec.volumes.emplace_back();
      volume.source = file_;
      volume.target = "/x";
    };
    by_hand_["tmpfs"] = [](model::ContainerSpec& spec) { spec.tmpfs.emplace_back().path = "/x"; };
    by_hand_["secrets"] = [this](model::ContainerSpec& spec) {
      auto& secret = spec.secrets.emplace_back();
      secret.name = "token";
      secret.from_file = file_;
    };
    by_hand_["restartPolicy"] = [](model::ContainerSpec& spec) { spec.restart_policy = "always"; };
    by_hand_["capabilities.add"] = [](model::ContainerSpec& spec) {
      spec.capabilities.emplace().add = {"CAP_SYS_TIME"};
    };
    by_hand_["capabilities.drop"] = [](model::ContainerSpec& spec) {
      spec.capabilities.emplace().drop = {"CAP_CHOWN"};
    };
    by_hand_["resources.io.throttle"] = [](model::ContainerSpec& spec) {
      spec.resources.emplace().io.emplace().throttle.push_back(
          {.type = "rbps", .major = 8, .minor = 0, .rate = 4096});
    };
  }

  void change(const Leaf<model::ContainerSpec>& leaf, model::ContainerSpec& spec) {
    const auto at = by_hand_.find(leaf.path);
    at == by_hand_.end() ? leaf.change(spec) : at->second(spec);
  }

  void delete_web() {
    remove_interface_files();
    engine().delete_cell(path_of_cell("web"));
  }

  static std::set<std::string> changed(const std::map<std::string, std::uint32_t>& before,
                                       const std::map<std::string, std::uint32_t>& after) {
    std::set<std::string> out;
    for (const auto& [id, pid] : before) {
      if (!after.contains(id) || after.at(id) != pid) out.insert(id);
    }
    return out;
  }

  // What the containers of a cell with one changed field come to, by that field's class.
  void expect_execution(const std::vector<Document>& documents, Tags tags,
                        const std::set<std::string>& replaced) {
    const Plan planned = plan(documents);
    ASSERT_EQ(planned.changes.size(), 1U);
    const Change& change = planned.changes[0];
    std::vector<reflect::Difference> fields = change.fields;
    for (const ContainerChange& one : change.containers) {
      fields.insert(fields.end(), one.fields.begin(), one.fields.end());
    }
    ASSERT_FALSE(fields.empty()) << "the change is not seen";
    for (const reflect::Difference& field : fields) {
      EXPECT_EQ(word_of(effect_of(field)), word_of(expected_effect(tags))) << field.path;
    }
    const auto before = pids();
    const ApplyResult result = engine().execute(planned).at(0);
    const auto after = pids();
    if (expected_effect(tags) == Effect::refused) {
      EXPECT_EQ(result.action, "failed");
      EXPECT_THAT(changed(before, after), IsEmpty());
      return;
    }
    EXPECT_EQ(result.action, "updated") << result.error;
    EXPECT_EQ(after.size(), before.size());
    EXPECT_EQ(changed(before, after),
              expected_effect(tags) == Effect::live ? std::set<std::string>{} : replaced);
    EXPECT_EQ(plan(documents).changes[0].action, Change::Action::none) << "a second apply";
  }

  std::string file_;
  std::map<std::string, std::function<void(model::ContainerSpec&)>> by_hand_;
};

TEST_F(EveryField, OfAContainerReplacesThatContainerOrNothing) {
  int count = 0;
  for (const auto& leaf : leaves_of<model::ContainerSpec>()) {
    if (leaf.path == "id" || leaf.path == "root") continue;  // another container, another root
    SCOPED_TRACE(leaf.path);
    apply({a_cell("web", {"app", "side"})});
    model::Cell cell = a_cell("web", {"app", "side"});
    change(leaf, cell.spec.containers[0]);
    expect_execution({cell}, leaf.tags, {"default_default_web_app"});
    delete_web();
    if (HasFatalFailure()) return;
    ++count;
  }
  EXPECT_GT(count, 40);
}

TEST_F(EveryField, OfAContainerDocumentDoesWhatItDoesInItsCell) {
  for (const auto& leaf : leaves_of<model::ContainerSpec>()) {
    if (leaf.path == "id" || leaf.path == "root") continue;
    SCOPED_TRACE(leaf.path);
    apply({a_cell("web", {"app", "side"})});
    model::Container container = a_container("web", "app");
    change(leaf, container.spec);
    expect_execution({container}, leaf.tags, {"default_default_web_app"});
    delete_web();
    if (HasFatalFailure()) return;
  }
}

TEST_F(EveryField, OfTheRootRestartsTheOthersOnTheirFiles) {
  const auto with_root = [] {
    model::Cell cell = a_cell("web", {"main", "side"});
    cell.spec.containers[0].root = true;
    return cell;
  };
  for (const auto& leaf : leaves_of<model::ContainerSpec>()) {
    if (leaf.path == "id" || leaf.path == "root") continue;
    SCOPED_TRACE(leaf.path);
    apply({with_root()});
    model::Cell cell = with_root();
    change(leaf, cell.spec.containers[0]);
    const int snapshots = runtime_.calls("prepare_snapshot");
    expect_execution({cell}, leaf.tags, {"default_default_web_root", "default_default_web_side"});
    EXPECT_LE(runtime_.calls("prepare_snapshot"), snapshots + (leaf.path == "image" ? 1 : 0));
    delete_web();
    if (HasFatalFailure()) return;
  }
}

TEST_F(EveryField, OfACellTouchesItsContainersOnlyWhenTheRootIsAnother) {
  std::vector<Leaf<model::Cell>> leaves = leaves_of<model::Cell>();
  for (const auto& leaf : leaves) {
    // Those are its name, and the containers have tests of their own.
    if (leaf.path == "metadata.name" || leaf.path == "spec.realmId" ||
        leaf.path == "spec.spaceId" || leaf.path == "spec.stackId" ||
        leaf.path == "spec.containers") {
      continue;
    }
    SCOPED_TRACE(leaf.path);
    apply({a_cell("web", {"app", "side"})});
    make_limit_files();
    model::Cell cell = a_cell("web", {"app", "side"});
    if (leaf.path == "spec.rootContainerId") {
      cell.spec.root_container_id = "app";
      const auto before = pids();
      const Plan planned = plan({cell});
      EXPECT_TRUE(planned.changes[0].recreate_root);
      EXPECT_EQ(engine().execute(planned).at(0).action, "updated");
      EXPECT_THAT(pids(), ::testing::SizeIs(2));
      EXPECT_EQ(changed(before, pids()).size(), before.size());
    } else if (leaf.path == "spec.resources.io.throttle") {
      cell.spec.resources.emplace().io.emplace().throttle.push_back(
          {.type = "rbps", .major = 8, .minor = 0, .rate = 4096});
      expect_execution({cell}, leaf.tags, {});
    } else {
      leaf.change(cell);
      expect_execution({cell}, leaf.tags, {});
    }
    delete_web();
    if (HasFatalFailure()) return;
  }
}

TEST_F(EveryField, OfALayerTouchesNoContainer) {
  apply({a_cell("web")});
  make_limit_files();
  const auto before = pids();
  const auto check = [&]<class T>(const T& fresh) {
    for (const auto& leaf : leaves_of<T>()) {
      T value = fresh;
      leaf.change(value);
      if (value.path() != fresh.path()) continue;  // that is another object
      SCOPED_TRACE(fmt::format("{} {}", fresh.path().key(), leaf.path));
      if constexpr (std::is_same_v<T, model::Space>) {
        // Nothing here enforces a policy (require_enforceable).
        if (leaf.path == "spec.network.egress.allow") continue;
        if (leaf.path == "spec.network.egress.default") {
          value.spec.network->egress->default_action = "allow";
        }
      }
      if (leaf.path == "spec.resources.io.throttle") {
        value.spec.resources->io->throttle[0].type = "rbps";
      }
      const Plan planned = plan({value});
      const auto& fields = planned.changes[0].fields;
      const auto field = std::ranges::find(fields, leaf.path, &reflect::Difference::path);
      ASSERT_NE(field, fields.end()) << "the change is not seen";
      const Effect effect = effect_of(*field);
      EXPECT_EQ(word_of(effect), word_of(expected_effect(leaf.tags)));
      EXPECT_NE(effect, Effect::recreate) << "nothing here can be replaced";
      const auto result = engine().execute(planned).at(0);
      EXPECT_EQ(result.action, effect == Effect::refused ? "failed" : "updated") << result.error;
      EXPECT_EQ(plan({value}).changes[0].action,
                effect == Effect::refused ? Action::refuse : Action::none);
      apply({fresh});
      EXPECT_EQ(pids(), before);
    }
  };
  check(a_realm());
  check(a_space());
  check(a_stack());
}

}  // namespace
}  // namespace kukeon::engine
