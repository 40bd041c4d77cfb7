// SPDX-License-Identifier: Apache-2.0
// The real daemon with a real containerd, used through `kuke` as a person would.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "kukeon/base/strings.h"
#include "kukeon/kernel/cgroup.h"
#include "support/daemon_fixture.h"
#include "support/leak_check.h"

namespace kukeon {
namespace {

using namespace std::chrono_literals;
using namespace support;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Daemon : public DaemonTest {};

TEST_F(Daemon, BringsUpACellThatServesAPageAndSaysUnchangedTheSecondTime) {
  const LeakCheck leak{daemon().leak_scope()};
  const std::string yaml = cell_yaml("web", web() + reader());
  EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, yaml), HasSubstr("Cell \"web\": created"));
  ASSERT_TRUE(eventually([&] { return is_ready("web"); }));

  const auto cell = get_cell("web");
  const std::string address = cell.status.network.address;
  EXPECT_THAT(cell.status.network.bridge_name, ::testing::StartsWith("k-"));
  EXPECT_TRUE(eventually([&] {
    return daemon()
               .in_its_network({"/bin/busybox", "wget", "-qO-", "http://" + address + "/"})
               .out == std::string{page} + "\n";
  }));
  // Over localhost, from the other container of the cell, into its log.
  EXPECT_TRUE(eventually([&] {
    return daemon().kuke({"log", "web", "--container", "reader"}).out.find(page) !=
           std::string::npos;
  }));
  EXPECT_THAT(daemon().kuke_ok({"get", "cells"}), HasSubstr("Ready"));

  const auto before = pids();
  EXPECT_EQ(before.size(), 3U);
  EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, yaml), HasSubstr("Cell \"web\": unchanged"));
  EXPECT_EQ(pids(), before);

  EXPECT_THAT(daemon().kuke_ok({"delete", "cell", "web"}),
              HasSubstr("Deleted cell \"web\" from stack \"default\""));
  EXPECT_THAT(leak.new_objects(), IsEmpty());
}

TEST_F(Daemon, ContainersOfACellShareOneShimAndItsNamespaces) {
  daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("pair", waiting("a") + waiting("b")));
  const auto tasks = pids();
  ASSERT_EQ(tasks.size(), 3U);
  std::map<std::string, std::set<std::string>> links;
  std::set<std::string> parents;
  for (const auto& [id, pid] : tasks) {
    for (const char* kind : {"net", "ipc", "uts", "pid", "mnt"}) {
      links[kind].insert(fs::read_symlink(fmt::format("/proc/{}/ns/{}", pid, kind)).string());
    }
    const std::string stat = read_file(fmt::format("/proc/{}/stat", pid));
    parents.insert(split(stat.substr(stat.rfind(')') + 2), ' ')[1]);
  }
  EXPECT_EQ(links["net"].size(), 1U);
  EXPECT_EQ(links["ipc"].size(), 1U);
  EXPECT_EQ(links["uts"].size(), 1U);
  EXPECT_EQ(links["pid"].size(), 3U);
  EXPECT_EQ(links["mnt"].size(), 3U);
  EXPECT_EQ(parents.size(), 1U);
}

TEST_F(Daemon, StoppedCellStartsAgainWithItsFilesAndItsAddress) {
  daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("keep", waiting("main")));
  const std::string address = get_cell("keep").status.network.address;
  const std::string pid = pids().at("default_default_keep_main");
  write_file_in_place(fmt::format("/proc/{}/root/kept", pid), "yes");

  EXPECT_THAT(daemon().kuke_ok({"stop", "cell", "keep"}), HasSubstr("Stopped cell \"keep\""));
  EXPECT_THAT(pids(), IsEmpty());
  EXPECT_EQ(get_cell("keep").status.state, model::CellState::stopped);
  EXPECT_THAT(daemon().kuke_ok({"stop", "cell", "keep"}), HasSubstr("Stopped cell \"keep\""));

  EXPECT_THAT(daemon().kuke_ok({"start", "cell", "keep"}), HasSubstr("Started cell \"keep\""));
  expect_refused(daemon().kuke({"start", "cell", "keep"}),
                 "cell \"keep\" has running containers and must first be stopped");
  EXPECT_EQ(get_cell("keep").status.network.address, address);
  const std::string again = pids().at("default_default_keep_main");
  EXPECT_EQ(read_file(fmt::format("/proc/{}/root/kept", again)), "yes");
}

