// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstring>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"

namespace kukeon::kernel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A tree with devices of its own; mknod(2) wants CAP_MKNOD.
class DevicesOfATree : public testing::Test {
 protected:
  void SetUp() override {
    make_directories(root() / "dev/net", 0755);
    make_directories(root() / "dev/pts", 0755);
    if (::mknod((root() / "dev/fuse").c_str(), S_IFCHR | 0600, makedev(10, 229)) < 0) {
      GTEST_SKIP() << "cannot make device nodes: " << std::strerror(errno);
    }
    ::chmod((root() / "dev/fuse").c_str(), 0666);
    ::mknod((root() / "dev/net/tun").c_str(), S_IFCHR | 0640, makedev(10, 200));
    ::mknod((root() / "dev/vda").c_str(), S_IFBLK | 0600, makedev(254, 0));
    ::mknod((root() / "dev/pts/0").c_str(), S_IFCHR | 0620, makedev(136, 0));
    ::mknod((root() / "dev/ptmx").c_str(), S_IFCHR | 0666, makedev(5, 2));
    ::mkfifo((root() / "dev/initctl").c_str(), 0600);
    write_file_in_place(root() / "dev/file", "");
    fs::create_symlink("/dev/vda", root() / "dev/disk");
    fs::create_symlink("/../../../../../../dev/null", root() / "dev/out");
  }

  fs::path root() const { return directory_.path(); }
  Devices devices() const { return Devices{root().string()}; }

  std::string error_of(const std::string& path) const {
    try {
      devices().get(path);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(DevicesOfATree, AreFoundByPathWithNumberModeAndOwner) {
  EXPECT_EQ(
      devices().get("/dev/fuse"),
      (DeviceNode{.path = "/dev/fuse", .type = 'c', .major = 10, .minor = 229, .mode = 0666}));
  EXPECT_EQ(devices().get("/dev/vda"),
            (DeviceNode{.path = "/dev/vda", .type = 'b', .major = 254, .minor = 0, .mode = 0600}));
}

TEST_F(DevicesOfATree, AreFoundThroughLinksThatStayInIt) {
  const auto node = devices().get("/dev/disk");
  EXPECT_EQ(node.path, "/dev/disk");
  EXPECT_EQ(node.major, 254U);
  EXPECT_EQ(error_of("/dev/out"), "the host has no device \"/dev/out\"");
}

TEST_F(DevicesOfATree, AreNothingElse) {
  EXPECT_EQ(error_of("/dev/none"), "the host has no device \"/dev/none\"");
  EXPECT_EQ(error_of("/dev/fuse/x"), "the host has no device \"/dev/fuse/x\"");
  EXPECT_EQ(error_of("/dev/net"), "\"/dev/net\" is a directory; name the devices in it");
  EXPECT_EQ(error_of("/dev/file"), "\"/dev/file\" is a file; mount it as a volume");
  EXPECT_EQ(error_of("/dev/initctl"), "\"/dev/initctl\" is neither a character nor a block device");
}

TEST_F(DevicesOfATree, AreAllListedButTerminals) {
  std::vector<std::string> paths;
  for (const auto& node : devices().all()) paths.push_back(node.path);
  EXPECT_THAT(paths, ElementsAre("/dev/fuse", "/dev/net/tun", "/dev/vda"));
}

TEST_F(DevicesOfATree, AreNotListedWithoutEnd) { EXPECT_THROW(devices().all(1), Error); }

TEST(DevicesOfTheHost, HaveTheNullDevice) {
  const auto null = Devices::of_host().get("/dev/null");
  EXPECT_EQ(null.type, 'c');
  EXPECT_EQ(null.major, 1U);
  EXPECT_EQ(null.minor, 3U);
}

}  // namespace
}  // namespace kukeon::kernel
