// SPDX-License-Identifier: Apache-2.0
#include "kukeon/runtime/exec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>

#include "kukeon/base/guarded.h"
#include "support/containerd_fixture.h"

// Processes in running containers, over a real containerd.
namespace kukeon {
namespace {

using runtime::Exec;
using runtime::ExecOptions;
using runtime::OutputStream;
using runtime::TaskState;
using std::chrono::milliseconds;
using std::chrono::seconds;
using support::error_of;
using support::eventually;
using support::Recorder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// Collects what an exec writes, and lets a test wait for a part of it.
class Collector {
 public:
  std::function<void(OutputStream, std::string_view)> function() {
    return [this](OutputStream, std::string_view bytes) {
      const std::lock_guard lock{mutex_};
      text_ += bytes;
      changed_.notify_all();
    };
  }
  bool wait_for(std::string_view part) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, seconds{10},
                             [&] { return text_.find(part) != std::string::npos; });
  }
  std::string text() {
    const std::lock_guard lock{mutex_};
    return text_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
};

class ContainerdExec : public support::Containerd {
 protected:
  void SetUp() override {
    Containerd::SetUp();
    if (containerd_ == nullptr) return;
    create("web", {"/bin/sleep", "1000"});
    containerd_->start_task(ns_, "web", on_rootfs());
  }

