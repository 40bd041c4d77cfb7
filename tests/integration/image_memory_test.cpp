// SPDX-License-Identifier: Apache-2.0
// What the daemon needs for large images.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/statvfs.h>

#include <cstdlib>
#include <future>
#include <random>

#include "kukeon/image/digest.h"
#include "support/daemon_fixture.h"
#include "support/test_layout.h"

namespace kukeon {
namespace {

using namespace support;
using ::testing::HasSubstr;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

// A value of /proc/<pid>/status in bytes.
std::uint64_t memory_of(pid_t pid, const std::string& key) {
  for (const std::string& line : split(read_file(fmt::format("/proc/{}/status", pid)), '\n')) {
    if (line.starts_with(key + ":")) {
      return std::strtoull(line.c_str() + key.size() + 1, nullptr, 10) * 1024;
    }
  }
  return 0;
}

// An archive of one image with one file of `mebibytes` in one layer, written front to back. No
// block of the file is like another.
void write_large_archive(const fs::path& path, std::size_t mebibytes) {
  std::string block(mib, '\0');
  std::mt19937_64 random{7};
  for (char& byte : block) byte = static_cast<char>(random());
  const std::string header = TestTar{}.promise("large", mebibytes * mib).unfinished();
  const std::string end(1024, '\0');
  const auto each_part = [&](const auto& take) {
    take(header);
    for (std::size_t i = 0; i < mebibytes; ++i) {
      const std::string number = fmt::format("{:08}", i);
      for (std::size_t at = 0; at < block.size(); at += 4096) number.copy(block.data() + at, 8);
      take(block);
    }
    take(end);
  };
  image::Sha256 hash;
  each_part([&](const std::string& part) { hash.update(part); });
  const std::string digest = hash.digest();
  const std::uint64_t size = header.size() + mebibytes * mib + end.size();

  const std::string config = fmt::format(
      R"({{"architecture":"{}","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}})",
      oci::Platform::host().architecture, digest);
  const std::string manifest = fmt::format(
      R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{{"mediaType":"{}","digest":"{}","size":{}}}]}})",
      oci::media::manifest, descriptor(oci::media::config, config), oci::media::layer, digest,
      size);
  const Fd file = open_file(path.string(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const auto put = [&](const std::string& bytes) { write_all(file.get(), bytes, "write a test"); };
  put(TestTar{}
          .file("index.json",
                index_of({descriptor(oci::media::manifest, manifest, named("local/large"))}))
          .file(blob_path(config), config)
          .file(blob_path(manifest), manifest)
          .promise("blobs/sha256/" + digest.substr(7), size)
          .unfinished());
  each_part(put);
  put(std::string((512 - size % 512) % 512, '\0'));
  put(end);
}

class LargeImages : public DaemonTest {
 protected:
  void SetUp() override {
    // The archive, the spool, the content and the snapshot, and room to breathe.
    struct statvfs disk {};
    ::statvfs(fs::temp_directory_path().c_str(), &disk);
    const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    if (free < 8192 * mib) {
      GTEST_SKIP() << "8 GiB of disk are wanted, " << free / mib << " MiB are free";
    }
    DaemonTest::SetUp();
  }
};

TEST_F(LargeImages, OfAGibibyteCostTheDaemonLessThan64MiB) {
  const fs::path archive = daemon().directory() / "large.tar";
  write_large_archive(archive, 1024);
  const auto idle = memory_of(daemon().pid(), "VmRSS");
  EXPECT_THAT(daemon().kuke_ok({"image", "load", archive.string()}), HasSubstr("local/large"));
  const auto most = memory_of(daemon().pid(), "VmHWM");
  EXPECT_LT(most - idle, 64 * mib) << idle / mib << " MiB idle, " << most / mib << " MiB at most";
  RecordProperty("idle_mib", std::to_string(idle / mib));
  RecordProperty("most_mib", std::to_string(most / mib));
  EXPECT_THAT(daemon().kuke_ok({"image", "list"}), HasSubstr("1.0 GiB"));
  EXPECT_THAT(daemon().ctr({"images", "check"}).out, HasSubstr("complete (2/2)"));
  daemon().kuke_ok({"image", "delete", "local/large"});
}

TEST_F(LargeImages, OfADaemonKilledAtTheImportLeaveNothing) {
  const fs::path archive = daemon().directory() / "large.tar";
  write_large_archive(archive, 256);
  const std::string content = daemon().ctr({"content", "ls", "-q"}).out;
  const std::string snapshots = daemon().ctr({"snapshots", "ls"}).out;
  auto loading = std::async(std::launch::async, [&] {
    return daemon().kuke({"image", "load", archive.string()});
  });
  ASSERT_TRUE(eventually([&] { return !trim(daemon().ctr({"leases", "ls", "-q"}).out).empty(); }));
  daemon().kill();
  EXPECT_NE(loading.get().exit.code, 0);
  daemon().start();
  daemon().ctr({"leases", "create", "--id", "collect"});
  daemon().ctr({"leases", "rm", "--sync", "collect"});
  EXPECT_EQ(trim(daemon().ctr({"leases", "ls", "-q"}).out), "");
  EXPECT_EQ(daemon().ctr({"content", "ls", "-q"}).out, content);
  EXPECT_EQ(daemon().ctr({"snapshots", "ls"}).out, snapshots);
  daemon().kuke_ok({"image", "load", archive.string()});
  EXPECT_THAT(daemon().ctr({"images", "check"}).out, HasSubstr("local/large"));
  daemon().kuke_ok({"image", "delete", "local/large"});
}

}  // namespace
}  // namespace kukeon
