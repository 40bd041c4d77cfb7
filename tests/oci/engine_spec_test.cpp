// SPDX-License-Identifier: Apache-2.0
// What the engine hands to containerd for a container, started with runc and asked of the kernel:
// system call filters and devices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fmt/format.h>

#include "kukeon/base/process.h"
#include "kukeon/engine/container_spec.h"
#include "kukeon/kernel/cgroup.h"

namespace kukeon::engine {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class EngineSpec : public testing::Test {
 protected:
  EngineSpec() : group_{fmt::format("/kukeon-oci-test-{}", ::getpid())} {}

  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "not root";
    if (!fs::exists("/bin/busybox")) GTEST_SKIP() << "busybox-static is not installed";
    if (!fs::exists("/usr/sbin/runc")) GTEST_SKIP() << "runc is not installed";
    make_directories(bundle() / "rootfs/bin", 0755);
    fs::copy_file("/bin/busybox", bundle() / "rootfs/bin/busybox");
    for (const char* name : {"sh", "unshare", "hostname", "grep", "ls", "mkdir"}) {
      fs::create_symlink("busybox", bundle() / "rootfs/bin" / name);
    }
    write_file_in_place(bundle() / "etc-hosts", "");
    write_file_in_place(bundle() / "etc-hostname", "");
  }
  void TearDown() override { kernel::Cgroups{}.remove(group_); }

  fs::path bundle() const { return directory_.path(); }

  static model::ContainerSpec container(const std::string& script) {
    model::ContainerSpec spec;
    spec.id = "main";
    spec.image = "busybox";
    spec.command = "/bin/sh";
    spec.args = {"-c", script};
    return spec;
  }

  // Output and errors of the container.
  std::string run_container(const model::ContainerSpec& container) const {
    Config config;
    config.runtime_dir = bundle() / "run";
    model::Cell cell;
    cell.metadata.name = "web";
    cell.spec.id = "web";
    cell.spec.containers.push_back(container);
    const CellLayout at{.path = {"default", "default", "default", "web", ""},
                        .ns = "default.kukeon.io",
                        .cell_id = "web",
                        .root_name = "root",
                        .root_id = "default_default_web_root",
                        .cgroup = group_,
                        .host_network = true,  // nothing is pinned
                        .network = {},
                        .pins = kernel::PinnedNamespaces{bundle() / "pins"},
                        .directory = bundle()};
    const image::UnpackedImage image;
    const oci::AccountFiles accounts;
    const std::string spec = make_oci_spec(container, {.config = config,
                                                       .cell = cell,
                                                       .at = at,
                                                       .image = image,
                                                       .accounts = accounts,
                                                       .cgroup_v2 = false});
    write_file_in_place(bundle() / "config.json", spec);
    const Output ran = run({.argv = {"runc", "--root", (bundle() / "state").string(), "run",
                                     "--bundle", bundle().string(), group_.substr(1)}},
                           60s);
    return ran.out + ran.err;
  }

 private:
  TemporaryDirectory directory_;
  std::string group_;
};

// The kernel lets anyone name a UTS namespace of his own; the default profile lets nobody.
constexpr const char* name_a_host =
    "grep ^Seccomp: /proc/self/status; unshare -U -r -u hostname mine && echo allowed";

TEST_F(EngineSpec, HasTheDefaultFilter) {
  const auto out = run_container(container(name_a_host));
  EXPECT_THAT(out, HasSubstr("Seccomp:\t2"));
  EXPECT_THAT(out, HasSubstr("Operation not permitted"));
  EXPECT_THAT(out, Not(HasSubstr("allowed")));
}

TEST_F(EngineSpec, HasNoFilterWhereTheContainerIsUnconfinedOrPrivileged) {
  auto open = container(name_a_host);
  open.security_opts = {"seccomp=unconfined"};
  auto out = run_container(open);
  EXPECT_THAT(out, HasSubstr("Seccomp:\t0"));
  EXPECT_THAT(out, HasSubstr("allowed"));

  auto privileged = container(name_a_host);
  privileged.privileged = true;
  out = run_container(privileged);
  EXPECT_THAT(out, HasSubstr("Seccomp:\t0"));
  EXPECT_THAT(out, HasSubstr("allowed"));
}

TEST_F(EngineSpec, HasTheFilterOfAFile) {
  const fs::path profile = bundle() / "profile.json";
  write_file_in_place(profile, R"({"defaultAction":"SCMP_ACT_ALLOW","archMap":[
      {"architecture":"SCMP_ARCH_X86_64"},{"architecture":"SCMP_ARCH_AARCH64"}],
      "syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errno":"EXDEV"}]})");
  auto own = container("mkdir /x");
  own.security_opts = {"seccomp=" + profile.string()};
  EXPECT_THAT(run_container(own), HasSubstr("Invalid cross-device link"));

  write_file_in_place(profile, "{}");
  EXPECT_THROW(run_container(own), Error);
  own.security_opts = {"seccomp=profile.json"};
  EXPECT_THROW(run_container(own), Error);
}

TEST_F(EngineSpec, HasTheDevicesItNamesWithTheirAccess) {
  auto with = container("ls -ln /dev/mine/full /dev/loop-control; echo x > /dev/mine/full");
  with.devices = {"/dev/full:/dev/mine/full:w"};
  const auto out = run_container(with);
  EXPECT_THAT(out, testing::ContainsRegex(" 1, +7 .*/dev/mine/full"));
  EXPECT_THAT(out, HasSubstr("No space left on device"));
  EXPECT_THAT(out, HasSubstr("/dev/loop-control: No such file"));
  with.devices = {"/etc/passwd"};
  EXPECT_THROW(run_container(with), Error);
}

// A device that runtimes do not allow to everyone.
TEST_F(EngineSpec, MayDoWithADeviceWhatItAskedFor) {
  if (!fs::exists("/dev/loop-control")) GTEST_SKIP() << "no /dev/loop-control";
  constexpr const char* denied = "/dev/mine/loop: Operation not permitted";
  auto with = container("ls -ln /dev/loop-control; echo x > /dev/mine/loop");
  with.devices = {"/dev/loop-control:/dev/mine/loop:r"};
  EXPECT_THAT(run_container(with), HasSubstr(denied));
  with.devices = {"/dev/loop-control:/dev/mine/loop:rw"};
  EXPECT_THAT(run_container(with), Not(HasSubstr(denied)));

  with.devices = {};
  with.privileged = true;
  EXPECT_THAT(run_container(with), testing::ContainsRegex("10, +237 .*/dev/loop-control"));
}

}  // namespace
}  // namespace kukeon::engine
