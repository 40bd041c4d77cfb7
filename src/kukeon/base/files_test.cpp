// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <thread>

#include "kukeon/base/error_kinds.h"

namespace kukeon {
namespace {

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777;
}

std::size_t entries(const fs::path& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator{directory}, fs::directory_iterator{}));
}

TEST(Files, AreReadAsTheyWereWritten) {
  const TemporaryDirectory home;
  const fs::path path = home.path() / "f";
  const std::string bytes = std::string(100'000, 'x') + '\0' + "end";
  write_file_atomically(path, bytes, 0640);
  EXPECT_EQ(read_file(path), bytes);
  EXPECT_EQ(mode_of(path), 0640);
  EXPECT_EQ(entries(home.path()), 1) << "the temporary file stayed";
}

TEST(Files, AtomicWriteReplacesTheInodeAndInPlaceKeepsIt) {
  const TemporaryDirectory home;
  const fs::path path = home.path() / "f";
  write_file_atomically(path, "old", 0644, Sync::yes);
  const Fd reader = open_file(path.string(), O_RDONLY);

  write_file_atomically(path, "new", 0644, Sync::yes);
  char seen[8] = {};
  EXPECT_EQ(::pread(reader.get(), seen, sizeof seen, 0), 3);
  EXPECT_STREQ(seen, "old");

  struct stat before {};
  struct stat after {};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  write_file_in_place(path, "x");
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(read_file(path), "x");
}

TEST(Files, AFailedAtomicWriteLeavesNothing) {
  const TemporaryDirectory home;
  fs::create_directory(home.path() / "taken");
  fs::create_directory(home.path() / "taken" / "x");
  EXPECT_THROW(write_file_atomically(home.path() / "taken", "bytes", 0644), Error);
  EXPECT_EQ(entries(home.path()), 1);
  EXPECT_THROW(write_file_atomically(home.path() / "absent" / "f", "bytes", 0644), Error);
}

TEST(Files, AReaderNeverSeesHalfAFile) {
  const TemporaryDirectory home;
  const fs::path path = home.path() / "f";
  const std::string a(50'000, 'a');
  const std::string b(70'000, 'b');
  write_file_atomically(path, a, 0644);
  std::jthread writer{[&] {
    for (int i = 0; i < 100; ++i) write_file_atomically(path, i % 2 == 0 ? b : a, 0644);
  }};
  for (int i = 0; i < 200; ++i) {
    const std::string seen = read_file(path);
    ASSERT_TRUE(seen == a || seen == b);
  }
}

TEST(Files, ReadingStopsAtTheLimit) {
  const TemporaryDirectory home;
  const fs::path path = home.path() / "f";
  write_file_in_place(path, std::string(1001, 'x'));
  EXPECT_EQ(read_file(path, 1001).size(), 1001);
  EXPECT_THROW(read_file(path, 1000), Error);
  EXPECT_THROW(read_file("/dev/zero", 1000), Error);
}

TEST(Files, AMissingFileIsAnAnswerOnlyWhereItMayBe) {
  const TemporaryDirectory home;
  EXPECT_EQ(read_file_if_exists(home.path() / "absent"), std::nullopt);
  EXPECT_EQ(read_file_if_exists(home.path() / "absent" / "f"), std::nullopt);
  try {
    read_file(home.path() / "absent");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.os_error(), ENOENT);
    EXPECT_EQ(error.message(),
              "open " + (home.path() / "absent").string() + ": no such file or directory");
  }
  EXPECT_THROW(read_file_if_exists(home.path()), Error);  // a directory
}

TEST(Files, DirectoriesGetExactlyTheModeAskedFor) {
  const TemporaryDirectory home;
  const mode_t umask = ::umask(0077);
  make_directories(home.path() / "a" / "b" / "c", 02750);
  ::umask(umask);
  EXPECT_EQ(mode_of(home.path() / "a"), 02750);
  EXPECT_EQ(mode_of(home.path() / "a/b/c"), 02750);
}

TEST(Files, DirectoriesThatExistKeepTheirMode) {
  const TemporaryDirectory home;
  make_directories(home.path() / "a", 0700);
  make_directories(home.path() / "a" / "b", 0755);
  make_directories(home.path() / "a" / "b", 0711);
  EXPECT_EQ(mode_of(home.path() / "a"), 0700);
  EXPECT_EQ(mode_of(home.path() / "a/b"), 0755);
}

TEST(Files, AFileInTheWayOfADirectoryIsAnError) {
  const TemporaryDirectory home;
  write_file_in_place(home.path() / "f", "");
  EXPECT_THROW(make_directories(home.path() / "f", 0755), Error);
  EXPECT_THROW(make_directories(home.path() / "f" / "g", 0755), Error);
}

TEST(Files, ATemporaryDirectoryTakesItsContentsAlong) {
  fs::path path;
  {
    const TemporaryDirectory home;
    path = home.path();
    make_directories(path / "a" / "b", 0700);
    write_file_in_place(path / "a" / "b" / "f", "x");
    EXPECT_EQ(mode_of(path), 0700);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(Files, EveryDescriptorIsClosedOnExec) {
  const TemporaryDirectory home;
  const Fd fd = open_file((home.path() / "f").string(), O_RDWR | O_CREAT, 0600);
  EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Fd, ClosesOnceAndMoves) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  Fd read{ends[0]};
  Fd write{ends[1]};
  Fd moved = std::move(write);
  EXPECT_FALSE(write);  // NOLINT(bugprone-use-after-move): what a moved-from Fd is, is the point
  moved.reset();
  char byte = 0;
  EXPECT_EQ(::read(read.get(), &byte, 1), 0) << "the write end is still open";
}

}  // namespace
}  // namespace kukeon
