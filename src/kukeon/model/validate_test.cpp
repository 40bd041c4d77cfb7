// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/validate.h"

#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/model/defaults.h"

namespace kukeon::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> texts(const Problems& problems) {
  std::vector<std::string> out;
  for (const auto& problem : problems) out.push_back(problem.to_string());
  return out;
}

Cell a_cell() {
  Cell cell;
  cell.metadata.name = "web";
  cell.spec.realm_name = "default";
  cell.spec.space_name = "default";
  cell.spec.stack_name = "default";
  ContainerSpec app;
  app.id = "app";
  app.image = "busybox";
  cell.spec.containers.push_back(app);
  return cell;
}

TEST(Validate, FindsNothingWrongWithAPlainCell) {
  Cell cell = a_cell();
  EXPECT_THAT(texts(validate(cell)), IsEmpty());
  fill_in(cell);
  resolve_root(cell);
  EXPECT_THAT(texts(validate(cell)), IsEmpty());
}

TEST(Validate, ReportsEveryMissingFieldAtOnce) {
  EXPECT_THAT(texts(validate(Realm{})), ElementsAre("metadata.name is required"));
  EXPECT_THAT(texts(validate(Space{})),
              ElementsAre("metadata.name is required", "spec.realmId is required"));
  EXPECT_THAT(texts(validate(Stack{})),
              ElementsAre("metadata.name is required", "spec.realmId is required",
                          "spec.spaceId is required"));
  EXPECT_THAT(texts(validate(Cell{})),
              ElementsAre("metadata.name is required", "spec.realmId is required",
                          "spec.spaceId is required", "spec.stackId is required",
                          "spec.containers is required and cannot be empty"));
  EXPECT_THAT(texts(validate(Container{})),
              ElementsAre("metadata.name is required", "spec.realmId is required",
                          "spec.spaceId is required", "spec.stackId is required",
                          "spec.cellId is required", "spec.image is required"));
}

TEST(Validate, NamesTheFieldOfABadName) {
  Cell cell = a_cell();
  cell.metadata.name = "a/b";
  cell.spec.space_name = "..";
  EXPECT_THAT(
      texts(validate(cell)),
      ElementsAre("metadata.name: name is invalid: cell name \"a/b\" contains disallowed "
                  "character (must not contain '_' or '/')",
                  "spec.spaceId: name is invalid: space name \"..\" must not start with '.'"));
}

TEST(Validate, WantsANameAndAnImageForEachContainer) {
  Cell cell = a_cell();
  cell.spec.containers.push_back({});
  cell.spec.containers.push_back(cell.spec.containers[0]);
  EXPECT_THAT(
      texts(validate(cell)),
      ElementsAre("spec.containers[1].id: name is invalid: container name is required",
                  "spec.containers[1].image is required",
                  R"(spec.containers[2].id: container name "app" is used twice in this cell)"));
}

TEST(Validate, KeepsTheNameRootForTheRoot) {
  Cell cell = a_cell();
  cell.spec.containers[0].id = "root";
  EXPECT_THAT(texts(validate(cell)),
              ElementsAre(HasSubstr("belongs to the cell's root container")));
  cell.spec.containers[0].root = true;
  EXPECT_THAT(texts(validate(cell)), IsEmpty());
}

TEST(Validate, RefusesIdsThatContainerdWouldRefuse) {
  Cell cell = a_cell();
  cell.metadata.name = std::string(80, 'c');
  EXPECT_THAT(texts(validate(cell)), ElementsAre(HasSubstr("containerd takes at most 76")));
  cell.metadata.name = "a--b";
  EXPECT_THAT(texts(validate(cell)),
              ElementsAre(HasSubstr("containerd does not take container id")));
  Realm realm;
  realm.metadata.name = "prod-";
  EXPECT_THAT(texts(validate(realm)), ElementsAre(HasSubstr("containerd does not take namespace")));
}

