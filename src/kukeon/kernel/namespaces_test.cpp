// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/namespaces.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <latch>
#include <thread>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/kernel/isolation.h"
#include "kukeon/kernel/mounts.h"
#include "kukeon/kernel/netlink.h"

namespace kukeon::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PinnedNamespacesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = isolate_process()) GTEST_SKIP() << *reason;
  }

  static ino_t inode(const fs::path& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
  }

  static std::string hostname_in(const fs::path& uts) {
    std::string name(65, '\0');
    std::thread{[&] {
      const Fd fd = open_namespace(uts);
      if (::setns(fd.get(), CLONE_NEWUTS) == 0) ::gethostname(name.data(), name.size());
    }}.join();
    return name.c_str();
  }

  TemporaryDirectory dir_;
  PinnedNamespaces cell_{dir_.path() / "ns" / "default_web_front_root"};
};

TEST_F(PinnedNamespacesTest, AreOfTheirOwnWithHostnameAndLoopback) {
  cell_.create("front");
  EXPECT_TRUE(cell_.exists());
  EXPECT_NE(inode(cell_.net()), inode("/proc/self/ns/net"));
  EXPECT_NE(inode(cell_.ipc()), inode("/proc/self/ns/ipc"));
  EXPECT_NE(inode(cell_.uts()), inode("/proc/self/ns/uts"));
  EXPECT_EQ(hostname_in(cell_.uts()), "front");
  Netlink inside{open_namespace(cell_.net())};
  EXPECT_TRUE(inside.find("lo").value().up);
  EXPECT_THAT(list_pinned(dir_.path() / "ns"), ElementsAre("default_web_front_root"));
  cell_.remove();
}

TEST_F(PinnedNamespacesTest, LeaveTheThreadThatMakesThemWhereItWas) {
  const ino_t net = inode("/proc/thread-self/ns/net");
  const ino_t uts = inode("/proc/thread-self/ns/uts");
  cell_.create("front");
  EXPECT_EQ(inode("/proc/thread-self/ns/net"), net);
  EXPECT_EQ(inode("/proc/thread-self/ns/uts"), uts);
  cell_.remove();
}

TEST_F(PinnedNamespacesTest, AreKeptByASecondCreateWhichSetsTheHostname) {
  cell_.create("front");
  const ino_t net = inode(cell_.net());
  cell_.create("back");
  EXPECT_EQ(inode(cell_.net()), net);
  EXPECT_EQ(hostname_in(cell_.uts()), "back");
  EXPECT_EQ(list_mounts_below(cell_.directory()).size(), 3U);
  cell_.remove();
}

TEST_F(PinnedNamespacesTest, AreMadeAnewWhereACrashLeftSome) {
  cell_.create("front");
  unmount(cell_.uts());
  EXPECT_FALSE(cell_.exists());
  EXPECT_THAT(list_pinned(dir_.path() / "ns"), ElementsAre("default_web_front_root"));
  cell_.create("front");
  EXPECT_TRUE(cell_.exists());
  EXPECT_EQ(list_mounts_below(cell_.directory()).size(), 3U);
  cell_.remove();
}

TEST_F(PinnedNamespacesTest, CanBeRemovedTwiceAndLeaveNothing) {
  cell_.create("front");
  cell_.remove();
  cell_.remove();
  EXPECT_FALSE(fs::exists(cell_.directory()));
  EXPECT_THAT(list_mounts_below(dir_.path()), IsEmpty());
  EXPECT_THAT(list_pinned(dir_.path() / "ns"), IsEmpty());
  EXPECT_THAT(list_pinned(dir_.path() / "missing"), IsEmpty());
}

TEST_F(PinnedNamespacesTest, LeaveNothingWhenTheHostnameIsRefused) {
  EXPECT_THROW(cell_.create(std::string(65, 'x')), Error);
  EXPECT_FALSE(fs::exists(cell_.directory()));
}

TEST_F(PinnedNamespacesTest, EndInPrivateCopiesOfTheMountTableToo) {
  cell_.create("front");
  std::latch copied{1};
  std::latch removed{1};
  std::size_t before = 0;
  std::size_t after = 1;
  std::thread other{[&] {
    if (::unshare(CLONE_NEWNS) < 0) std::abort();
    const auto count = [&] {
      const std::string mounts = read_file("/proc/thread-self/mountinfo");
      std::size_t n = 0;
      for (const Mount& mount : parse_mountinfo(mounts)) n += mount.type == "nsfs" ? 1 : 0;
      return n;
    };
    before = count();
    copied.count_down();
    removed.wait();
    after = count();
  }};
  copied.wait();
  cell_.remove();
  removed.count_down();
  other.join();
  EXPECT_EQ(before, 3U);
  EXPECT_EQ(after, 0U);
}

TEST_F(PinnedNamespacesTest, AreRefusedWhereAnOrdinaryFileStands) {
  const fs::path file = dir_.path() / "net";
  write_file_in_place(file, "");
  EXPECT_FALSE(is_namespace(file));
  try {
    open_namespace(file);
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::failed_precondition));
  }
}

TEST_F(PinnedNamespacesTest, AVisitEndsAtHomeEvenWhenItThrows) {
  cell_.create("front");
  const Fd home = open_namespace("/proc/thread-self/ns/net");
  const Fd away = open_namespace(cell_.net());
  const auto visit_and_throw = [&] {
    const NetnsVisit visit{away};
    EXPECT_TRUE(same_namespace(open_namespace("/proc/thread-self/ns/net"), away));
    throw Error{kinds::unknown, "out"};
  };
  EXPECT_THROW(visit_and_throw(), Error);
  EXPECT_TRUE(same_namespace(open_namespace("/proc/thread-self/ns/net"), home));
  cell_.remove();
}

}  // namespace
}  // namespace kukeon::kernel