TEST_F(Daemon, ChangedContainerAloneIsReplaced) {
  daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("mix", waiting("a") + waiting("b")));
  const auto before = pids();
  const std::string changed = waiting("b") + "      env: [COLOUR=blue]\n";
  const std::string out = daemon().kuke_ok({"apply", "-f", "-"},
                                           cell_yaml("mix", waiting("a") + changed + waiting("c")));
  EXPECT_THAT(out, HasSubstr("Cell \"mix\": updated"));
  EXPECT_THAT(out, HasSubstr("container \"b\" updated: env"));
  EXPECT_THAT(out, HasSubstr("container \"c\" added"));
  const auto after = pids();
  EXPECT_EQ(after.at("default_default_mix_a"), before.at("default_default_mix_a"));
  EXPECT_NE(after.at("default_default_mix_b"), before.at("default_default_mix_b"));
  EXPECT_TRUE(after.contains("default_default_mix_c"));

  EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("mix", waiting("a"))),
              HasSubstr("container \"c\" removed"));
  EXPECT_EQ(pids().size(), 2U);
  EXPECT_EQ(pids().at("default_default_mix_a"), before.at("default_default_mix_a"));
}

TEST_F(Daemon, TwentyRoundsOfCreateAndDeleteLeaveNothing) {
  const LeakCheck leak{daemon().leak_scope()};
  for (int round = 0; round < 20; ++round) {
    daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("round", waiting("main")));
    daemon().kuke_ok({"delete", "cell", "round"});
  }
  EXPECT_THAT(leak.new_objects(), IsEmpty());
}

TEST_F(Daemon, UninstallLeavesNothingOnTheHost) {
  daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("main")));
  const Output out = daemon().kuke({"uninstall", "--yes"});
  EXPECT_TRUE(out.exit.ok()) << out.out << out.err;
  EXPECT_FALSE(fs::exists(daemon().run_path()));
  EXPECT_FALSE(fs::exists(daemon().runtime_dir()));
  const auto left = support::host_objects(daemon().leak_scope());
  for (const std::string& object : left) EXPECT_THAT(object, Not(HasSubstr("cgroup")));
  EXPECT_THAT(daemon().in_its_network({"ip", "-o", "link"}).out, Not(HasSubstr("k-")));
  EXPECT_THAT(daemon().in_its_network({"nft", "list", "tables"}).out, Not(HasSubstr("kukeon")));
  make_directories(daemon().run_path(), 0755);
  make_directories(daemon().runtime_dir(), 0755);
}

// --- bad input and faults: one clear line each, exit 1, nothing half made ---

TEST_F(Daemon, BadManifestsAreRefusedWholeWithOneClearError) {
  const LeakCheck leak{daemon().leak_scope()};
  const std::string good = "kind: Space\nmetadata: {name: fine}\nspec: {realmId: default}\n---\n";
  const std::map<std::string, std::string> cases{
      {"kind: Pod\nmetadata: {name: x}\n", "unknown kind: Pod"},
      {"kind: Space\nmetadata: {name: [x]}\nspec: {realmId: default}\n", "metadata.name"},
      {cell_yaml("c", "    - id: a\n      imgae: busybox\n"), "did you mean \"image\"?"},
      {cell_yaml("c", "    - id: a\n      image: busybox\n      privileged: maybe\n"),
       "privileged"},
      {cell_yaml("a/b", waiting("x")), "a/b"},
      {cell_yaml("..", waiting("x")), ".."},
      {"kind: Space\nmetadata: {name: x}\n", "spec.realmId is required"},
      {"kind: Cell\nmetadata: {name: x}\nspec: {realmId: default, spaceId: default, stackId: "
       "default}\n",
       "spec.containers is required and cannot be empty"},
      {"kind: [\n", "failed to parse"},
  };
  for (const auto& [yaml, text] : cases) {
    expect_refused(daemon().apply(good + yaml), text);
    EXPECT_THAT(daemon().kuke_ok({"get", "spaces"}), Not(HasSubstr("fine"))) << yaml;
  }
  EXPECT_THAT(leak.new_objects(), IsEmpty());
}

TEST_F(Daemon, MissingParentIsNamed) {
  expect_refused(daemon().kuke({"create", "space", "s", "--realm", "nowhere"}),
                 "realm \"nowhere\" not found");
  expect_refused(daemon().kuke({"create", "stack", "s", "--space", "nowhere"}),
                 "space \"nowhere\" not found");
  expect_refused(daemon().kuke({"create", "cell", "c", "--stack", "nowhere"}),
                 "stack \"nowhere\" not found");
  expect_refused(daemon().kuke({"get", "cell", "nobody"}), "cell \"nobody\" not found");
  expect_refused(daemon().kuke({"delete", "cell", "nobody"}), "cell \"nobody\" not found");
}