TEST(Validate, JudgesVolumesWithTheWordsOfTheContract) {
  Cell cell = a_cell();
  auto& volumes = cell.spec.containers[0].volumes;
  const auto volume = [&](std::string kind, std::string source, std::string target) {
    volumes.push_back(
        {.kind = std::move(kind), .source = std::move(source), .target = std::move(target)});
  };
  volume("", "/data", "");
  volume("bind", "/data", "data");
  volume("", "", "/a");
  volume("", "data", "/a");
  volume("", "./data", "/a");
  volume("tmpfs", "/x", "/a");
  volume("nfs", "/x", "/a");
  volume("", " /data ", " /a ");
  volume("tmpfs", "", "/a");
  const std::string at = "spec.containers[0].volumes";
  EXPECT_THAT(
      texts(validate(cell)),
      ElementsAre(
          at + "[0].target: volume target is required (volume[0])",
          at +
              R"([1].target: volume target must be an absolute container path (volume[1] target "data"))",
          at + "[2].source: volume source is required (volume[2])",
          at +
              R"([3].source: named or managed volumes are not supported; use an absolute host path as )"
              R"(source (volume[3] source "data"))",
          at +
              R"([4].source: volume source must be an absolute host path (volume[4] source "./data"))",
          at +
              R"([5].source: tmpfs volume must not set a source; tmpfs is in-memory and has no host )"
              R"(backing (volume[5] source "/x"))",
          at + R"([6].kind: volume kind is not recognized; expected "", "bind", or "tmpfs" )"
               R"((volume[6] kind "nfs"))"));
}

TEST(Validate, RefusesANulInAPath) {
  Cell cell = a_cell();
  cell.spec.containers[0].volumes = {
      {.kind = "", .source = std::string("/a\0b", 4), .target = std::string("/c\0", 3)}};
  EXPECT_THAT(texts(validate(cell)),
              ElementsAre(HasSubstr("absolute container path"), HasSubstr("absolute host path")));
}

TEST(Validate, JudgesSecretsWithTheWordsOfTheContract) {
  Container container;
  container.metadata.name = "app";
  container.spec = a_cell().spec.containers[0];
  container.spec.realm_name = container.spec.space_name = container.spec.stack_name =
      container.spec.cell_name = "default";
  auto& secrets = container.spec.secrets;
  const auto secret = [&](std::string name, std::string file, std::string env, std::string mount) {
    secrets.push_back({.name = std::move(name),
                       .from_file = std::move(file),
                       .from_env = std::move(env),
                       .mount_path = std::move(mount)});
  };
  secret("", "/f", "", "");
  secret("n", "", "", "");
  secret("n", "/f", "E", "");
  secret("n", "/f", "", "rel");
  secret("../n", "/f", "", "");
  secret("OK", "", "E", "/run/ok");
  EXPECT_THAT(
      texts(validate(container)),
      ElementsAre(
          "spec.secrets[0].name: secret name is required (secrets[0])",
          R"(spec.secrets[1]: secret requires exactly one of fromFile or fromEnv (secrets[1] "n"))",
          R"(spec.secrets[2]: secret must not set both fromFile and fromEnv (secrets[2] "n"))",
          R"(spec.secrets[3].mountPath: secret mountPath must be an absolute container path )"
          R"((secrets[3] "n"))",
          R"(spec.secrets[4].name: secret name must be a plain file name (secrets[4] "../n"))"));
}

TEST(Devices, ArePathsWithAPlaceAndAnAccess) {
  const auto is = [](const char* text, DeviceMapping want) {
    EXPECT_EQ(parse_device(text), want) << text;
  };
  is("/dev/fuse", {"/dev/fuse", "/dev/fuse", "rwm"});
  is("/dev/sda:r", {"/dev/sda", "/dev/sda", "r"});
  is("/dev/sda:/dev/disk", {"/dev/sda", "/dev/disk", "rwm"});
  is("/dev/sda:/dev/disk:mw", {"/dev/sda", "/dev/disk", "mw"});
}

TEST(Devices, AreRefusedWithTheReason) {
  for (const auto& [text, reason] : std::vector<std::pair<std::string, std::string>>{
           {"", "must have absolute paths"},
           {"dev/fuse", "must have absolute paths"},
           {"/dev/fuse:fuse", "must have absolute paths"},
           {"/dev/fuse:rr", "must have absolute paths"},
           {"/dev/", "must have absolute paths"},
           {"/dev/../etc/x", "must not have .. in a path"},
           {"/dev/a:/dev/b:rwx", "has the access \"rwx\"; want some of r, w and m"},
           {"/dev/a:/dev/b:", "has the access \"\"; want some of r, w and m"},
           {"/dev/a:/dev/b:r:w", "is not path[:path in the container][:rwm]"}}) {
    Cell cell = a_cell();
    cell.spec.containers[0].devices = {text};
    EXPECT_THAT(
        texts(validate(cell)),
        ElementsAre(testing::AllOf(testing::StartsWith("spec.containers[0].devices[0]: device"),
                                   HasSubstr(reason))))
        << text;
  }
}

