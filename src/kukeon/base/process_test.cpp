// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <stop_token>
#include <string>
#include <thread>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"

namespace kukeon {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Programs of ours ignore SIGPIPE, as run() expects.
class ProcessTest : public ::testing::Test {
 protected:
  ProcessTest() { ::signal(SIGPIPE, SIG_IGN); }
};

Command shell(std::string script) { return {.argv = {"sh", "-c", std::move(script)}}; }

TEST_F(ProcessTest, RunCollectsBothStreamsAndTheCode) {
  const Output output = run(shell("echo out; echo err >&2; exit 3"), 30s);
  EXPECT_EQ(output.out, "out\n");
  EXPECT_EQ(output.err, "err\n");
  EXPECT_EQ(output.exit.code, 3);
  EXPECT_EQ(output.exit.signal, 0);
  EXPECT_FALSE(output.exit.ok());
}

TEST_F(ProcessTest, RunEndsItsProgramWhenAStopIsRequested) {
  const TemporaryDirectory home;
  const fs::path pid_file = home.path() / "pid";
  Command waiting = shell("echo $$ > new && mv new pid && exec sleep 600");
  waiting.directory = home.path().string();
  std::stop_source stop;
  const std::jthread stopper{[&] {
    while (!fs::exists(pid_file)) std::this_thread::yield();
    stop.request_stop();
  }};
  try {
    run(waiting, 60s, {}, 1024, stop.get_token());
    FAIL() << "it ran to its end";
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::cancelled)) << error.what();
  }
  EXPECT_FALSE(process_exists(std::stoi(read_file(pid_file))));
}

TEST_F(ProcessTest, ChildThatDiesWithUsEndsWithTheThreadThatStartedIt) {
  Process child;
  std::thread{[&] {
    child = Process::start({.argv = {"sleep", "600"}, .dies_with_us = true}, {});
  }}.join();
  const auto exit = child.wait(10s);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, SIGKILL);
}

TEST_F(ProcessTest, RunFeedsTheInput) {
  std::string input(300'000, 'x');
  input += "end";
  const Output output = run({.argv = {"cat"}}, 30s, input);
  EXPECT_TRUE(output.exit.ok());
  EXPECT_EQ(output.out, input);
}

TEST_F(ProcessTest, AProgramThatReadsNoInputIsNoError) {
  const Output output = run({.argv = {"true"}}, 30s, std::string(1'000'000, 'x'));
  EXPECT_TRUE(output.exit.ok());
}

TEST_F(ProcessTest, InputReachesAProgramThatClosedItsOutput) {
  const TemporaryDirectory home;
  const std::string file = (home.path() / "f").string();
  const std::string input(200'000, 'x');
  run(shell("exec >&- 2>&-; cat > " + file), 30s, input);
  EXPECT_EQ(read_file(file), input);
}

TEST_F(ProcessTest, WithoutInputStdinIsAtItsEnd) {
  EXPECT_EQ(run(shell("cat; echo done"), 30s).out, "done\n");
}

TEST_F(ProcessTest, OutputPastTheLimitIsReadAndDropped) {
  const Output output = run(shell("head -c 5000000 /dev/zero; exit 7"), 30s, {}, 1000);
  EXPECT_EQ(output.out.size(), 1000);
  EXPECT_EQ(output.exit.code, 7);
}

TEST_F(ProcessTest, AProgramThatIsNotInstalledIsNamed) {
  try {
    run({.argv = {"kukeon-no-such-program"}}, 30s);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::not_found));
    EXPECT_STREQ(error.what(), "program kukeon-no-such-program is not installed");
  }
}

TEST_F(ProcessTest, AFileThatCannotRunFailsWithTheErrnoOfExec) {
  const TemporaryDirectory home;
  const std::string file = (home.path() / "plain").string();
  write_file_in_place(file, "text");
  try {
    run({.argv = {file}}, 30s);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.os_error(), EACCES);
  }
  EXPECT_THROW(run({.argv = {"/no/such/program"}}, 30s), Error);
  Command elsewhere = shell("true");
  elsewhere.directory = "/no/such/directory";
  EXPECT_THROW(run(elsewhere, 30s), Error);
}

TEST_F(ProcessTest, TheDeadlineKillsAndReaps) {
  const auto start = steady_clock::now();
  try {
    run({.argv = {"sleep", "600"}}, 100ms);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_TRUE(error.is(kinds::deadline_exceeded));
    EXPECT_STREQ(error.what(), "sleep did not finish within 100 ms");
  }
  EXPECT_LT(steady_clock::now() - start, 30s);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child was left";
}

TEST_F(ProcessTest, TheDeadlineHoldsForAProgramThatNeverStopsWriting) {
  const auto start = steady_clock::now();
  EXPECT_THROW(run({.argv = {"yes"}}, 100ms), Error);
  EXPECT_LT(steady_clock::now() - start, 30s);
}