TEST_F(Daemon, MissingImageSaysWhatToDoAndLeavesNothingOnTheHost) {
  const LeakCheck leak{daemon().leak_scope()};
  const std::string yaml =
      cell_yaml("web", "    - id: main\n      image: busybux\n      command: /bin/sh\n");
  const Output output = daemon().apply(yaml);
  EXPECT_EQ(output.exit.code, 1);
  EXPECT_THAT(output.out, HasSubstr("Cell \"web\": failed"));
  EXPECT_THAT(output.out, HasSubstr("failed to pull image docker.io/library/busybux:latest"));
  EXPECT_THAT(output.out, HasSubstr("did you mean \"docker.io/library/busybox:latest\"?"));
  EXPECT_THAT(output.out, HasSubstr("kuke image load"));
  const auto cell = get_cell("web");
  EXPECT_EQ(cell.status.state, model::CellState::failed);
  EXPECT_EQ(cell.status.reason, "CreateCellFailed");

  // Applied again with the image there, it comes up.
  EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("main"))),
              HasSubstr("updated"));
  EXPECT_TRUE(is_ready("web"));
  daemon().kuke_ok({"delete", "cell", "web"});
  EXPECT_THAT(leak.new_objects(), IsEmpty());
}

TEST_F(Daemon, CommandThatTheImageLacksFailsTheCellAndUndoesIt) {
  const LeakCheck leak{daemon().leak_scope()};
  const Output output = daemon().apply(cell_yaml(
      "web",
      waiting("good") + "    - id: bad\n      image: busybox\n      command: nosuchprogram\n"));
  EXPECT_EQ(output.exit.code, 1);
  EXPECT_THAT(output.out, HasSubstr("nosuchprogram"));
  EXPECT_THAT(output.out, HasSubstr("container \"bad\""));
  EXPECT_THAT(pids(), IsEmpty());
  EXPECT_EQ(get_cell("web").status.state, model::CellState::failed);
  daemon().kuke_ok({"delete", "cell", "web"});
  EXPECT_THAT(leak.new_objects(), IsEmpty());
}

TEST_F(Daemon, SecondDaemonOnTheRunPathFailsAtOnceNamingTheFirst) {
  const Output second = run(
      {
          .argv = {fmt::format("{}/kukeond", KUKEON_TEST_BIN_DIR), "serve", "--socket",
                   (daemon().directory() / "other.sock").string(), "--run-path",
                   daemon().run_path().string()},
      },
      10s);
  EXPECT_EQ(second.exit.code, 1);
  EXPECT_THAT(second.err, HasSubstr("is in use by process " + fmt::to_string(daemon().pid())));
  EXPECT_TRUE(daemon().kuke({"get", "realms"}).exit.ok());
}

TEST_F(Daemon, PrivateDaemonReadsBesideTheRealOneAndRefusesToWrite) {
  EXPECT_THAT(daemon().kuke_ok({"--no-daemon", "get", "realms"}), HasSubstr("default"));
  expect_refused(daemon().kuke({"--no-daemon", "create", "space", "s"}), "serves run path");
}

TEST_F(Daemon, SocketThatMayNotBeOpenedSaysHowToGetIn) {
  ::chmod(daemon().directory().c_str(), 0755);
  const Output output = run({.argv = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                      fmt::format("{}/kuke", KUKEON_TEST_BIN_DIR), "--host",
                                      daemon().host(), "get", "realms"},
                             .extra_env = {{"HOME", "/nonexistent"}}},
                            10s);
  if (output.err.find("setpriv") != std::string::npos)
    GTEST_SKIP() << "the build folder is closed to others";
  expect_refused(output, "permission denied");
  EXPECT_THAT(output.err, HasSubstr("usermod -aG kukeon"));
}

TEST_F(Daemon, DeadContainerdIsReportedAndComesBack) {
  daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("main")));
  const auto before = pids();
  const auto pid = parse_integer(trim(read_file(daemon().runtime_dir() / "containerd/pid")));
  ASSERT_TRUE(pid);
  ASSERT_EQ(::kill(static_cast<pid_t>(*pid), SIGKILL), 0);
  // Supervised: another one takes its place, and the cell never noticed.
  EXPECT_TRUE(eventually([&] { return daemon().ctr({"version"}).exit.ok(); }, 20s));
  EXPECT_TRUE(eventually([&] { return pids() == before; }));
  EXPECT_TRUE(is_ready("web"));
  EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("next", waiting("main"))),
              HasSubstr("created"));
}