TEST(Devices, HaveOnePlaceEachAndABound) {
  Cell cell = a_cell();
  cell.spec.containers[0].devices = {"/dev/a", "/dev/b:/dev/a", "/dev/a:/dev/b"};
  EXPECT_THAT(texts(validate(cell)), ElementsAre(R"(spec.containers[0].devices[1]: device path )"
                                                 R"("/dev/a" is used twice)"));
  cell.spec.containers[0].devices = std::vector<std::string>(257, "/dev/a");
  EXPECT_THAT(texts(validate(cell)),
              ElementsAre("spec.containers[0].devices: has more than 256 entries"));
}

TEST(Validate, WantsAnAttachableContainerForATerminal) {
  Cell cell = a_cell();
  cell.spec.containers[0].tty = ContainerTty{.prompt = "> ", .on_init = {}, .log_file = ""};
  cell.spec.tty = CellTty{.default_container = "app"};
  EXPECT_THAT(
      texts(validate(cell)),
      ElementsAre(
          R"(spec.containers[0].tty: container "app": tty fields require attachable: true)",
          R"(spec.tty.default: cell tty.default "app" references container that is not attachable)"));
  cell.spec.tty->default_container = "x";
  cell.spec.containers[0].attachable = true;
  EXPECT_THAT(
      texts(validate(cell)),
      ElementsAre(
          R"(spec.tty.default: cell tty.default "x" does not match any container in this cell)"));
}

TEST(Validate, TakesAnEmptyTerminalBlockForNone) {
  Cell cell = a_cell();
  cell.spec.containers[0].tty =
      ContainerTty{.prompt = "", .on_init = {{.script = ""}}, .log_file = ""};
  EXPECT_THAT(texts(validate(cell)), IsEmpty());
}

TEST(Validate, AllowsOneRoot) {
  Cell cell = a_cell();
  cell.spec.containers[0].root = true;
  cell.spec.containers.push_back(cell.spec.containers[0]);
  cell.spec.containers[1].id = "b";
  EXPECT_THAT(
      texts(validate(cell)),
      ElementsAre("spec.containers: only one container in a cell may have root: true: [app b]"));
  cell.spec.containers[1].root = false;
  cell.spec.root_container_id = "b";
  EXPECT_THAT(texts(validate(cell)),
              ElementsAre("spec.rootContainerId: rootContainerId disagrees with container marked "
                          "root: true: rootContainerId is "
                          "\"b\" but container \"app\" has root: true"));
}

TEST(Validate, JudgesRestartSettings) {
  const auto problems = [](std::string policy, std::optional<std::int64_t> seconds,
                           std::optional<std::int64_t> retries) {
    Cell cell = a_cell();
    ContainerSpec& app = cell.spec.containers[0];
    app.restart_policy = std::move(policy);
    app.restart_backoff_seconds = seconds;
    app.restart_max_retries = retries;
    return texts(validate(cell));
  };
  EXPECT_THAT(problems("always", 0, {}), IsEmpty());
  EXPECT_THAT(problems("on-failure", 30, 1), IsEmpty());
  // What the reference keeps and never looks at stays no error.
  EXPECT_THAT(problems("unless-stopped", {}, {}), IsEmpty());
  EXPECT_THAT(
      problems("never", -1, {}),
      ElementsAre("spec.containers[0].restartBackoffSeconds: must be 0 or more, not -1",
                  "spec.containers[0].restartBackoffSeconds: needs restartPolicy: always or "
                  "on-failure"));
  EXPECT_THAT(problems("always", {}, 0),
              ElementsAre("spec.containers[0].restartMaxRetries: must be 1 or more, not 0",
                          "spec.containers[0].restartMaxRetries: needs restartPolicy: on-failure"));
}

