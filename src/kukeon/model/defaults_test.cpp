// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/defaults.h"

#include <gtest/gtest.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/reflect/json.h"

namespace kukeon::model {
namespace {

ContainerResources limited_to(std::int64_t memory_bytes) {
  ContainerResources resources;
  resources.memory_limit_bytes = memory_bytes;
  return resources;
}

Space space_with_defaults() {
  Space space;
  space.spec.defaults =
      SpaceDefaults{.container = SpaceContainerDefaults{
                        .user = "1000",
                        .read_only_root_filesystem = true,
                        .capabilities = ContainerCapabilities{.drop = {"ALL"}, .add = {}},
                        .security_opts = {"no-new-privileges"},
                        .tmpfs = {{.path = "/tmp", .size_bytes = 0, .options = {}}},
                        .resources = limited_to(64),
                    }};
  return space;
}

Cell a_cell(std::vector<ContainerSpec> containers) {
  Cell cell;
  cell.metadata.name = "web";
  cell.spec.realm_name = "r";
  cell.spec.space_name = "s";
  cell.spec.stack_name = "t";
  cell.spec.containers = std::move(containers);
  fill_in(cell);
  return cell;
}

ContainerSpec container(std::string id) {
  ContainerSpec spec;
  spec.id = std::move(id);
  spec.image = "busybox";
  return spec;
}

TEST(SpaceDefaults, FillWhatAContainerLeavesUnset) {
  ContainerSpec spec = container("app");
  apply_space_defaults_to_container(space_with_defaults(), spec);
  EXPECT_EQ(spec.user, "1000");
  EXPECT_TRUE(spec.read_only_root_filesystem);
  ASSERT_TRUE(spec.capabilities);
  EXPECT_EQ(spec.capabilities->drop, reflect::StringList{"ALL"});
  EXPECT_EQ(spec.security_opts.size(), 1U);
  EXPECT_EQ(spec.tmpfs.at(0).path, "/tmp");
  EXPECT_EQ(spec.resources.value().memory_limit_bytes, 64);

  const ContainerSpec once = spec;
  apply_space_defaults_to_container(space_with_defaults(), spec);
  EXPECT_EQ(spec, once);
}

TEST(SpaceDefaults, GiveWayToASetFieldAsAWhole) {
  ContainerSpec spec = container("app");
  spec.user = "0";
  spec.capabilities = ContainerCapabilities{};  // empty, yet set
  spec.resources = ContainerResources{};
  spec.tmpfs = {{.path = "/run", .size_bytes = 0, .options = {}}};
  apply_space_defaults_to_container(space_with_defaults(), spec);
  EXPECT_EQ(spec.user, "0");
  EXPECT_TRUE(spec.capabilities->drop.empty());
  EXPECT_FALSE(spec.resources->memory_limit_bytes);
  EXPECT_EQ(spec.tmpfs.size(), 1U);
}

TEST(SpaceDefaults, NeverTurnOffAReadOnlyRoot) {
  Space space = space_with_defaults();
  space.spec.defaults->container->read_only_root_filesystem = false;
  ContainerSpec spec = container("app");
  spec.read_only_root_filesystem = true;
  apply_space_defaults_to_container(space, spec);
  EXPECT_TRUE(spec.read_only_root_filesystem);
}

TEST(SpaceDefaults, LeaveADefaultRootAlone) {
  ContainerSpec root = default_root_container("r", "s", "t", "web", "web");
  const ContainerSpec before = root;
  apply_space_defaults_to_container(space_with_defaults(), root);
  EXPECT_EQ(root, before);
}

TEST(FillIn, TellsContainersTheirParents) {
  const Cell cell = a_cell({container(" app ")});
  EXPECT_EQ(cell.spec.id, "web");
  EXPECT_EQ(cell.spec.containers[0].path().key(), "r/s/t/web/app");
}

TEST(FillIn, KeepsARealmsOwnNamespace) {
  Realm realm;
  realm.metadata.name = "prod";
  fill_in(realm, "example.org");
  EXPECT_EQ(realm.spec.containerd_namespace, "prod.example.org");
  fill_in(realm);
  EXPECT_EQ(realm.spec.containerd_namespace, "prod.example.org");
}

TEST(InjectLabels, AddsOnlyAbsentKeys) {
  Cell cell = a_cell({});
  cell.metadata.labels["realm.kukeon.io"] = "mine";
  inject_labels(cell);
  EXPECT_EQ(reflect::to_json(cell.metadata.labels),
            R"({"cell.kukeon.io":"web","realm.kukeon.io":"mine","space.kukeon.io":"s",)"
            R"("stack.kukeon.io":"t"})");

  Realm realm;
  realm.metadata.name = "default";
  fill_in(realm);
  inject_labels(realm);
  EXPECT_EQ(realm.metadata.labels.at("realm.kukeon.io"), "default.kukeon.io");
}

TEST(ResolveRoot, AddsADefaultRootThatPauses) {
  Cell cell = a_cell({container("app")});
  resolve_root(cell);
  ASSERT_EQ(cell.spec.containers.size(), 2U);
  const ContainerSpec& root = cell.spec.containers[1];
  EXPECT_EQ(root.containerd_id, "s_t_web_root");
  EXPECT_EQ(root.command, "/.kukeon/bin/kukepause");
  EXPECT_TRUE(root.args.is_null());
  EXPECT_TRUE(is_default_root(root));
  EXPECT_EQ(cell.spec.root_container_id, "root");

  const Cell once = cell;
  resolve_root(cell);
  EXPECT_EQ(cell, once);
}

TEST(ResolveRoot, TakesTheFlaggedContainer) {
  Cell cell = a_cell({container("app"), container("infra")});
  cell.spec.containers[1].root = true;
  resolve_root(cell);
  EXPECT_EQ(cell.spec.root_container_id, "infra");
  EXPECT_EQ(cell.spec.containers.size(), 2U);
}

TEST(ResolveRoot, LetsADefaultRootFollowItsCellToTheHostsNetwork) {
  Cell cell = a_cell({container("app")});
  cell.spec.containers[0].host_network = true;
  resolve_root(cell);
  EXPECT_TRUE(cell.spec.containers[1].host_network);
}

TEST(ResolveRoot, RefusesARootThatStaysBehindItsCell) {
  Cell cell = a_cell({container("app"), container("infra")});
  cell.spec.root_container_id = "infra";
  cell.spec.containers[0].host_network = true;
  EXPECT_THROW(resolve_root(cell), Error);
}

TEST(ResolveRoot, RefusesDeclarationsThatDisagree) {
  Cell cell = a_cell({container("app")});
  cell.spec.root_container_id = "x";
  try {
    resolve_root(cell);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::conversion_failed));
    EXPECT_EQ(error.message(), R"(rootContainerId "x" not found in containers array)");
  }
}

}  // namespace
}  // namespace kukeon::model
