// SPDX-License-Identifier: Apache-2.0
#include "kukeon/oci/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "kukeon/base/error.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/json.h"

namespace kukeon::oci {
namespace {

using testing::ElementsAre;

// A web server in the cell default/default/default/web.
BuildInput a_container() {
  BuildInput input;
  input.container.id = "front";
  input.container.containerd_id = "default_default_web_front";
  input.container.realm_name = "default";
  input.container.space_name = "default";
  input.container.stack_name = "default";
  input.container.cell_name = "web";
  input.container.image = "docker.io/library/busybox:latest";
  input.container.cell_cgroup_path = "/kukeon/default/default/default/web";
  input.image.env = {"PATH=/usr/bin:/bin", "LANG=C"};
  input.image.entrypoint = {"/bin/entry"};
  input.image.cmd = {"serve"};
  input.user.additional_gids = {0};
  input.containerd_namespace = "default.kukeon.io";
  input.namespaces = {.net = "/run/kukeon/ns/default_default_web_root/net",
                      .ipc = "/run/kukeon/ns/default_default_web_root/ipc",
                      .uts = "/run/kukeon/ns/default_default_web_root/uts"};
  input.shim_group = "default_default_web_root";
  return input;
}

BuildInput a_root() {
  auto input = a_container();
  input.container.id = "root";
  input.container.root = true;
  input.container.containerd_id = "default_default_web_root";
  input.image = {};
  input.hostname = "web";
  input.pause_binary = "/opt/kukeon/bin/kukepause";
  return input;
}

// A line for each scalar, with its path, and for each item of a list.
void flatten(const reflect::Tree& tree, const std::string& path, std::vector<std::string>& lines) {
  if (tree.kind == reflect::Tree::Kind::map) {
    for (const auto& [key, value] : tree.members) {
      flatten(value, path.empty() ? key : path + "." + key, lines);
    }
  } else if (tree.kind == reflect::Tree::Kind::list) {
    for (const auto& item : tree.items) lines.push_back(path + "[] " + reflect::to_json(item));
  } else {
    lines.push_back(path + " " + reflect::to_json(tree));
  }
}

std::vector<std::string> lines(const Spec& spec) {
  std::vector<std::string> all;
  flatten(reflect::parse_json(to_json(spec)), "", all);
  return all;
}

// The lines in which `spec` differs from `base`, "-" before what went and "+" before what came.
std::string difference(const Spec& base, const Spec& spec) {
  const auto a = lines(base);
  const auto b = lines(spec);
  std::vector<std::vector<int>> common(a.size() + 1, std::vector<int>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      common[i][j] =
          a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::string out;
  const auto line = [&](char sign, const std::string& text) { out += sign + text + "\n"; };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      ++i;
      ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      line('-', a[i++]);
    } else {
      line('+', b[j++]);
    }
  }
  return out;
}

// What a change of the input changes in the specification.
std::string effect(const std::function<void(BuildInput&)>& change) {
  const auto base = a_container();
  auto changed = base;
  change(changed);
  return difference(build_container_spec(base), build_container_spec(changed));
}

std::string error_of(const std::function<void(BuildInput&)>& change) {
  auto input = a_container();
  change(input);
  try {
    build_container_spec(input);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ContainerSpec, IsTheContractsBaseWithTheCellAroundIt) {
  constexpr std::string_view caps =
      R"(["CAP_CHOWN","CAP_DAC_OVERRIDE","CAP_FSETID","CAP_FOWNER","CAP_MKNOD","CAP_NET_RAW",)"
      R"("CAP_SETGID","CAP_SETUID","CAP_SETFCAP","CAP_SETPCAP","CAP_NET_BIND_SERVICE",)"
      R"("CAP_SYS_CHROOT","CAP_KILL","CAP_AUDIT_WRITE"])";
  const std::string golden =
      R"({"ociVersion":"1.0.2","process":{"user":{"uid":0,"gid":0,"additionalGids":[0]},)"
      R"("args":["/bin/entry","serve"],"env":["PATH=/usr/bin:/bin","LANG=C",)"
      R"("KUKEON_CELL_NAME=web","KUKEON_CONTAINER_ID=front","KUKEON_REALM=default",)"
      R"("KUKEON_SPACE=default","KUKEON_STACK=default",)"
      R"("KUKEON_CGROUP_PATH=/kukeon/default/default/default/web"],"cwd":"/",)"
      R"("capabilities":{"bounding":)" +
      std::string{caps} + R"(,"effective":)" + std::string{caps} + R"(,"permitted":)" +
      std::string{caps} +
      R"(},"rlimits":[{"type":"RLIMIT_NOFILE","hard":1024,"soft":1024}],)"
      R"("noNewPrivileges":true},"root":{"path":"rootfs"},"mounts":[)"
      R"({"destination":"/proc","type":"proc","source":"proc","options":["nosuid","noexec","nodev"]},)"
      R"({"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","strictatime","mode=755","size=65536k"]},)"
      R"({"destination":"/dev/pts","type":"devpts","source":"devpts","options":["nosuid","noexec","newinstance","ptmxmode=0666","mode=0620","gid=5"]},)"
      R"({"destination":"/dev/shm","type":"tmpfs","source":"shm","options":["nosuid","noexec","nodev","mode=1777","size=65536k"]},)"
      R"({"destination":"/dev/mqueue","type":"mqueue","source":"mqueue","options":["nosuid","noexec","nodev"]},)"
      R"({"destination":"/sys","type":"sysfs","source":"sysfs","options":["nosuid","noexec","nodev","ro"]},)"
      R"({"destination":"/run","type":"tmpfs","source":"tmpfs","options":["nosuid","strictatime","mode=755","size=65536k"]}],)"
      R"("annotations":{"io.containerd.runc.v2.group":"default_default_web_root"},)"
      R"("linux":{"resources":{"devices":[{"allow":false,"access":"rwm"}]},)"
      R"("cgroupsPath":"/kukeon/default/default/default/web/default_default_web_front",)"
      R"("namespaces":[{"type":"pid"},{"type":"ipc","path":"/run/kukeon/ns/default_default_web_root/ipc"},)"
      R"({"type":"uts","path":"/run/kukeon/ns/default_default_web_root/uts"},{"type":"mount"},)"
      R"({"type":"network","path":"/run/kukeon/ns/default_default_web_root/net"},{"type":"cgroup"}],)"
      R"("maskedPaths":["/proc/acpi","/proc/asound","/proc/kcore","/proc/keys","/proc/latency_stats",)"
      R"("/proc/timer_list","/proc/timer_stats","/proc/sched_debug","/proc/scsi","/sys/firmware",)"
      R"("/sys/devices/virtual/powercap"],"readonlyPaths":["/proc/bus","/proc/fs","/proc/irq",)"
      R"("/proc/sys","/proc/sysrq-trigger"]}})";
  EXPECT_EQ(to_json(build_container_spec(a_container())), golden);
}

TEST(ContainerSpec, RoundTripsThroughItsText) {
  auto input = a_container();
  input.container.privileged = true;
  input.container.resources.emplace().pids_limit = 7;
  input.container.security_opts = {"seccomp=/p.json"};
  input.seccomp_profiles["/p.json"] = R"({"defaultAction":"SCMP_ACT_ALLOW"})";
  const auto spec = build_container_spec(input);
  EXPECT_EQ(parse_spec(to_json(spec)), spec);
}

TEST(RootSpec, RunsThePauseProgramAndCarriesTheHostName) {
  auto plain = a_root();
  plain.pause_binary.clear();
  plain.container.command = "/.kukeon/bin/kukepause";
  EXPECT_EQ(difference(build_container_spec(plain), build_root_container_spec(a_root())),
            R"(+hostname "web"
+mounts[] {"destination":"/.kukeon/bin/kukepause","type":"bind","source":"/opt/kukeon/bin/kukepause","options":["rbind","ro"]}
)");
}

TEST(RootSpec, FallsBackToTheContainerdIdAsHostName) {
  auto input = a_root();
  input.hostname.clear();
  EXPECT_EQ(build_root_container_spec(input).hostname, "default_default_web_root");
}

TEST(RootSpec, RunsItsOwnCommandWhereItHasOne) {
  auto input = a_root();
  input.container.command = "sleep";
  input.container.args = {"infinity"};
  EXPECT_THAT(build_root_container_spec(input).process->args, ElementsAre("sleep", "infinity"));
}

TEST(ContainerSpec, CommandAndArgsReplaceTheImages) {
  EXPECT_EQ(effect([](BuildInput& input) {
              input.container.command = "httpd";
              input.container.args = {"-f", "-v"};
            }),
            R"(-process.args[] "/bin/entry"
-process.args[] "serve"
+process.args[] "httpd"
+process.args[] "-f"
+process.args[] "-v"
)");
}

TEST(ContainerSpec, ArgsAloneReplaceTheWholeCommandLine) {
  EXPECT_EQ(effect([](BuildInput& input) {
              input.container.args = {"ls", "-l"};
            }),
            R"(-process.args[] "/bin/entry"
-process.args[] "serve"
+process.args[] "ls"
+process.args[] "-l"
)");
}

TEST(ContainerSpec, NeedsSomethingToRun) {
  EXPECT_EQ(error_of([](BuildInput& input) { input.image = {}; }),
            "container \"front\" has nothing to run: neither it nor its image names a command; "
            "set spec.command");
}

TEST(ContainerSpec, TakesTheWorkingDirectoryFromTheContainerBeforeTheImage) {
  EXPECT_EQ(effect([](BuildInput& input) { input.image.working_dir = "/srv"; }),
            R"(-process.cwd "/"
+process.cwd "/srv"
)");
  EXPECT_EQ(effect([](BuildInput& input) {
              input.image.working_dir = "/srv";
              input.container.working_dir = "/www";
            }),
            R"(-process.cwd "/"
+process.cwd "/www"
)");
}

TEST(ContainerSpec, SetsADefaultPathOnlyWhereTheImageHasNone) {
  EXPECT_EQ(effect([](BuildInput& input) { input.image.env = {"LANG=C"}; }),
            R"(-process.env[] "PATH=/usr/bin:/bin"
+process.env[] "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)");
}

TEST(ContainerSpec, LetsTheUsersEnvironmentWin) {
  EXPECT_EQ(effect([](BuildInput& input) {
              input.container.env = {"LANG=de", "KUKEON_REALM=mine", "PATH", "A=1", "A=2", "=x"};
              input.secret_env = {"TOKEN=t"};
              input.container.cell_profile_name = "small";
            }),
            R"(-process.env[] "PATH=/usr/bin:/bin"
-process.env[] "LANG=C"
+process.env[] "LANG=de"
+process.env[] "KUKEON_CELL_PROFILE_NAME=small"
-process.env[] "KUKEON_REALM=default"
+process.env[] "KUKEON_REALM=mine"
+process.env[] "A=2"
+process.env[] "TOKEN=t"
)");
}

TEST(ContainerSpec, MountsTheCellsFiles) {
  EXPECT_EQ(
      effect([](BuildInput& input) {
        input.container.etc_hosts_path = "/opt/k/etc-hosts";
        input.container.etc_hostname_path = "/opt/k/etc-hostname";
      }),
      R"(+mounts[] {"destination":"/etc/hosts","type":"bind","source":"/opt/k/etc-hosts","options":["rbind","ro"]}
+mounts[] {"destination":"/etc/hostname","type":"bind","source":"/opt/k/etc-hostname","options":["rbind","ro"]}
)");
}

TEST(ContainerSpec, RunsAsTheResolvedUserWithTheKukeonGroup) {
  EXPECT_EQ(effect([](BuildInput& input) {
              input.user = {.uid = 1000, .gid = 1001, .additional_gids = {1001, 29}};
              input.kukeon_gid = 990;
            }),
            R"(-process.user.uid 0
-process.user.gid 0
-process.user.additionalGids[] 0
+process.user.uid 1000
+process.user.gid 1001
+process.user.additionalGids[] 1001
+process.user.additionalGids[] 29
+process.user.additionalGids[] 990
)");
}

TEST(ContainerSpec, PrivilegedHasTheDaemonsCapabilitiesAndNothingMasked) {
  auto input = a_container();
  input.container.privileged = true;
  input.daemon_capabilities = {"CAP_SYS_ADMIN"};
  input.devices = {{.node = {.path = "/dev/fuse",
                             .type = "c",
                             .major = 10,
                             .minor = 229,
                             .file_mode = 0666,
                             .uid = 0,
                             .gid = 0}}};
  const auto spec = build_container_spec(input);
  EXPECT_THAT(spec.process->capabilities->bounding, ElementsAre("CAP_SYS_ADMIN"));
  EXPECT_THAT(spec.process->capabilities->effective, ElementsAre("CAP_SYS_ADMIN"));
  EXPECT_THAT(spec.process->capabilities->permitted, ElementsAre("CAP_SYS_ADMIN"));
  EXPECT_TRUE(spec.process->no_new_privileges);
  EXPECT_TRUE(spec.linux->masked_paths.empty());
  EXPECT_TRUE(spec.linux->readonly_paths.empty());
  EXPECT_EQ(reflect::to_json(spec.linux->resources->devices), R"([{"allow":true,"access":"rwm"}])");
  EXPECT_EQ(
      reflect::to_json(spec.linux->devices),
      R"([{"path":"/dev/fuse","type":"c","major":10,"minor":229,"fileMode":438,"uid":0,"gid":0}])");
  EXPECT_EQ(
      reflect::to_json(spec.mounts[5]),
      R"({"destination":"/sys","type":"sysfs","source":"sysfs","options":["nosuid","noexec","nodev"]})");
}

TEST(ContainerSpec, SharesTheHostsNamespacesOnRequest) {
  EXPECT_EQ(effect([](BuildInput& input) {
              input.container.host_network = true;
              input.container.host_pid = true;
              input.container.host_cgroup = true;
            }),
            R"(-linux.namespaces[] {"type":"pid"}
-linux.namespaces[] {"type":"network","path":"/run/kukeon/ns/default_default_web_root/net"}
-linux.namespaces[] {"type":"cgroup"}
)");
}

TEST(ContainerSpec, MakesNamespacesOfItsOwnWhereTheCellHasNone) {
  auto input = a_container();
  input.namespaces = {};
  EXPECT_EQ(reflect::to_json(build_container_spec(input).linux->namespaces),
            R"([{"type":"pid"},{"type":"ipc"},{"type":"uts"},{"type":"mount"},{"type":"network"},)"
            R"({"type":"cgroup"}])");
}

TEST(ContainerSpec, MountsCgroupsForANestedRuntimeUnlessItSharesTheHosts) {
  EXPECT_EQ(
      effect([](BuildInput& input) { input.container.nested_cgroup_runtime = true; }),
      R"(+mounts[] {"destination":"/sys/fs/cgroup","type":"cgroup","source":"cgroup","options":["rw","nosuid","noexec","nodev"]}
)");
  EXPECT_EQ(effect([](BuildInput& input) {
              input.container.nested_cgroup_runtime = true;
              input.container.host_cgroup = true;
            }),
            R"(-linux.namespaces[] {"type":"cgroup"}
)");
}

TEST(ContainerSpec, MountsVolumesAndSecretsInOrder) {
  const auto volume = [](std::string kind, std::string source, std::string target) {
    model::VolumeMount mount;
    mount.kind = std::move(kind);
    mount.source = std::move(source);
    mount.target = std::move(target);
    return mount;
  };
  EXPECT_EQ(
      effect([&](BuildInput& input) {
        auto& volumes = input.container.volumes;
        volumes = {volume("", "/srv/www", "/www"),   volume("bind", "/srv/data", "/data"),
                   volume("tmpfs", "", "/cache"),    volume("tmpfs", "", "/plain"),
                   volume("bind", "", "/skipped"),   volume("bind", "/skipped", ""),
                   volume("odd", "/skipped", "/odd")};
        volumes[0].read_only = true;
        volumes[2].size_bytes = 1024;
        volumes[2].mode = 0755;
        input.secret_mounts = {{.host_path = "/run/kukeon/secrets/x/t", .target = "/t"}};
      }),
      R"(+mounts[] {"destination":"/www","type":"bind","source":"/srv/www","options":["rbind","ro"]}
+mounts[] {"destination":"/data","type":"bind","source":"/srv/data","options":["rbind","rw"]}
+mounts[] {"destination":"/cache","type":"tmpfs","source":"tmpfs","options":["size=1024","mode=0755","rw"]}
+mounts[] {"destination":"/plain","type":"tmpfs","source":"tmpfs","options":["rw"]}
+mounts[] {"destination":"/t","type":"bind","source":"/run/kukeon/secrets/x/t","options":["rbind","ro"]}
)");
}

TEST(ContainerSpec, AllowsExactlyTheDevicesItExposes) {
  auto input = a_container();
  input.devices = {{.node = {.path = "/dev/kvm",
                             .type = "c",
                             .major = 10,
                             .minor = 232,
                             .file_mode = {},
                             .uid = {},
                             .gid = {}},
                    .access = "rw"},
                   // The same path again, as the rest of a host's /dev has it.
                   {.node = {.path = "/dev/kvm",
                             .type = "b",
                             .major = 1,
                             .minor = 1,
                             .file_mode = {},
                             .uid = {},
                             .gid = {}}}};
  const auto spec = build_container_spec(input);
  EXPECT_EQ(reflect::to_json(spec.linux->resources->devices),
            R"([{"allow":false,"access":"rwm"},)"
            R"({"allow":true,"type":"c","major":10,"minor":232,"access":"rw"}])");
  EXPECT_EQ(reflect::to_json(spec.linux->devices),
            R"([{"path":"/dev/kvm","type":"c","major":10,"minor":232}])");
}

TEST(ContainerSpec, MountsTmpfsWithTheUsersOptionsLast) {
  EXPECT_EQ(
      effect([](BuildInput& input) {
        input.container.tmpfs = {
            {.path = "/tmp", .size_bytes = 4096, .options = {"mode=1777", "noexec"}},
            {.path = " ", .size_bytes = 0, .options = {}}};
      }),
      R"(+mounts[] {"destination":"/tmp","type":"tmpfs","source":"tmpfs","options":["nosuid","nodev","size=4096","mode=1777","noexec"]}
)");
}

model::ContainerResources limits(std::int64_t memory, std::int64_t shares, std::int64_t pids) {
  model::ContainerResources resources;
  resources.memory_limit_bytes = memory;
  resources.cpu_shares = shares;
  resources.pids_limit = pids;
  return resources;
}

model::ContainerResources every_limit() {
  model::ContainerResources resources;
  resources.cpu = model::CpuResources{
      .weight = 10000, .quota = 50000, .period = 100000, .cpus = "0-1", .mems = "0"};
  resources.memory =
      model::MemoryResources{.min = {}, .low = 1 << 20, .high = {}, .max = 1 << 22, .swap = 1};
  resources.io =
      model::IoResources{.weight = 1,
                         .throttle = {{.type = "rbps", .major = 8, .minor = 0, .rate = 9},
                                      {.type = "wiops", .major = 8, .minor = 16, .rate = 7}}};
  resources.pids = model::PidsResources{.max = 64};
  return resources;
}

TEST(ContainerSpec, LimitsInTheWordsOfCgroupV1) {
  EXPECT_EQ(effect([](BuildInput& input) { input.container.resources = every_limit(); }),
            R"(+linux.resources.memory.limit 4194304
+linux.resources.memory.reservation 1048576
+linux.resources.memory.swap 4194305
+linux.resources.cpu.shares 262144
+linux.resources.cpu.quota 50000
+linux.resources.cpu.period 100000
+linux.resources.cpu.cpus "0-1"
+linux.resources.cpu.mems "0"
+linux.resources.pids.limit 64
+linux.resources.blockIO.weight 10
+linux.resources.blockIO.throttleReadBpsDevice[] {"major":8,"minor":0,"rate":9}
+linux.resources.blockIO.throttleWriteIOPSDevice[] {"major":8,"minor":16,"rate":7}
)");
}

TEST(ContainerSpec, LimitsInTheFilesOfCgroupV2) {
  EXPECT_EQ(effect([](BuildInput& input) {
              input.cgroup_v2 = true;
              input.container.resources = every_limit();
              input.container.resources->memory->high = 1 << 21;
            }),
            R"(+linux.resources.blockIO.throttleReadBpsDevice[] {"major":8,"minor":0,"rate":9}
+linux.resources.blockIO.throttleWriteIOPSDevice[] {"major":8,"minor":16,"rate":7}
+linux.resources.unified.cpu.max "50000 100000"
+linux.resources.unified.cpu.weight "10000"
+linux.resources.unified.cpuset.cpus "0-1"
+linux.resources.unified.cpuset.mems "0"
+linux.resources.unified.io.weight "default 1"
+linux.resources.unified.memory.high "2097152"
+linux.resources.unified.memory.low "1048576"
+linux.resources.unified.memory.max "4194304"
+linux.resources.unified.memory.swap.max "1"
+linux.resources.unified.pids.max "64"
)");
}

TEST(ContainerSpec, RefusesLimitsThatCgroupV1DoesNotHave) {
  const auto refusal = [](const model::MemoryResources& memory) {
    return error_of(
        [&](BuildInput& input) { input.container.resources.emplace().memory = memory; });
  };
  EXPECT_EQ(
      refusal({.min = 1, .low = {}, .high = {}, .max = {}, .swap = {}}),
      "container \"front\": resources.memory.min needs cgroup v2, and this host's controllers "
      "are v1");
  EXPECT_EQ(
      refusal({.min = {}, .low = {}, .high = {}, .max = {}, .swap = 5}),
      "container \"front\": resources.memory.swap needs memory.max beside it: cgroup v1 limits "
      "both together");
}

TEST(ContainerSpec, SetsOnlyLimitsAboveZero) {
  EXPECT_EQ(effect([](BuildInput& input) {
              input.container.resources = limits(1 << 20, 512, 64);
              input.default_memory_limit_bytes = 7;
            }),
            R"(+linux.resources.memory.limit 1048576
+linux.resources.cpu.shares 512
+linux.resources.pids.limit 64
)");
  EXPECT_EQ(effect([](BuildInput& input) { input.container.resources = limits(0, -1, 0); }), "");
}

TEST(ContainerSpec, HasTheDaemonsMemoryCapWhereItSetsNone) {
  EXPECT_EQ(effect([](BuildInput& input) { input.default_memory_limit_bytes = 4096; }),
            "+linux.resources.memory.limit 4096\n");
}

TEST(ContainerSpec, CanBeReadOnly) {
  EXPECT_EQ(effect([](BuildInput& input) { input.container.read_only_root_filesystem = true; }),
            "+root.readonly true\n");
}

TEST(ContainerSpec, AdjustsCapabilitiesAfterPrivilegedGaveThem) {
  auto input = a_container();
  input.container.privileged = true;
  input.daemon_capabilities = {"CAP_SYS_ADMIN", "CAP_KILL"};
  input.container.capabilities =
      model::ContainerCapabilities{.drop = {"sys_admin"}, .add = {"NET_ADMIN"}};
  EXPECT_THAT(build_container_spec(input).process->capabilities->effective,
              ElementsAre("CAP_KILL", "CAP_NET_ADMIN"));
}

TEST(ContainerSpec, ExpandsAllInAddToWhatTheCallerKnows) {
  auto input = a_container();
  input.container.capabilities = model::ContainerCapabilities{.drop = {"ALL"}, .add = {"all"}};
  input.all_capabilities = {"CAP_CHOWN", "CAP_KILL"};
  EXPECT_THAT(build_container_spec(input).process->capabilities->permitted,
              ElementsAre("CAP_CHOWN", "CAP_KILL"));
}

TEST(SecurityOpts, TurnNoNewPrivilegesOffAndOn) {
  for (const auto* opt : {"no-new-privileges=false", "no-new-privileges:0"}) {
    EXPECT_EQ(effect([&](BuildInput& input) { input.container.security_opts = {opt}; }),
              "-process.noNewPrivileges true\n")
        << opt;
  }
  EXPECT_EQ(effect([](BuildInput& input) {
              input.container.security_opts = {"no-new-privileges=false", "no-new-privileges"};
            }),
            "");
}

TEST(SecurityOpts, TakeTheLastSeccompProfile) {
  const auto with = [](std::vector<std::string> opts) {
    auto input = a_container();
    input.container.security_opts = std::move(opts);
    input.seccomp_profiles["/p.json"] = R"({"defaultAction":"SCMP_ACT_LOG"})";
    return build_container_spec(input).linux->seccomp.text;
  };
  EXPECT_EQ(with({"seccomp=/p.json"}), R"({"defaultAction":"SCMP_ACT_LOG"})");
  EXPECT_EQ(with({" seccomp=/p.json "}), R"({"defaultAction":"SCMP_ACT_LOG"})");
  EXPECT_EQ(with({"seccomp:/p.json", "seccomp=unconfined"}), "");
  EXPECT_EQ(with({"seccomp=unconfined", "seccomp:/p.json"}), R"({"defaultAction":"SCMP_ACT_LOG"})");

  auto input = a_container();
  input.container.security_opts = {"seccomp=/a", "seccomp=unconfined", "seccomp:/b=c"};
  EXPECT_THAT(seccomp_profile_paths(input.container), ElementsAre("/a", "/b=c"));
}

// Stands for the real default: it says for which capabilities it was asked.
std::string seccomp_of(const std::function<void(BuildInput&)>& change) {
  auto input = a_container();
  input.default_seccomp = [](const reflect::StringList& capabilities) {
    return reflect::to_json(capabilities);
  };
  input.seccomp_profiles["/p.json"] = R"({"defaultAction":"SCMP_ACT_LOG"})";
  input.container.capabilities = {.drop = {"ALL"}, .add = {"KILL"}};
  change(input);
  return build_container_spec(input).linux->seccomp.text;
}

TEST(Seccomp, IsTheDefaultForTheCapabilitiesThatAreLeft) {
  EXPECT_EQ(seccomp_of([](BuildInput&) {}), R"(["CAP_KILL"])");
  EXPECT_EQ(seccomp_of([](BuildInput& input) {
              input.container.security_opts = {"no-new-privileges=false"};
            }),
            R"(["CAP_KILL"])");
}

TEST(Seccomp, IsOffWhereTheContainerSaysSoOrIsPrivileged) {
  EXPECT_EQ(
      seccomp_of([](BuildInput& input) { input.container.security_opts = {"seccomp=unconfined"}; }),
      "");
  EXPECT_EQ(seccomp_of([](BuildInput& input) { input.container.privileged = true; }), "");
  EXPECT_EQ(seccomp_of([](BuildInput& input) {
              input.container.privileged = true;
              input.container.security_opts = {"seccomp=/p.json"};
            }),
            R"({"defaultAction":"SCMP_ACT_LOG"})");
}

TEST(Seccomp, NamesTheProfileThatIsNone) {
  EXPECT_EQ(error_of([](BuildInput& input) {
              input.container.security_opts = {"seccomp=/p.json"};
              input.seccomp_profiles["/p.json"] = R"({"syscalls":[]})";
            }),
            R"(convert /p.json: seccomp profile: "" is no action)");
}

TEST(SecurityOpts, AreRefusedWhenUnknown) {
  const auto with = [](std::string opt) {
    return error_of([&](BuildInput& input) { input.container.security_opts = {opt}; });
  };
  EXPECT_EQ(with("apparmor=x"), "unsupported securityOpt \"apparmor=x\"");
  EXPECT_EQ(with("seccomp"), "unsupported securityOpt \"seccomp\"");
  EXPECT_EQ(with("seccomp="), "unsupported securityOpt \"seccomp=\"");
  EXPECT_EQ(with("seccomp=/absent"),
            "unsupported securityOpt \"seccomp=/absent\": the profile was not read");
  EXPECT_EQ(with("no-new-privileges=maybe"),
            "unsupported securityOpt \"no-new-privileges=maybe\": want true or false");
  EXPECT_EQ(with(""), "unsupported securityOpt \"\"");
}

TEST(ContainerSpec, IsPlacedByContainerdWhereTheCellHasNoCgroup) {
  auto input = a_container();
  input.container.cell_cgroup_path.clear();
  EXPECT_EQ(build_container_spec(input).linux->cgroups_path,
            "/default.kukeon.io/default_default_web_front");
}

TEST(ContainerSpec, RecordsTheConflist) {
  auto input = a_container();
  input.container.cni_config_path = "/opt/kukeon/data/default/default/network.conflist";
  input.shim_group.clear();
  EXPECT_EQ(reflect::to_json(build_container_spec(input).annotations),
            R"({"io.kukeon.cni.config":"/opt/kukeon/data/default/default/network.conflist"})");
}

TEST(EffectiveUser, IsTheContainersBeforeTheImages) {
  auto input = a_container();
  EXPECT_EQ(effective_user(input.container, input.image), "");
  input.image.user = "app";
  EXPECT_EQ(effective_user(input.container, input.image), "app");
  input.container.user = "0";
  EXPECT_EQ(effective_user(input.container, input.image), "0");
}

TEST(JoinNamespaces, ReplacesOrAppendsPathsAndLeavesTheSpecAlone) {
  auto input = a_container();
  input.container.host_network = true;
  const auto spec = build_container_spec(input);
  const auto joined = join_namespaces(spec, {.net = "/n/net", .ipc = "/n/ipc", .uts = ""});
  EXPECT_EQ(reflect::to_json(joined.linux->namespaces),
            R"([{"type":"pid"},{"type":"ipc","path":"/n/ipc"},)"
            R"({"type":"uts","path":"/run/kukeon/ns/default_default_web_root/uts"},)"
            R"({"type":"mount"},{"type":"cgroup"},{"type":"network","path":"/n/net"}])");
  EXPECT_EQ(spec, build_container_spec(input));
}

}  // namespace
}  // namespace kukeon::oci