  oci::Process shell(const std::string& script, const std::string& id = "web") {
    return runtime::process_in(*containerd_->find_container(ns_, id), {"/bin/sh", "-c", script});
  }
  runtime::ExecResult run_shell(const std::string& script, std::string_view input = {}) {
    return runtime::exec_to_end(*containerd_, ns_, "web", shell(script), seconds{30}, input,
                                std::size_t{4} << 20);
  }
  std::unique_ptr<Exec> start_shell(const std::string& script) {
    return containerd_->exec(ns_, "web", {.process = shell(script)});
  }
};

TEST_F(ContainerdExec, HasAnExitCodeAndOutputOfItsOwn) {
  const auto result = run_shell("echo out; echo err >&2; exit 42");
  EXPECT_EQ(result.exit_code, 42U);
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_EQ(containerd_->find_task(ns_, "web")->state, TaskState::running);
  EXPECT_THAT(ctr({"tasks", "ls"}), HasSubstr("RUNNING"));
}

TEST_F(ContainerdExec, LosesNoByteOfAMegabyte) {
  for (int round = 0; round < 5; ++round) {
    const auto result =
        run_shell("head -c 1048576 /dev/zero | tr '\\0' x; echo tail; echo end >&2");
    EXPECT_EQ(result.exit_code, 0U);
    EXPECT_EQ(result.out, std::string(std::size_t{1} << 20, 'x') + "tail\n");
    EXPECT_EQ(result.err, "end\n");
  }
}

TEST_F(ContainerdExec, SlowsAProcessDownToItsReaderAndLosesNothing) {
  std::promise<void> go_on;
  const auto may_go_on = go_on.get_future().share();
  std::size_t bytes = 0;
  ExecOptions options{.process = shell("head -c 1048576 /dev/zero"),
                      .on_output = [&](OutputStream, std::string_view part) {
                        may_go_on.wait();
                        bytes += part.size();
                      }};
  const auto exec = containerd_->exec(ns_, "web", options);
  EXPECT_FALSE(exec->wait(milliseconds{300}));
  go_on.set_value();
  EXPECT_EQ(exec->wait(seconds{10}), 0U);
  EXPECT_EQ(bytes, std::size_t{1} << 20);
}

TEST_F(ContainerdExec, ReadsItsInputToTheEnd) {
  const std::string input(std::size_t{300} << 10, 'i');
  const auto result = run_shell("wc -c; cat", input);
  EXPECT_THAT(result.out, StartsWith(std::to_string(input.size())));
  EXPECT_EQ(run_shell("cat", input).out, input);
  EXPECT_EQ(run_shell("cat").out, "");                // without input there is an end at once
  EXPECT_EQ(run_shell("true", input).exit_code, 0U);  // and nobody has to read it
}

TEST_F(ContainerdExec, HasATerminalWhenItAsksForOne) {
  EXPECT_EQ(run_shell("[ -t 1 ] || echo none").out, "none\n");

  Collector collector;
  ExecOptions options{.process = shell("[ -t 0 ] && [ -t 2 ] && echo terminal; stty size; read x;"
                                       " stty size; exit 3"),
                      .on_output = collector.function(),
                      .input = true,
                      .size = {.columns = 133, .rows = 41}};
  options.process.terminal = true;
  const auto exec = containerd_->exec(ns_, "web", options);
  ASSERT_TRUE(collector.wait_for("terminal\r\n41 133\r\n")) << collector.text();
  exec->resize({.columns = 99, .rows = 55});
  exec->write_input("\n", seconds{5});
  EXPECT_EQ(exec->wait(seconds{10}), 3U);
  EXPECT_THAT(collector.text(), HasSubstr("55 99\r\n"));
}

TEST_F(ContainerdExec, HasNoTerminalToResizeWithoutOne) {
  const auto exec = start_shell("sleep 1000");
  EXPECT_TRUE(error_of([&] { exec->resize({}); }).is(kinds::failed_precondition));
  EXPECT_TRUE(error_of([&] { exec->write_input("a", seconds{1}); }).is(kinds::failed_precondition));
}

TEST_F(ContainerdExec, AppendsToALogFile) {
  const TemporaryDirectory logs;
  // A name that a URL would read otherwise.
  const std::string log = (logs.path() / "a b%20?#.log").string();
  write_file_in_place(log, "before\n");
  ExecOptions options{.process = shell("echo out; echo err >&2"), .log_path = log};
  constexpr std::size_t rounds = 10;
  for (std::size_t i = 0; i < rounds; ++i) {
    EXPECT_EQ(containerd_->exec(ns_, "web", options)->wait(seconds{10}), 0U);
  }
  auto lines = split(trim(read_file(log)), '\n');
  EXPECT_EQ(lines.front(), "before");
  EXPECT_EQ(std::ranges::count(lines, "out"), rounds);
  EXPECT_EQ(std::ranges::count(lines, "err"), rounds);
  options.process.terminal = true;
  EXPECT_TRUE(
      error_of([&] { containerd_->exec(ns_, "web", options); }).is(kinds::invalid_argument));
}

TEST_F(ContainerdExec, IsNotHeldUpForEverByAChildWithItsOutput) {
  Collector collector;
  ExecOptions options{.process = shell("sleep 1000 & echo mine; exit 3"),
                      .on_output = collector.function()};
  const auto exec = containerd_->exec(ns_, "web", options);
  EXPECT_EQ(exec->wait(seconds{30}), 3U);
  EXPECT_EQ(collector.text(), "mine\n");
}

TEST_F(ContainerdExec, IsKilledByNumberAndTellsIt) {
  const auto exec = start_shell("sleep 1000");
  EXPECT_FALSE(exec->wait(milliseconds{0}));
  EXPECT_FALSE(exec->wait(milliseconds{50}));
  EXPECT_THAT(ctr({"tasks", "ps", "web"}), HasSubstr(std::to_string(exec->pid())));
  exec->kill(SIGKILL);
  EXPECT_EQ(exec->wait(seconds{10}), 137U);
  exec->kill(SIGKILL);  // is gone: success
  EXPECT_EQ(exec->wait(milliseconds{0}), 137U);
  EXPECT_FALSE(process_exists(static_cast<pid_t>(exec->pid())));
  EXPECT_EQ(containerd_->find_task(ns_, "web")->state, TaskState::running);
}

TEST_F(ContainerdExec, DiesByAnotherSignalThanSigkill) {
  Collector collector;
  ExecOptions options{
      .process = shell("trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.01;"
                       " done"),
      .on_output = collector.function()};
  const auto exec = containerd_->exec(ns_, "web", options);
  ASSERT_TRUE(collector.wait_for("up\n"));
  exec->kill(SIGTERM);
  EXPECT_EQ(exec->wait(seconds{10}), 9U);
  EXPECT_EQ(collector.text(), "up\nbye\n");
}

TEST_F(ContainerdExec, EndsWithItsOwner) {
  pid_t pid = 0;
  {
    const auto exec = start_shell("sleep 1000");
    pid = static_cast<pid_t>(exec->pid());
    EXPECT_TRUE(process_exists(pid));
  }
  EXPECT_FALSE(process_exists(pid));
  EXPECT_THAT(ctr({"tasks", "ps", "web"}), Not(HasSubstr(std::to_string(pid))));
}

TEST_F(ContainerdExec, EndsWithItsContainer) {
  const auto exec = start_shell("sleep 1000");
  containerd_->kill_task(ns_, "web", SIGKILL);
  EXPECT_EQ(exec->wait(seconds{10}), 137U);
}

TEST_F(ContainerdExec, IsLostWithItsTask) {
  const auto exec = start_shell("sleep 1000");
  containerd_->delete_task(ns_, "web");
  EXPECT_TRUE(error_of([&] { exec->wait(seconds{10}); }).is(kinds::not_found));
}

TEST_F(ContainerdExec, NamesTheCommandThatTheContainerLacks) {
  const auto process = runtime::process_in(*containerd_->find_container(ns_, "web"), {"no-such"});
  const Error error = error_of([&] { containerd_->exec(ns_, "web", {.process = process}); });
  EXPECT_TRUE(error.is(kinds::invalid_argument)) << error.what();
  EXPECT_EQ(error.message(), R"(exec: "no-such": executable file not found in $PATH)");
  EXPECT_EQ(run_shell("exit 5").exit_code, 5U);  // the container has not suffered
}

TEST_F(ContainerdExec, SaysWhyNothingCanRunInTheContainer) {
  const auto refused = [&](const std::string& id) {
    return error_of([&] { containerd_->exec(ns_, id, {.process = shell("true")}); });
  };
  EXPECT_TRUE(refused("nobody").is(kinds::not_found));

  containerd_->pause_task(ns_, "web");
  const Error paused = refused("web");
  EXPECT_TRUE(paused.is(kinds::failed_precondition)) << paused.what();
  EXPECT_EQ(paused.message(), "container web is paused: resume it first");
  containerd_->resume_task(ns_, "web");
  EXPECT_EQ(run_shell("exit 5").exit_code, 5U);

  containerd_->kill_and_wait(ns_, "web", SIGKILL, seconds{10});
  const Error stopped = refused("web");
  EXPECT_TRUE(stopped.is(kinds::failed_precondition)) << stopped.what();
  EXPECT_EQ(stopped.message(), "container web is not running: it exited with code 137");
}

TEST_F(ContainerdExec, IsNoExitOfTheTaskToAWatcher) {
  Recorder recorder{*containerd_};
  ASSERT_TRUE(recorder.wait_for_connection(1));
  EXPECT_EQ(run_shell("exit 7").exit_code, 7U);
  containerd_->kill_and_wait(ns_, "web", SIGKILL, seconds{10});
  containerd_->delete_task(ns_, "web");
  ASSERT_TRUE(recorder.wait_for(runtime::EventKind::task_deleted, ns_));
  EXPECT_EQ(recorder.count(runtime::EventKind::task_exited, ns_), 1U);
  EXPECT_EQ(recorder.count(runtime::EventKind::task_deleted, ns_), 1U);
  EXPECT_EQ(recorder.wait_for(runtime::EventKind::task_exited, ns_)->exit_code, 137U);
}

TEST_F(ContainerdExec, RunsBesideOthersInTheContainersOfOneShim) {
  for (const char* id : {"root", "db"}) {
    create(id, {"/bin/sleep", "1000"}, "root");
    containerd_->start_task(ns_, id, on_rootfs());
  }
  Guarded<std::vector<std::string>> outputs;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const std::string id = i % 2 == 0 ? "root" : "db";
        const auto result = runtime::exec_to_end(
            *containerd_, ns_, id, shell(fmt::format("echo $(hostname) {}; exit {}", i, i), id),
            seconds{30});
        EXPECT_EQ(result.exit_code, static_cast<std::uint32_t>(i));
        outputs.with([&](auto& list) { list.push_back(result.out); });
      });
    }
  }
  std::vector<std::string> expected;
  for (int i = 0; i < 8; ++i)
    expected.push_back(fmt::format("{} {}\n", i % 2 == 0 ? "root" : "db", i));
  EXPECT_THAT(outputs.with([](auto& list) { return list; }),
              ::testing::UnorderedElementsAreArray(expected));

  const auto survivor = containerd_->exec(ns_, "db", {.process = shell("sleep 1000", "db")});
  containerd_->delete_task(ns_, "root");
  EXPECT_FALSE(survivor->wait(milliseconds{0}));
  survivor->kill(SIGKILL);
  EXPECT_EQ(survivor->wait(seconds{10}), 137U);
}

