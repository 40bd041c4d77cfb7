// SPDX-License-Identifier: Apache-2.0
#include "kukeon/image/archive.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/process.h"
#include "kukeon/image/test_tar.h"

namespace kukeon::image {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::size_t many = 1000;

std::string filtered_by(const std::string& program, std::string_view bytes) {
  Command command;
  command.argv = {program, "-c"};
  const auto output = run(command, std::chrono::seconds{60}, bytes, std::size_t{64} << 20);
  EXPECT_TRUE(output.exit.ok()) << output.err;
  return output.out;
}

std::string content(ArchiveReader& reader) {
  std::string all;
  char buffer[7];
  while (const auto count = reader.read(buffer, sizeof buffer)) all.append(buffer, count);
  return all;
}

std::vector<std::string> names(const std::string& tar, std::uint64_t limit = 1 << 20) {
  Budget budget{limit};
  ArchiveReader reader{source_of(tar), budget, many};
  std::vector<std::string> all;
  while (const auto entry = reader.next()) all.push_back(entry->path);
  return all;
}

std::string refusal(const std::string& tar, std::uint64_t limit = 1 << 20) {
  try {
    names(tar, limit);
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::load_image)) << error.what();
    return error.what();
  }
  return "not refused";
}

TEST(ArchiveReader, ReadsPlainAndCompressedTars) {
  const auto tar = TestTar{}
                       .directory("./")
                       .file("./a.txt", "hello world")
                       .symlink("b/l", "../a.txt")
                       .hardlink("h", "a.txt")
                       .bytes();
  for (const auto& bytes : {tar, filtered_by("gzip", tar)}) {
    Budget budget{1 << 20};
    ArchiveReader reader{source_of(bytes), budget, many};
    auto entry = reader.next();
    EXPECT_EQ(entry->kind, EntryKind::directory);
    EXPECT_EQ(entry->path, "");
    entry = reader.next();
    EXPECT_EQ(entry->path, "a.txt");
    EXPECT_EQ(entry->size, 11U);
    EXPECT_EQ(content(reader), "hello world");
    entry = reader.next();
    EXPECT_EQ(entry->kind, EntryKind::symlink);
    EXPECT_EQ(entry->target, "../a.txt");
    entry = reader.next();
    EXPECT_EQ(entry->kind, EntryKind::hardlink);
    EXPECT_EQ(entry->target, "a.txt");
    EXPECT_FALSE(reader.next());
  }
}

TEST(ArchiveReader, SkipsWhatNobodyReads) {
  const auto tar = TestTar{}.file("a", std::string(5000, 'x')).file("b", "y").bytes();
  EXPECT_THAT(names(tar), ElementsAre("a", "b"));
}

TEST(ArchiveReader, RefusesNamesThatLeaveTheArchive) {
  EXPECT_THAT(refusal(TestTar{}.file("../x", "").bytes()), HasSubstr("leaves the archive"));
  EXPECT_THAT(refusal(TestTar{}.file("a/../../x", "").bytes()), HasSubstr("leaves the archive"));
  EXPECT_THAT(refusal(TestTar{}.file("/etc/passwd", "").bytes()), HasSubstr("absolute name"));
}

TEST(ArchiveReader, RefusesWhatIsNoTar) {
  EXPECT_EQ(refusal(""), "the archive is empty");
  EXPECT_NE(refusal("this is a text, not an archive, whatever its name says"), "not refused");
  EXPECT_NE(refusal(std::string(4096, '\x55')), "not refused");
}

TEST(ArchiveReader, RefusesATruncatedMember) {
  const auto tar = TestTar{}.promise("a", 4096).unfinished() + "short";
  Budget budget{1 << 20};
  ArchiveReader reader{source_of(tar), budget, many};
  reader.next();
  EXPECT_THROW(content(reader), Error);
}