TEST(Validate, JudgesTheLimitsOfEveryLayer) {
  const CgroupResources bad{.cpu = {}, .memory = {}, .io = {}, .pids = PidsResources{.max = -5}};
  constexpr auto text = "must be 0 or more, or -1 for no limit, not -5";
  const auto layer = [&](auto value) {
    value.spec.resources = bad;
    std::vector<std::string> out = texts(validate(value));
    std::erase_if(out, [](const std::string& line) { return line.ends_with("is required"); });
    return out;
  };
  const std::string expected = fmt::format("spec.resources.pids.max: {}", text);
  EXPECT_THAT(layer(Realm{}), ElementsAre(expected));
  EXPECT_THAT(layer(Space{}), ElementsAre(expected));
  EXPECT_THAT(layer(Stack{}), ElementsAre(expected));
  EXPECT_THAT(layer(a_cell()), ElementsAre(expected));

  Cell cell = a_cell();
  cell.spec.containers[0].resources.emplace().pids = bad.pids;
  EXPECT_THAT(texts(validate(cell)),
              ElementsAre(fmt::format("spec.containers[0].resources.pids.max: {}", text)));
  Space space;
  space.metadata.name = "s";
  space.spec.realm_name = "r";
  space.spec.defaults.emplace().container.emplace().resources.emplace().pids = bad.pids;
  EXPECT_THAT(texts(validate(space)),
              ElementsAre(fmt::format("spec.defaults.container.resources.pids.max: {}", text)));
}

TEST(Validate, JudgesEgressRules) {
  EgressPolicy policy{.default_action = " DENY ", .allow = {}};
  EXPECT_TRUE(policy.denies());
  EXPECT_THAT(validate_egress(policy), IsEmpty());
  policy.default_action = "drop";
  const auto rule = [&](std::string host, std::string cidr, std::vector<std::int64_t> ports) {
    policy.allow.push_back(
        {.host = std::move(host), .cidr = std::move(cidr), .ports = std::move(ports)});
  };
  rule("", "", {});
  rule("a.example", "10.0.0.0/8", {});
  rule("", "10.0.0.0/33", {});
  rule("", "10.0.0/8", {});
  rule(".example", "", {});
  rule("a..b", "", {});
  rule("a.example", "", {0, 65536});
  rule("", "fd00::/8", {1, 65535});
  EXPECT_THAT(
      texts(validate_egress(policy)),
      ElementsAre(
          "default: egress default must be 'allow' or 'deny'",
          "allow[0]: egress allow rule 0: egress allow rule requires exactly one of host or cidr",
          "allow[1]: egress allow rule 1: egress allow rule must not set both host and cidr",
          "allow[2].cidr: egress allow rule 2: egress allow rule cidr is not a valid CIDR",
          "allow[3].cidr: egress allow rule 3: egress allow rule cidr is not a valid CIDR",
          "allow[4].host: egress allow rule 4: egress allow rule host is not a valid dns name",
          "allow[5].host: egress allow rule 5: egress allow rule host is not a valid dns name",
          "allow[6].ports: egress allow rule 6: egress allow rule port must be within [1, 65535]"));
}

TEST(MissingOnHost, NamesSourcesThatAreNotThere) {
  Cell cell = a_cell();
  auto& app = cell.spec.containers[0];
  app.volumes = {{.kind = "", .source = "/", .target = "/a"},
                 {.kind = "", .source = "/nowhere/x", .target = "/a"},
                 {.kind = "tmpfs", .source = "", .target = "/a"}};
  app.secrets = {{.name = "f", .from_file = "/nowhere/f", .from_env = "", .mount_path = ""},
                 {.name = "e", .from_file = "", .from_env = "KUKEON_TEST_UNSET", .mount_path = ""}};
  ::unsetenv("KUKEON_TEST_UNSET");
  EXPECT_THAT(
      texts(missing_on_host(cell.spec)),
      ElementsAre(
          "spec.containers[0].volumes[1].source: volume source does not exist on the host "
          "(volume[1] source \"/nowhere/x\")",
          "spec.containers[0].secrets[0].fromFile: secret fromFile path does not exist on the host "
          "(secret \"f\" path \"/nowhere/f\")",
          "spec.containers[0].secrets[1].fromEnv: secret fromEnv env var is not set on the daemon "
          "host (secret \"e\" env \"KUKEON_TEST_UNSET\")"));
}

TEST(ThrowIfAny, ListsEveryProblemInOneError) {
  EXPECT_NO_THROW(throw_if_any({}));
  try {
    throw_if_any(validate(Space{}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::validation_failed));
    EXPECT_EQ(error.message(),
              "validation failed:\n  metadata.name is required\n  spec.realmId is required");
  }
}

}  // namespace
}  // namespace kukeon::model