TEST_F(ProcessTest, AGrandchildThatKeepsThePipesDoesNotKeepUs) {
  const auto start = steady_clock::now();
  const Output output = run(shell("sleep 600 & echo $!"), 60s);
  EXPECT_LT(steady_clock::now() - start, 30s);
  EXPECT_TRUE(output.exit.ok());
  EXPECT_EQ(::kill(std::stoi(output.out), SIGKILL), 0);
}

TEST_F(ProcessTest, ASignalShowsInTheExit) {
  const Output output = run(shell("kill -TERM $$"), 30s);
  EXPECT_EQ(output.exit.signal, SIGTERM);
  EXPECT_EQ(output.exit.code, 128 + SIGTERM);
}

TEST_F(ProcessTest, TheEnvironmentIsOursWithTheExtrasOnTop) {
  ::setenv("KUKEON_TEST_KEPT", "kept", 1);
  ::setenv("KUKEON_TEST_CHANGED", "old", 1);
  Command command = shell("echo $KUKEON_TEST_KEPT $KUKEON_TEST_CHANGED $KUKEON_TEST_ADDED");
  command.extra_env = {{"KUKEON_TEST_CHANGED", "new"}, {"KUKEON_TEST_ADDED", "added"}};
  EXPECT_EQ(run(command, 30s).out, "kept new added\n");
  ::unsetenv("KUKEON_TEST_KEPT");
  ::unsetenv("KUKEON_TEST_CHANGED");
}

TEST_F(ProcessTest, TheDirectoryAndTheSessionAreAsAsked) {
  Command command = shell("pwd; ps -o sid= -p $$ | tr -d ' '; echo $$");
  command.directory = "/";
  command.new_session = true;
  const std::string out = run(command, 30s).out;
  EXPECT_EQ(out.substr(0, 2), "/\n");
  const std::string rest = out.substr(2);
  const std::size_t middle = rest.find('\n');
  EXPECT_EQ(rest.substr(0, middle) + "\n", rest.substr(middle + 1));
}

TEST_F(ProcessTest, OnlyTheDescriptorsAskedForArePassedOn) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd read{ends[0]};
  const Fd write{ends[1]};
  const std::string path = "/proc/$$/fd/" + std::to_string(write.get());
  Command command = shell("test -e " + path + " && echo open || echo closed");
  EXPECT_EQ(run(command, 30s).out, "closed\n");
  command.inherit = {write.get()};
  EXPECT_EQ(run(command, 30s).out, "open\n");
  EXPECT_NE(::fcntl(write.get(), F_GETFD) & FD_CLOEXEC, 0) << "our own copy lost its flag";
}

TEST_F(ProcessTest, WaitEndsAtTheDeadlineOrWithTheChild) {
  Process child = Process::start({.argv = {"sleep", "600"}}, {});
  EXPECT_EQ(child.wait(20ms), std::nullopt);
  child.signal(SIGTERM);
  const auto exit = child.wait(30s);
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->signal, SIGTERM);
  EXPECT_FALSE(child);
  child.signal(SIGTERM);  // gone already: no error
}

TEST_F(ProcessTest, ForeverIsATimeoutToo) {
  Process child = Process::start({.argv = {"true"}}, {});
  EXPECT_TRUE(child.wait(std::chrono::milliseconds::max())->ok());
}

TEST_F(ProcessTest, LeavingTheScopeKillsAndReaps) {
  pid_t pid = 0;
  {
    const Process child = Process::start({.argv = {"sleep", "600"}}, {});
    pid = child.pid();
    EXPECT_TRUE(process_exists(pid));
  }
  EXPECT_FALSE(process_exists(pid));
}

TEST_F(ProcessTest, AReleasedChildLivesOn) {
  Process child = Process::start({.argv = {"sleep", "600"}}, {});
  const pid_t pid = child.release();
  EXPECT_FALSE(child);
  EXPECT_TRUE(process_exists(pid));
  const Fd pidfd = open_pidfd(pid);
  EXPECT_FALSE(wait_for_exit(pidfd, 0ms));
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(wait_for_exit(pidfd, 30s));
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
  EXPECT_FALSE(open_pidfd(pid));
}

TEST_F(ProcessTest, AParentWithoutStandardStreamsCanStartPrograms) {
  // A daemon closes them; the pipes then get their numbers.
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    for (const int fd : {0, 1, 2}) ::close(fd);
    try {
      const Output output = run(shell("cat; echo err >&2"), 30s, "in");
      ::_exit(output.out == "in" && output.err == "err\n" && output.exit.ok() ? 0 : 1);
    } catch (...) {
      ::_exit(2);
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace kukeon