TEST(ArchiveReader, StopsAtTheLimitBeforeItReadsTheMember) {
  const auto bomb = TestTar{}.promise("zeros", std::size_t{1} << 32).unfinished();
  EXPECT_EQ(refusal(bomb, std::uint64_t{1} << 30),
            "uncompressed it is larger than the limit of 1024 MiB");
  const auto compressed =
      filtered_by("gzip", TestTar{}.file("zeros", std::string(8 << 20, '\0')).bytes());
  EXPECT_LT(compressed.size(), 64U << 10);
  EXPECT_THAT(refusal(compressed, 4 << 20), HasSubstr("limit of 4 MiB"));
}

TEST(ArchiveReader, StopsAtTheLimitOfMembers) {
  TestTar tar;
  for (int i = 0; i < 5; ++i) tar.file(fmt::format("f{}", i), "");
  Budget budget{1 << 20};
  const auto bytes = tar.bytes();
  ArchiveReader reader{source_of(bytes), budget, 4};
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(reader.next());
  EXPECT_THROW(reader.next(), Error);
}

TEST(ArchiveReader, PassesOnWhatItsSourceThrows) {
  Budget budget{1 << 20};
  const Source failing = [](char*, std::size_t) -> std::size_t {
    throw Error{kinds::cancelled, "the client went away"};
  };
  try {
    ArchiveReader reader{failing, budget, many};
    reader.next();
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::cancelled));
  }
}

TEST(Decompress, TakesWhateverIsInside) {
  const TemporaryDirectory scratch;
  for (const std::string program : {"", "gzip", "xz"}) {
    const std::string text(100000, 'k');
    const auto bytes = program.empty() ? text : filtered_by(program, text);
    Budget budget{1 << 20};
    Spool spool{scratch.path()};
    decompress(source_of(bytes), budget, spool);
    EXPECT_EQ(spool.digest(), sha256_digest(text)) << program;
    EXPECT_EQ(spool.size(), text.size());
    EXPECT_EQ(spool.head(3), "kkk");
  }
}

TEST(Decompress, StopsAtTheLimit) {
  const TemporaryDirectory scratch;
  const auto bomb = filtered_by("gzip", std::string(4 << 20, '\0'));
  Budget budget{1 << 20};
  Spool spool{scratch.path()};
  EXPECT_THROW(decompress(source_of(bomb), budget, spool), Error);
  EXPECT_LE(spool.size(), 1U << 20);
}

TEST(CheckLayer, CountsWhatItUnpacksTo) {
  const auto layer = filtered_by("gzip", TestTar{}.file("f", std::string(1 << 20, '\0')).bytes());
  Budget enough{2 << 20};
  check_layer(source_of(layer), enough, many);
  Budget little{1 << 19};
  EXPECT_THROW(check_layer(source_of(layer), little, many), Error);
  Budget budget{2 << 20};
  EXPECT_THROW(check_layer(source_of("no tar at all"), budget, many), Error);
  EXPECT_THROW(check_layer(source_of(std::string_view{layer}.substr(0, 60)), budget, many), Error);
}

class DirectoryTar : public testing::Test {
 protected:
  void write(const std::string& path, std::string_view bytes) {
    fs::create_directories((root / path).parent_path());
    write_file_in_place(root / path, bytes);
  }
  // The digest of the tar; its bytes are in `tar`.
  std::string pack() {
    Budget budget{64 << 20};
    Spool spool{scratch.path()};
    write_directory_tar(root, spool, budget, many);
    tar.resize(spool.size());
    const auto source = spool.source();
    for (std::size_t at = 0; at < tar.size();) at += source(tar.data() + at, tar.size() - at);
    return spool.digest();
  }

  TemporaryDirectory scratch;
  fs::path root = scratch.path() / "root";
  std::string tar;
};