TEST_F(Daemon, FullDiskIsOneClearErrorAndNothingChanges) {
  daemon().terminate();
  // The state alone on a small file system: its database cannot grow, everything else can.
  const fs::path small = daemon().directory() / "small";
  make_directories(small, 0755);
  ASSERT_EQ(::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=1m"), 0);
  for (const char* file : {"state.db", "state.db-wal", "state.db-shm"}) {
    if (fs::exists(daemon().run_path() / file)) {
      fs::copy_file(daemon().run_path() / file, small / file);
      fs::remove(daemon().run_path() / file);
    }
    fs::create_symlink(small / file, daemon().run_path() / file);
  }
  daemon().start();
  {
    const Fd filler = open_file((small / "filler").string(), O_WRONLY | O_CREAT, 0600);
    const std::string block(4096, 'x');
    while (::write(filler.get(), block.data(), block.size()) > 0) {
    }
  }
  const LeakCheck leak{daemon().leak_scope()};
  const Output output = daemon().apply(cell_yaml("web", waiting("main")));
  EXPECT_EQ(output.exit.code, 1);
  EXPECT_THAT(output.out + output.err, HasSubstr("no space left on"));
  EXPECT_THAT(leak.new_objects(), IsEmpty());
  EXPECT_EQ(daemon().kuke({"get", "cell", "web"}).exit.code, 1);

  fs::remove(small / "filler");
  EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("main"))),
              HasSubstr("created"));
}

TEST_F(Daemon, CellWhoseWorkloadEndsIsSeenWithoutAsking) {
  daemon().kuke_ok({"apply", "-f", "-"},
                   cell_yaml("short",
                             "    - id: main\n      image: busybox\n      command: /bin/sh\n"
                             "      args: [-c, \"sleep 0.2; exit 3\"]\n"));
  EXPECT_TRUE(eventually([&] { return v1beta1::state_word(get_cell("short").status) == "Error"; }));
  const auto cell = get_cell("short");
  EXPECT_EQ(cell.status.state, model::CellState::stopped);  // what every client decodes
  EXPECT_THAT(daemon().kuke_ok({"get", "cells"}), HasSubstr("Error"));
  EXPECT_EQ(cell.status.reason, "WorkloadFailed");
  EXPECT_EQ(cell.status.message, "container \"main\" exited with code 3");
}

TEST_F(Daemon, LimitsOfALayerAreRefusedWhereTheHostCannotHoldThem) {
  const auto available = kernel::Cgroups{}.available_controllers();
  if (std::ranges::find(available, "memory") != available.end()) {
    GTEST_SKIP() << "this host's v2 hierarchy has the memory controller";
  }
  const LeakCheck leak{daemon().leak_scope()};
  const std::string realm = "kind: Realm\nmetadata: {name: tight}\n";
  const std::string limits = "spec: {resources: {memory: {max: 1073741824}}}\n";
  EXPECT_THAT(daemon().apply(realm + limits).out,
              HasSubstr("realm \"tight\": spec.resources needs the cgroup v2 controller memory"));
  EXPECT_THAT(leak.new_objects(), IsEmpty());

  daemon().kuke_ok({"apply", "-f", "-"}, realm);
  EXPECT_THAT(daemon().apply(realm + limits).out, HasSubstr("failed"));
  EXPECT_THAT(daemon().kuke_ok({"apply", "-f", "-"}, realm), HasSubstr("unchanged"));
  daemon().kuke_ok({"delete", "realm", "tight"});
}

