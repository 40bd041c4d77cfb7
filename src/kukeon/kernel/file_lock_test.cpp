// SPDX-License-Identifier: Apache-2.0
#include "kukeon/kernel/file_lock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/process.h"

namespace kukeon::kernel {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

TEST(FileLock, ExcludesASecondHolderAndNamesTheFirst) {
  const TemporaryDirectory dir;
  const fs::path path = dir.path() / "engine.lock";
  EXPECT_EQ(FileLock::holder(path), std::nullopt);
  {
    const auto held = FileLock::try_lock(path);
    ASSERT_TRUE(held);
    EXPECT_FALSE(FileLock::try_lock(path));
    EXPECT_EQ(FileLock::holder(path), ::getpid());
  }
  EXPECT_EQ(FileLock::holder(path), std::nullopt);
  EXPECT_TRUE(FileLock::try_lock(path));
}

TEST(FileLock, GivesUpAtTheDeadlineWithTheHoldersPid) {
  const TemporaryDirectory dir;
  const fs::path path = dir.path() / "engine.lock";
  const auto held = FileLock::try_lock(path);
  try {
    FileLock::lock(path, milliseconds{30});
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::engine_locked));
    EXPECT_THAT(error.what(), HasSubstr(fmt::format("is held by process {}", ::getpid())));
  }
}

TEST(FileLock, PassesToTheOneWaitingWhenItsHolderIsKilled) {
  const TemporaryDirectory dir;
  const fs::path path = dir.path() / "engine.lock";
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = FileLock::try_lock(path);
    (void)!::write(ready[1], "x", 1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(FileLock::holder(path), child);
  EXPECT_FALSE(FileLock::try_lock(path));

  ::kill(child, SIGKILL);
  EXPECT_NO_THROW(FileLock::lock(path, seconds{10}));
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(FileLock, SaysWhichFileItCannotMake) {
  EXPECT_THROW(FileLock::try_lock("/nonexistent/engine.lock"), Error);
}

}  // namespace
}  // namespace kukeon::kernel