TEST_F(DirectoryTar, HoldsTheTreeSorted) {
  write("bin/busybox", std::string(3000, 'b'));
  fs::create_hard_link(root / "bin/busybox", root / "bin/ls");
  fs::create_symlink("busybox", root / "bin/sh");
  write("etc/motd", "hi");
  fs::create_directory(root / "empty");
  ASSERT_EQ(::mkfifo((root / "fifo").c_str(), 0600), 0);
  pack();

  Budget budget{1 << 20};
  ArchiveReader reader{source_of(tar), budget, many};
  std::vector<std::string> seen;
  while (const auto entry = reader.next()) {
    seen.push_back(
        fmt::format("{} {} {}", static_cast<int>(entry->kind), entry->path,
                    entry->kind == EntryKind::file ? std::to_string(entry->size) : entry->target));
  }
  EXPECT_THAT(
      seen, ElementsAre("1 bin ", "0 bin/busybox 3000", "3 bin/ls bin/busybox", "2 bin/sh busybox",
                        "1 empty ", "1 etc ", "0 etc/motd 2", "4 fifo "));
}

TEST_F(DirectoryTar, IsTheSameForTheSameTree) {
  write("b", "2");
  write("a", "1");
  const auto first = pack();
  EXPECT_EQ(pack(), first);
  // Reading changes access times, which are no part of it.
  read_file(root / "a");
  EXPECT_EQ(pack(), first);
  write("a", "3");
  EXPECT_NE(pack(), first);
}

TEST_F(DirectoryTar, KeepsOwnersModesTimesAttributesAndNames) {
  write("tool", "x");
  const auto path = (root / "tool").string();
  ASSERT_EQ(::chmod(path.c_str(), 04755), 0);
  const timespec times[2] = {{1000000000, 5}, {1000000000, 5}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  const bool owner = ::chown(path.c_str(), 123, 456) == 0;
  const bool attributes = ::setxattr(path.c_str(), "user.note", "v", 1, 0) == 0;
  ASSERT_EQ(::chmod(path.c_str(), 04755), 0);
  write("größe", "y");
  pack();

  Command list;
  list.argv = {"tar", "--utc", "--numeric-owner", "-tvf", "-"};
  list.extra_env = {{"LC_ALL", "C.UTF-8"}};
  const auto listing = run(list, std::chrono::seconds{10}, tar);
  EXPECT_TRUE(listing.exit.ok()) << listing.err;
  EXPECT_THAT(listing.out, HasSubstr("größe"));
  EXPECT_THAT(listing.out, HasSubstr("-rwsr-xr-x"));
  EXPECT_THAT(listing.out, HasSubstr("2001-09-09 01:46"));
  if (owner) {
    EXPECT_THAT(listing.out, HasSubstr("123/456"));
  }
  if (attributes) {
    EXPECT_THAT(tar, HasSubstr("SCHILY.xattr.user.note=v"));
  }
  EXPECT_THAT(tar, testing::Not(HasSubstr("LIBARCHIVE")));
}

TEST_F(DirectoryTar, LeavesOutSockets) {
  write("a", "");
  ASSERT_EQ(::mknod((root / "s").c_str(), S_IFSOCK | 0600, 0), 0);
  pack();
  EXPECT_THAT(names(tar), ElementsAre("a"));
}

TEST_F(DirectoryTar, StopsAtItsLimits) {
  write("a", std::string(2048, 'a'));
  write("b", "");
  Budget little{1024};
  Spool spool{scratch.path()};
  EXPECT_THROW(write_directory_tar(root, spool, little, many), Error);
  Budget enough{1 << 20};
  Spool other{scratch.path()};
  EXPECT_THROW(write_directory_tar(root, other, enough, 1), Error);
}

TEST_F(DirectoryTar, NamesADirectoryThatIsNotThere) {
  Budget budget{1024};
  Spool spool{scratch.path()};
  EXPECT_THROW(write_directory_tar(root / "absent", spool, budget, many), Error);
}

}  // namespace
}  // namespace kukeon::image
