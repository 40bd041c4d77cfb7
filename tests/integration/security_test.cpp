// SPDX-License-Identifier: Apache-2.0
// What a container may do, asked of the kernel: system call filters and devices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fmt/format.h>

#include "kukeon/base/strings.h"
#include "support/daemon_fixture.h"
#include "support/leak_check.h"

namespace kukeon {
namespace {

using namespace support;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Security : public DaemonTest {
 protected:
  // A row of /proc/<pid>/status of a container's first process.
  std::string status_of(const std::string& id, std::string_view row) {
    const auto tasks = pids();
    const auto task = tasks.find("default_default_" + id);
    if (task == tasks.end()) return "not running";
    for (const auto& line : split(read_file(fmt::format("/proc/{}/status", task->second)), '\n')) {
      if (line.starts_with(fmt::format("{}:", row))) {
        return std::string{trim(std::string_view{line}.substr(row.size() + 1))};
      }
    }
    return "no such row";
  }
};

// Runs `script`, then waits.
std::string container(const std::string& id, const std::string& script,
                      const std::string& fields = {}) {
  return fmt::format(
      "    - id: {}\n      image: busybox\n      command: /bin/sh\n"
      "      args: [-c, \"{}; echo done; trap 'exit 0' TERM; while :; do sleep 1 & wait $!; "
      "done\"]\n{}",
      id, script, fields);
}

// The kernel lets anyone name a UTS namespace of his own; the default profile lets nobody.
constexpr const char* name_the_host =
    "unshare -U -r -u hostname mine && echo allowed || echo denied";

TEST_F(Security, ContainersHaveTheDefaultFilterUnlessTheySayOtherwise) {
  const fs::path profile = daemon().directory() / "profile.json";
  write_file_in_place(profile,
                      R"({"defaultAction":"SCMP_ACT_ALLOW","archMap":[
                          {"architecture":"SCMP_ARCH_X86_64"},{"architecture":"SCMP_ARCH_AARCH64"}],
                          "syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO",
                                       "errno":"EXDEV"}]})");
  const LeakCheck leak{daemon().leak_scope()};
  daemon().kuke_ok(
      {"apply", "-f", "-"},
      cell_yaml("safe",
                container("plain", name_the_host) +
                    container("open", name_the_host, "      securityOpts: [seccomp=unconfined]\n") +
                    container("own", "mkdir /x 2>&1",
                              fmt::format("      securityOpts: [seccomp={}]\n", profile.string())) +
                    container("mighty", name_the_host, "      privileged: true\n")));
  const auto log_of = [&](const std::string& id) {
    std::string log;
    EXPECT_TRUE(eventually([&] {
      log = daemon().kuke({"log", "safe", "--container", id}).out;
      return log.contains("done");
    })) << log;
    return log;
  };
  EXPECT_EQ(status_of("safe_root", "Seccomp"), "2");
  EXPECT_EQ(status_of("safe_plain", "Seccomp"), "2");
  EXPECT_EQ(status_of("safe_own", "Seccomp"), "2");
  EXPECT_EQ(status_of("safe_open", "Seccomp"), "0");
  EXPECT_EQ(status_of("safe_mighty", "Seccomp"), "0");
  EXPECT_THAT(log_of("plain"), HasSubstr("denied"));
  EXPECT_THAT(log_of("open"), HasSubstr("allowed"));
  EXPECT_THAT(log_of("mighty"), HasSubstr("allowed"));
  EXPECT_THAT(log_of("own"), HasSubstr("Invalid cross-device link"));
  daemon().kuke_ok({"delete", "cell", "safe"});
  EXPECT_THAT(leak.new_objects(), IsEmpty());
}

TEST_F(Security, ProfileThatIsNoneFailsTheCellWithItsPath) {
  const fs::path profile = daemon().directory() / "profile.json";
  write_file_in_place(profile, R"({"defaultAction":"ALLOW"})");
  const auto out = daemon().apply(cell_yaml(
      "wrong",
      waiting("main") + fmt::format("      securityOpts: [seccomp={}]\n", profile.string())));
  EXPECT_NE(out.exit.code, 0);
  EXPECT_THAT(out.out + out.err, HasSubstr(profile.string()));
  EXPECT_THAT(out.out + out.err, HasSubstr("\"ALLOW\" is no action"));
}

TEST_F(Security, ContainersSeeTheDevicesTheyName) {
  daemon().kuke_ok({"apply", "-f", "-"},
                   cell_yaml("dev", waiting("plain") + waiting("with") +
                                        "      devices: [\"/dev/full:/dev/mine/full:rw\"]\n" +
                                        waiting("all") + "      privileged: true\n"));
  const auto tasks = pids();
  const auto stat_in = [&](const std::string& id, const std::string& path) {
    struct stat info {};
    const std::string file =
        fmt::format("/proc/{}/root{}", tasks.at("default_default_dev_" + id), path);
    if (::stat(file.c_str(), &info) < 0 || !S_ISCHR(info.st_mode)) return std::string{"none"};
    return fmt::format("{}:{}", major(info.st_rdev), minor(info.st_rdev));
  };
  EXPECT_EQ(stat_in("with", "/dev/mine/full"), "1:7");
  EXPECT_EQ(stat_in("plain", "/dev/mine/full"), "none");
  // Every host has it, no plain container does.
  if (fs::exists("/dev/loop-control")) {
    EXPECT_EQ(stat_in("plain", "/dev/loop-control"), "none");
    EXPECT_EQ(stat_in("all", "/dev/loop-control"), "10:237");
  }
}

TEST_F(Security, DeviceThatIsNoneFailsTheCellWithItsPath) {
  const auto with = [&](const std::string& device) {
    const auto out = daemon().apply(
        cell_yaml("nodev", waiting("main") + "      devices: [\"" + device + "\"]\n"));
    EXPECT_NE(out.exit.code, 0);
    return out.out + out.err;
  };
  EXPECT_THAT(with("/dev/no-such-device"), HasSubstr("the host has no device"));
  EXPECT_THAT(with("/etc/passwd"), HasSubstr("is a file; mount it as a volume"));
  EXPECT_THAT(with("dev/fuse"), HasSubstr("must have absolute paths"));
}

}  // namespace
}  // namespace kukeon
