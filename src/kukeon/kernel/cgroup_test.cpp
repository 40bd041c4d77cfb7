// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/cgroup.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/process.h"

namespace kukeon::kernel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(CgroupLayout, OfAHybridHostHasEveryHierarchy) {
  const auto layout = CgroupLayout::parse(
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "36 31 0:32 / /mnt/memory rw - cgroup cgroup rw,memory\n"
      "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n");
  EXPECT_EQ(layout.kind(), CgroupLayout::Kind::hybrid);
  EXPECT_EQ(layout.home(), "/sys/fs/cgroup/unified");
  using H = CgroupLayout::Hierarchy;
  EXPECT_THAT(layout.v1, ElementsAre(H{"cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"},
                                     H{"memory", "/sys/fs/cgroup/memory"},
                                     H{"name=systemd", "/sys/fs/cgroup/systemd"}));
}

TEST(CgroupLayout, OfAV2HostIsUnifiedAndOfAnOldOneV1) {
  EXPECT_EQ(CgroupLayout::parse("41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n").kind(),
            CgroupLayout::Kind::unified);
  const auto old = CgroupLayout::parse("35 31 0:32 / /cg/memory rw - cgroup cgroup rw,memory\n");
  EXPECT_EQ(old.kind(), CgroupLayout::Kind::v1);
  EXPECT_EQ(old.home(), "/cg/memory");
}

TEST(CgroupLayout, OfAHostWithoutCgroupsSaysWhatToMount) {
  try {
    CgroupLayout::parse("22 27 0:21 / /proc rw - proc proc rw\n").home();
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("mount -t cgroup2"));
  }
}

TEST(Cgroups, RefusePathsThatLeaveTheHierarchy) {
  const Cgroups cgroups{CgroupLayout{.v2 = "/nonexistent", .v1 = {}}};
  for (const char* group :
       {"", "/", "kukeon", "/kukeon/../etc", "/kukeon//x", "/kukeon/.", "/a/", "/a\nb"}) {
    EXPECT_THROW(cgroups.create(group), Error) << group;
    EXPECT_THROW(cgroups.remove(group), Error) << group;
    EXPECT_THROW(cgroups.list(group), Error) << group;
  }
}

// A layout of plain directories: what rmdir and mkdir do there is what they do in cgroupfs.
TEST(Cgroups, OfAGroupAreListedInEveryHierarchy) {
  const TemporaryDirectory dir;
  const Cgroups cgroups{
      CgroupLayout{.v2 = dir.path() / "unified", .v1 = {{"memory", dir.path() / "memory"}}}};
  fs::create_directories(dir.path() / "memory/kukeon/default/web");
  cgroups.create("/kukeon/default");
  EXPECT_THAT(cgroups.list("/kukeon"),
              ElementsAre("memory:/kukeon", "memory:/kukeon/default", "memory:/kukeon/default/web",
                          "unified:/kukeon", "unified:/kukeon/default"));
  cgroups.remove("/kukeon/default");
  EXPECT_THAT(cgroups.list("/kukeon"), ElementsAre("memory:/kukeon", "unified:/kukeon"));
}

TEST(Cgroups, WriteInterfaceFilesThatAreThere) {
  const TemporaryDirectory dir;
  const Cgroups cgroups{CgroupLayout{.v2 = dir.path(), .v1 = {}}};
  cgroups.create("/kukeon/default");
  const fs::path file = dir.path() / "kukeon/default/memory.max";
  write_file_in_place(file, "max\n", 0644);
  cgroups.write("/kukeon/default", "memory.max", "4096");
  EXPECT_THAT(read_file(file, 64), StartsWith("4096"));

  const auto error_of = [&](std::string_view name) -> std::string {
    try {
      cgroups.write("/kukeon/default", name, "1");
    } catch (const Error& error) {
      return error.what();
    }
    return "written";
  };
  EXPECT_EQ(error_of("pids.max"),
            "set pids.max of cgroup /kukeon/default to \"1\": there is no such file: is the "
            "controller enabled?");
  EXPECT_FALSE(fs::exists(dir.path() / "kukeon/default/pids.max"));
  for (const char* name : {"", "..", "../memory.max", "a/b"}) {
    EXPECT_THAT(error_of(name), HasSubstr("not an interface file")) << name;
  }
}

