// SPDX-License-Identifier: Apache-2.0
#include "support/leak_check.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "kukeon/base/files.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"

namespace kukeon::support {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(LeakCheck, SaysNothingWhereNothingChanged) {
  const TemporaryDirectory directory;
  const LeakCheck leak{{.directories = {directory.path()},
                        .cgroups = {"kukeon-leak"},
                        .processes = {"kukeon-leak"}}};

  EXPECT_THAT(leak.new_objects(), IsEmpty());
  EXPECT_THAT(leak.missing_objects(), IsEmpty());
}

TEST(LeakCheck, NamesAFileThatStaysAndOneThatWent) {
  const TemporaryDirectory directory;
  write_file_in_place(directory.path() / "old", "");
  const LeakCheck leak{{.directories = {directory.path()}, .cgroups = {}, .processes = {}}};

  write_file_in_place(directory.path() / "new", "");
  fs::remove(directory.path() / "old");

  EXPECT_THAT(leak.new_objects(0ms), ElementsAre("file " + (directory.path() / "new").native()));
  EXPECT_THAT(leak.missing_objects(), ElementsAre("file " + (directory.path() / "old").native()));
}

TEST(LeakCheck, NamesAProcessThatLivesOn) {
  const LeakCheck leak{{.directories = {}, .cgroups = {}, .processes = {"sleep 54321"}}};

  Command sleep;
  sleep.argv = {"sleep", "54321"};
  const auto process = Process::start(sleep, {});

  EXPECT_THAT(leak.new_objects(0ms),
              ElementsAre(AllOf(StartsWith("process "), HasSubstr("sleep 54321"))));
}

// Runs `body` in a thread with namespaces of its own: whatever it mounts or adds ends with it.
template <class Body>
void in_own_namespaces(int flags, Body&& body) {
  std::jthread{[&] {
    ASSERT_EQ(::unshare(CLONE_NEWNS | flags), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    body();
  }}.join();
}

TEST(LeakCheck, NamesAMount) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting needs root";
  const TemporaryDirectory directory;
  in_own_namespaces(0, [&] {
    const LeakCheck leak{{.directories = {directory.path()}, .cgroups = {}, .processes = {}}};

    ASSERT_EQ(::mount("tmpfs", directory.path().c_str(), "tmpfs", 0, nullptr), 0);
    EXPECT_THAT(leak.new_objects(0ms), Contains("mount " + directory.path().native()));
    ASSERT_EQ(::umount(directory.path().c_str()), 0);
    EXPECT_THAT(leak.new_objects(), IsEmpty());
  });
}

TEST(LeakCheck, NamesALinkAndATable) {
  if (::geteuid() != 0) GTEST_SKIP() << "links and tables need root";
  in_own_namespaces(CLONE_NEWNET, [] {
    // /sys/class/net shows the network namespace of whoever mounted it.
    ASSERT_EQ(::mount("sysfs", "/sys", "sysfs", 0, nullptr), 0);
    const LeakCheck leak;

    Command link;
    link.argv = {"ip", "link", "add", "k-00000000", "type", "bridge"};
    ASSERT_EQ(run(link, 10s).exit.code, 0);
    Command table;
    table.argv = {"nft", "add table inet kukeon; add chain inet kukeon nat"};
    ASSERT_EQ(run(table, 10s).exit.code, 0);

    EXPECT_THAT(leak.new_objects(0ms), ElementsAre("link k-00000000", "nft chain inet kukeon nat",
                                                   "nft table inet kukeon"));
  });
}

TEST(LeakCheck, NamesAControlGroupInEveryHierarchyThatHasIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "control groups need root";
  const auto hierarchy = fs::exists("/sys/fs/cgroup/cgroup.procs")
                             ? fs::path{"/sys/fs/cgroup"}
                             : fs::path{"/sys/fs/cgroup/unified"};
  const auto name = fmt::format("kukeon-leak-{}", ::getpid());
  const LeakCheck leak{{.directories = {}, .cgroups = {name}, .processes = {}}};
  std::error_code error;
  if (!fs::create_directory(hierarchy / name, error)) {
    GTEST_SKIP() << "no control group can be made in " << hierarchy << ": " << error.message();
  }
  fs::create_directory(hierarchy / name / "below", error);

  const auto found = leak.new_objects(0ms);
  fs::remove(hierarchy / name / "below", error);
  fs::remove(hierarchy / name, error);

  EXPECT_THAT(found, ElementsAre(AllOf(StartsWith("cgroup "), HasSubstr(name)),
                                 AllOf(StartsWith("cgroup "), HasSubstr(name + "/below"))));
}

}  // namespace
}  // namespace kukeon::support