TEST_F(ContainerdExec, GoesOnWhileContainerdIsAway) {
  Collector collector;
  ExecOptions options{.process = shell("echo up; read x; echo got $x; exit 6"),
                      .on_output = collector.function(),
                      .input = true};
  const auto exec = containerd_->exec(ns_, "web", options);
  ASSERT_TRUE(collector.wait_for("up\n"));
  // A call that is under way fails; the next one finds containerd again.
  std::promise<void> waiting;
  auto failed = std::async(std::launch::async, [&] {
    waiting.set_value();
    return error_of([&] { containerd_->wait_task(ns_, "web", seconds{60}); });
  });
  waiting.get_future().wait();
  EXPECT_FALSE(exec->wait(milliseconds{100}));
  server_->kill();
  const Error error = failed.get();
  EXPECT_TRUE(error.is(kinds::connect_containerd)) << error.what();
  exec->write_input("it\n", seconds{5});
  EXPECT_TRUE(collector.wait_for("got it\n"));
  EXPECT_TRUE(error_of([&] { exec->wait(seconds{10}); }).is(kinds::connect_containerd));
  server_->start();
  EXPECT_EQ(exec->wait(seconds{10}), 6U);
  EXPECT_EQ(collector.text(), "up\ngot it\n");
}

TEST_F(ContainerdExec, LosesAProcessWhoseShimIsKilled) {
  const auto exec = start_shell("sleep 1000");
  const auto shims = server_->shims(ns_);
  ASSERT_EQ(shims.size(), 1U);
  ASSERT_EQ(::kill(shims[0], SIGKILL), 0);
  const Error error = error_of([&] { exec->wait(seconds{20}); });
  EXPECT_FALSE(error.is(ErrorKind{"none", ""})) << error.what();
  EXPECT_TRUE(eventually([&] { return !containerd_->find_task(ns_, "web"); }));
  EXPECT_TRUE(error_of([&] { exec->wait(seconds{20}); }).is(kinds::not_found));
  EXPECT_TRUE(eventually([&] { return !process_exists(static_cast<pid_t>(exec->pid())); }));
}

}  // namespace
}  // namespace kukeon