TEST_F(Daemon, LimitsOfEveryLayerAreInTheFilesOfItsCgroup) {
  const auto layout = kernel::CgroupLayout::detect();
  if (layout.kind() != kernel::CgroupLayout::Kind::unified) {
    GTEST_SKIP() << "the host's cgroups are " << kernel::to_string(layout.kind())
                 << "; tests/vmhost has v2";
  }
  const auto file = [&](const std::string& group, const std::string& name) {
    const fs::path path = *layout.v2 / daemon().cgroup_root().substr(1) / group / name;
    return std::string{trim(read_file_if_exists(path, 4096).value_or("(no such file)"))};
  };
  const std::string tight =
      "kind: Realm\nmetadata: {name: tight}\n"
      "spec: {resources: {memory: {max: 1073741824, low: 4096}, cpu: {weight: 50, cpus: '0'}}}\n"
      "---\nkind: Space\nmetadata: {name: s}\n"
      "spec: {realmId: tight, resources: {pids: {max: 500}}}\n"
      "---\nkind: Stack\nmetadata: {name: t}\n"
      "spec: {realmId: tight, spaceId: s, resources: {memory: {high: 536870912}}}\n";
  const std::string made = daemon().kuke_ok({"apply", "-f", "-"}, tight);
  EXPECT_EQ(file("tight", "memory.max"), "1073741824") << made;
  EXPECT_EQ(file("tight", "memory.low"), "4096");
  EXPECT_EQ(file("tight", "cpu.weight"), "50");
  EXPECT_EQ(file("tight", "cpuset.cpus"), "0");
  EXPECT_EQ(file("tight/s", "pids.max"), "500");
  EXPECT_EQ(file("tight/s/t", "memory.high"), "536870912");

  // A limit that is taken out of the document is lifted.
  daemon().kuke_ok({"apply", "-f", "-"}, "kind: Realm\nmetadata: {name: tight}\n");
  EXPECT_EQ(file("tight", "memory.max"), "max");
  EXPECT_EQ(file("tight", "cpu.weight"), "100");
  EXPECT_EQ(file("tight", "cpuset.cpus"), "");
  daemon().kuke_ok({"delete", "realm", "tight", "--cascade"});

  std::string limited = waiting("main") +
                        "      resources: {memory: {max: 67108864, high: 33554432, swap: 0},"
                        " cpu: {quota: 50000}, pids: {max: 64}}\n";
  daemon().kuke_ok({"apply", "-f", "-"},
                   cell_yaml("web", limited) + "  resources: {memory: {max: 134217728}}\n");
  EXPECT_EQ(file("default/default/default/web", "memory.max"), "134217728");
  const std::string container = "default/default/default/web/default_default_web_main";
  EXPECT_EQ(file(container, "memory.max"), "67108864");
  EXPECT_EQ(file(container, "memory.high"), "33554432");
  EXPECT_EQ(file(container, "memory.swap.max"), "0");
  EXPECT_EQ(file(container, "cpu.max"), "50000 100000");
  EXPECT_EQ(file(container, "pids.max"), "64");
}

TEST_F(Daemon, UnknownFieldsAreErrorsUnlessAskedOtherwise) {
  const std::string realm = "kind: Realm\nmetadata: {name: loose}\nspec: {repos: []}\n";
  EXPECT_THAT(daemon().apply(realm).err,
              HasSubstr("line 3, column 8: spec: unknown field \"repos\""));
  const Output warned = daemon().kuke({"apply", "-f", "-", "--validate", "warn"}, realm);
  EXPECT_EQ(warned.exit.code, 0);
  EXPECT_THAT(warned.err, HasSubstr("Warning: document 0 (Realm \"loose\"): line 3, column 8"));
  EXPECT_THAT(warned.out, HasSubstr("created"));
  const Output silent = daemon().kuke({"apply", "-f", "-", "--validate=ignore"}, realm);
  EXPECT_EQ(silent.err, "");
  EXPECT_THAT(silent.out, HasSubstr("unchanged"));
  EXPECT_THAT(daemon().kuke({"apply", "-f", "-", "--validate", "maybe"}, realm).err,
              HasSubstr("manifest validation is strict, warn or ignore, not \"maybe\""));
  daemon().kuke_ok({"delete", "realm", "loose"});
}

TEST_F(Daemon, DeletingAParentNeedsCascade) {
  daemon().kuke_ok({"apply", "-f", "-"}, cell_yaml("web", waiting("main")));
  expect_refused(
      daemon().kuke({"delete", "realm", "default"}),
      "failed to delete realm: resource has child resources: realm \"default\" has 1 space(s). Use "
      "--cascade to delete them or --force to skip validation");
  EXPECT_TRUE(is_ready("web"));
  EXPECT_THAT(daemon().kuke_ok({"delete", "realm", "default", "--cascade"}),
              HasSubstr("Deleted realm \"default\""));
  EXPECT_THAT(daemon().kuke_ok({"get", "realms"}), HasSubstr("No realms found."));
  EXPECT_THAT(daemon().in_its_network({"ip", "-o", "link"}).out, Not(HasSubstr("k-")));
}

}  // namespace
}  // namespace kukeon