class CgroupsOnThisHost : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to make cgroups";
    const auto layout = CgroupLayout::detect();
    if (layout.mounts().empty()) GTEST_SKIP() << "no cgroup file system is mounted";
    if (::access(layout.home().c_str(), W_OK) != 0) GTEST_SKIP() << "cgroups are read-only here";
    cgroups_.emplace(layout);
  }
  void TearDown() override {
    if (cgroups_) {
      cgroups_->kill(root_, seconds{5});
      cgroups_->remove(root_);
    }
  }

  // As runc does it: the path in each hierarchy.
  void create_everywhere(const std::string& group) {
    for (const fs::path& mount : mounts()) fs::create_directories(in(mount, group));
  }
  // Without v1's cpuset: its groups take no process before they are given CPUs and memory nodes.
  std::vector<fs::path> mounts() const {
    std::vector<fs::path> all = cgroups_->layout().mounts();
    std::erase_if(all, [](const fs::path& mount) { return mount.filename() == "cpuset"; });
    return all;
  }
  static fs::path in(const fs::path& mount, const std::string& group) {
    return mount / group.substr(1);
  }
  static Process sleeper() {
    Command command;
    command.argv = {"sleep", "1000"};
    return Process::start(command, {});
  }
  static void move(const Process& process, const fs::path& directory) {
    write_file_in_place(directory / "cgroup.procs", fmt::to_string(process.pid()));
  }

  std::string root_ = fmt::format("/kukeon-test-{}", ::getpid());
  std::optional<Cgroups> cgroups_;
};

TEST_F(CgroupsOnThisHost, AreCreatedWithTheirParentsAndRemovedTwice) {
  const std::string cell = root_ + "/default/web";
  cgroups_->create(cell);
  cgroups_->create(cell);
  EXPECT_TRUE(cgroups_->exists(cell));
  cgroups_->remove(root_);
  cgroups_->remove(root_);
  EXPECT_FALSE(cgroups_->exists(root_));
}

TEST_F(CgroupsOnThisHost, LeaveNoHierarchyBehind) {
  create_everywhere(root_ + "/default/web/root/_payload");
  EXPECT_THAT(cgroups_->list(root_), SizeIs(5 * mounts().size()));
  cgroups_->remove(root_);
  EXPECT_THAT(cgroups_->list(root_), IsEmpty());
}

TEST_F(CgroupsOnThisHost, AreKilledInWhicheverHierarchyTheProcessesAre) {
  create_everywhere(root_ + "/cell/a");
  Process one = sleeper();
  Process two = sleeper();
  move(one, in(mounts().front(), root_ + "/cell"));
  move(two, in(mounts().back(), root_ + "/cell/a"));
  EXPECT_THAT(cgroups_->processes(root_), SizeIs(2));
  EXPECT_THAT(cgroups_->processes(root_ + "/cell/a"), Contains(two.pid()));

  cgroups_->kill(root_, seconds{5});
  EXPECT_EQ(one.wait().signal, SIGKILL);
  EXPECT_EQ(two.wait().signal, SIGKILL);
  EXPECT_THAT(cgroups_->processes(root_), IsEmpty());
  cgroups_->remove(root_);
}

TEST_F(CgroupsOnThisHost, NameTheProcessThatKeepsThemFromBeingRemoved) {
  create_everywhere(root_ + "/cell");
  Process process = sleeper();
  for (const fs::path& mount : mounts()) move(process, in(mount, root_ + "/cell"));
  try {
    cgroups_->remove(root_, milliseconds{50});
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::failed_precondition));
    EXPECT_THAT(error.what(), HasSubstr(fmt::to_string(process.pid())));
  }
}

TEST_F(CgroupsOnThisHost, AreRemovedOnceADyingProcessIsGone) {
  create_everywhere(root_ + "/cell");
  Process process = sleeper();
  for (const fs::path& mount : mounts()) move(process, in(mount, root_ + "/cell"));
  process.signal(SIGKILL);
  cgroups_->remove(root_);
  EXPECT_THAT(cgroups_->list(root_), IsEmpty());
}

TEST_F(CgroupsOnThisHost, AnswerWithTheControllersTheyCouldEnable) {
  const auto available = cgroups_->available_controllers();
  cgroups_->create(root_ + "/default");
  EXPECT_THAT(cgroups_->enable_controllers(root_ + "/default", {}), IsEmpty());
  EXPECT_THAT(cgroups_->enable_controllers(root_ + "/default", {"no-such-controller"}), IsEmpty());
  if (available.empty()) GTEST_SKIP() << "the v2 hierarchy has no controllers";
  // Of those only: enabling another one on the host's top group would change the host.
  const fs::path top = *cgroups_->layout().v2 / "cgroup.subtree_control";
  const std::string on = read_file(top);
  const auto first = std::ranges::find_if(
      available, [&](const std::string& name) { return on.find(name) != std::string::npos; });
  if (first == available.end()) GTEST_SKIP() << "the host's top group enables no controller";
  EXPECT_THAT(cgroups_->enable_controllers(root_ + "/default", {*first, "no-such-controller"}),
              ElementsAre(*first));
  EXPECT_THAT(read_file(in(*cgroups_->layout().v2, root_ + "/default") / "cgroup.subtree_control"),
              HasSubstr(*first));
}

}  // namespace
}  // namespace kukeon::kernel
