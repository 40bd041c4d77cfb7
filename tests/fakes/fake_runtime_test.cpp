// SPDX-License-Identifier: Apache-2.0
#include "fakes/fake_runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/runtime/filter.h"

namespace kukeon::fakes {
namespace {

using runtime::EventKind;
using runtime::TaskState;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string ns = "default.kukeon.io";
// sha256 of "hello"
const std::string hello_digest =
    "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

runtime::Source text(std::string bytes) {
  return [bytes, offset = std::size_t{0}](char* buffer, std::size_t size) mutable {
    const std::size_t n = std::min(size, bytes.size() - offset);
    std::memcpy(buffer, bytes.data() + offset, n);
    offset += n;
    return n;
  };
}

runtime::ContainerRecord container(const std::string& id) {
  return {.id = id,
          .image = {},
          .snapshotter = {},
          .snapshot_key = {},
          .spec_json = "{}",
          .labels = {}};
}

ErrorKind kind_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.kind();
  }
  return {"no error", ""};
}

// Watches on a thread of its own and keeps what it was told.
class Recorder {
 public:
  explicit Recorder(FakeRuntime& runtime)
      : thread_{[this, &runtime](const std::stop_token& stop) {
          runtime.watch(
              [this](const runtime::Event& event) {
                const std::lock_guard lock{mutex_};
                events_.push_back(event);
                changed_.notify_all();
              },
              [this] {
                const std::lock_guard lock{mutex_};
                ++connections_;
              },
              stop);
        }} {}

  std::vector<runtime::Event> wait_for(std::size_t count) {
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, std::chrono::seconds{5}, [&] { return events_.size() >= count; });
    return events_;
  }
  int connections() {
    const std::lock_guard lock{mutex_};
    return connections_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<runtime::Event> events_;
  int connections_ = 0;
  std::jthread thread_;
};

TEST(FakeRuntime, RunsATaskUntilItIsKilled) {
  FakeRuntime runtime;
  runtime.create_container(ns, container("web"));
  const auto started = runtime.start_task(ns, "web", {.rootfs = {}, .log_path = "/log"});
  EXPECT_EQ(started.state, TaskState::running);
  EXPECT_EQ(runtime.task_options(ns, "web").log_path, "/log");
  EXPECT_FALSE(runtime.wait_task(ns, "web", milliseconds{0}));

  runtime.kill_task(ns, "web", SIGKILL);
  const auto exited = runtime.wait_task(ns, "web", milliseconds{0});
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->exit_code, 137U);
  EXPECT_EQ(exited->pid, started.pid);

  runtime.delete_task(ns, "web");
  runtime.delete_container(ns, "web");
  EXPECT_THAT(runtime.objects(), ElementsAre("namespace " + ns));
}

TEST(FakeRuntime, GivesPidsThatNoKernelProcessCanHave) {
  FakeRuntime runtime;
  runtime.create_container(ns, container("web"));
  EXPECT_GT(runtime.start_task(ns, "web", {}).pid, 1U << 22);
}

TEST(FakeRuntime, LetsATaskIgnoreSigtermButNotSigkill) {
  FakeRuntime runtime;
  runtime.create_container(ns, container("web"));
  runtime.start_task(ns, "web", {});
  runtime.ignore_signal(ns, "web", SIGTERM);
  runtime.ignore_signal(ns, "web", SIGKILL);
  runtime.kill_task(ns, "web", SIGTERM);
  EXPECT_EQ(runtime.find_task(ns, "web")->state, TaskState::running);
  runtime.kill_task(ns, "web", SIGKILL);
  EXPECT_EQ(runtime.find_task(ns, "web")->state, TaskState::stopped);
}

TEST(FakeRuntime, WakesAWaiterWhenATaskExits) {
  FakeRuntime runtime;
  runtime.create_container(ns, container("web"));
  runtime.start_task(ns, "web", {});
  std::optional<runtime::Task> task;
  {
    const std::jthread waiter{
        [&] { task = runtime.wait_task(ns, "web", std::chrono::seconds{5}); }};
    runtime.exit_task(ns, "web", 3);
  }
  ASSERT_TRUE(task);
  EXPECT_EQ(task->exit_code, 3U);
}

TEST(FakeRuntime, TellsWatchersOfStartExitAndDeletion) {
  FakeRuntime runtime;
  Recorder recorder{runtime};
  ASSERT_TRUE(runtime.wait_for_watchers(1));
  runtime.create_container(ns, container("web"));
  runtime.start_task(ns, "web", {});
  runtime.exit_task(ns, "web", 1);
  runtime.delete_task(ns, "web");

  const auto events = recorder.wait_for(3);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].kind, EventKind::task_started);
  EXPECT_EQ(events[1].kind, EventKind::task_exited);
  EXPECT_EQ(events[1].exit_code, 1U);
  EXPECT_EQ(events[1].ns, ns);
  EXPECT_EQ(events[2].kind, EventKind::task_deleted);
}

TEST(FakeRuntime, ConnectsWatchersAgainAfterABreak) {
  FakeRuntime runtime;
  Recorder recorder{runtime};
  ASSERT_TRUE(runtime.wait_for_watchers(1));
  runtime.break_streams();
  ASSERT_TRUE(runtime.wait_for_watchers(1));
  EXPECT_EQ(recorder.connections(), 2);
}

TEST(FakeRuntime, FailsTheNextCallOnly) {
  FakeRuntime runtime;
  runtime.fail_next("create_container", Error{kinds::disk_full, "no space left on device"});
  EXPECT_EQ(kind_of([&] { runtime.create_container(ns, container("web")); }), kinds::disk_full);
  EXPECT_NO_THROW(runtime.create_container(ns, container("web")));
}

TEST(FakeRuntime, FailsEveryCallForOneContainer) {
  FakeRuntime runtime;
  runtime.create_container(ns, container("web"));
  runtime.create_container(ns, container("sidecar"));
  runtime.fail("start_task", "web", Error{kinds::invalid_argument, "exec: \"x\": not found"});
  EXPECT_THROW(runtime.start_task(ns, "web", {}), Error);
  EXPECT_THROW(runtime.start_task(ns, "web", {}), Error);
  EXPECT_NO_THROW(runtime.start_task(ns, "sidecar", {}));
  runtime.clear_failures();
  EXPECT_NO_THROW(runtime.start_task(ns, "web", {}));
  EXPECT_EQ(runtime.calls("start_task"), 4);
}

TEST(FakeRuntime, RefusesAMethodThatRuntimeDoesNotHave) {
  FakeRuntime runtime;
  EXPECT_EQ(kind_of([&] {
              runtime.fail_next("start_tusk", Error{kinds::unknown, "x"});
            }),
            kinds::invalid_argument);
}

TEST(FakeRuntime, RefusesABlobWithAnotherDigest) {
  FakeRuntime runtime;
  const runtime::Descriptor blob{.media_type = {}, .digest = hello_digest, .size_bytes = 5};
  EXPECT_EQ(kind_of([&] { runtime.write_blob(ns, blob, text("hallo"), {}, ""); }),
            kinds::invalid_argument);
  EXPECT_FALSE(runtime.has_blob(ns, hello_digest));
  runtime.write_blob(ns, blob, text("hello"), {}, "");
  EXPECT_EQ(runtime.read_blob(ns, hello_digest), "hello");
  EXPECT_EQ(kind_of([&] { runtime.read_blob(ns, hello_digest, 4); }), kinds::invalid_argument);
}

TEST(FakeRuntime, CollectsWhatNothingHoldsWhenALeaseEnds) {
  FakeRuntime runtime;
  runtime.create_lease(ns, "import");
  runtime.write_blob(ns, {.media_type = {}, .digest = hello_digest, .size_bytes = 5}, text("hello"),
                     {}, "import");
  runtime.prepare_snapshot(ns, "leased", "", {}, "import");
  runtime.prepare_snapshot(ns, "rooted", "", {}, "");
  runtime.delete_lease(ns, "import");
  EXPECT_THAT(runtime.list_blobs(ns), IsEmpty());
  EXPECT_THAT(runtime.list_snapshots(ns), ElementsAre("rooted"));
}

TEST(FakeRuntime, KeepsWhatAnImageRefersToUntilTheImageIsDeleted) {
  FakeRuntime runtime;
  runtime.create_lease(ns, "import");
  runtime.prepare_snapshot(ns, "unpack", "", {}, "import");
  runtime.commit_snapshot(ns, "layer", "unpack", {}, "import");
  runtime.write_blob(ns, {.media_type = {}, .digest = hello_digest, .size_bytes = 5}, text("hello"),
                     {{"containerd.io/gc.ref.snapshot.overlayfs", "layer"}}, "import");
  runtime.put_image(ns, {.name = "busybox",
                         .target = {.media_type = {}, .digest = hello_digest, .size_bytes = 5},
                         .labels = {},
                         .created_at = {}});
  runtime.delete_lease(ns, "import");
  EXPECT_TRUE(runtime.has_blob(ns, hello_digest));
  EXPECT_THAT(runtime.list_snapshots(ns), ElementsAre("layer"));

  EXPECT_EQ(kind_of([&] { runtime.delete_namespace(ns); }), kinds::failed_precondition);
  runtime.delete_image(ns, "busybox");
  runtime.delete_namespace(ns);
  EXPECT_THAT(runtime.objects(), IsEmpty());
}

TEST(FakeRuntime, RefusesToRemoveASnapshotWithAChild) {
  FakeRuntime runtime;
  runtime.prepare_snapshot(ns, "unpack", "", {}, "");
  runtime.commit_snapshot(ns, "layer", "unpack", {}, "");
  runtime.prepare_snapshot(ns, "web", "layer", {}, "");
  EXPECT_EQ(kind_of([&] { runtime.remove_snapshot(ns, "layer"); }), kinds::failed_precondition);
  runtime.remove_snapshot(ns, "web");
  runtime.remove_snapshot(ns, "layer");
  EXPECT_THAT(runtime.list_snapshots(ns), IsEmpty());
}

TEST(FakeRuntime, RefusesASecondTaskAndAContainerThatStillHasOne) {
  FakeRuntime runtime;
  EXPECT_EQ(kind_of([&] { runtime.start_task(ns, "web", {}); }), kinds::not_found);
  runtime.create_container(ns, container("web"));
  EXPECT_EQ(kind_of([&] { runtime.create_container(ns, container("web")); }),
            kinds::already_exists);
  runtime.start_task(ns, "web", {});
  EXPECT_EQ(kind_of([&] { runtime.start_task(ns, "web", {}); }), kinds::already_exists);
  EXPECT_EQ(kind_of([&] { runtime.delete_container(ns, "web"); }), kinds::failed_precondition);
}

TEST(FakeRuntime, KeepsTheSignalsOfAPausedTaskUntilItIsResumed) {
  FakeRuntime runtime;
  runtime.create_container(ns, container("web"));
  runtime.start_task(ns, "web", {});
  runtime.pause_task(ns, "web");
  runtime.pause_task(ns, "web");
  EXPECT_EQ(runtime.find_task(ns, "web")->state, TaskState::paused);
  EXPECT_FALSE(runtime.kill_and_wait(ns, "web", SIGTERM, milliseconds{0}));
  EXPECT_EQ(runtime.find_task(ns, "web")->state, TaskState::paused);
  runtime.resume_task(ns, "web");
  EXPECT_EQ(runtime.find_task(ns, "web")->exit_code, 143U);
  EXPECT_EQ(kind_of([&] { runtime.pause_task(ns, "web"); }), kinds::failed_precondition);
  EXPECT_EQ(kind_of([&] { runtime.resume_task(ns, "nobody"); }), kinds::not_found);
}

TEST(FakeRuntime, AnswersTheExitOfATaskThatItKilled) {
  FakeRuntime runtime;
  runtime.create_container(ns, container("web"));
  runtime.start_task(ns, "web", {});
  const auto exited = runtime.kill_and_wait(ns, "web", SIGINT, milliseconds{0});
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->exit_code, 130U);
}

TEST(FakeRuntime, ListsTheContainersThatAFilterMatches) {
  FakeRuntime runtime;
  for (const char* id : {"a", "b", "c"}) {
    auto record = container(id);
    record.labels = {{"kukeon.io/cell", id == std::string{"c"} ? "other" : "web"}};
    runtime.create_container(ns, record);
  }
  const auto ids = [&](const runtime::Filters& filters) {
    std::vector<std::string> list;
    for (const auto& each : runtime.list_containers(ns, filters)) list.push_back(each.id);
    return list;
  };
  EXPECT_THAT(ids({}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(ids({runtime::label_is("kukeon.io/cell", "web")}), ElementsAre("a", "b"));
  EXPECT_THAT(ids({runtime::label_is("kukeon.io/cell", "web") + ",id!=a"}), ElementsAre("b"));
  EXPECT_THAT(ids({"id==a", "id==c"}), ElementsAre("a", "c"));
  EXPECT_THAT(ids({"id~=^[ab]$"}), ElementsAre("a", "b"));
  EXPECT_THAT(ids({"labels.none"}), IsEmpty());
  EXPECT_EQ(kind_of([&] { ids({"id==a,"}); }), kinds::invalid_argument);
}

TEST(FakeRuntime, ChangesLabelsOneByOne) {
  FakeRuntime runtime;
  runtime.create_namespace(ns, {{"a", "1"}, {"b", "2"}});
  runtime.set_namespace_labels(ns, {{"a", ""}, {"c", "3"}});
  EXPECT_EQ(runtime.namespace_labels(ns), (runtime::Labels{{"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(kind_of([&] { runtime.set_namespace_labels("none", {}); }), kinds::not_found);
  auto record = container("web");
  record.labels = {{"a", "1"}, {"b", "2"}};
  runtime.create_container(ns, record);
  runtime.set_container_labels(ns, "web", {{"a", ""}, {"c", "3"}});
  EXPECT_EQ(runtime.find_container(ns, "web")->labels, (runtime::Labels{{"b", "2"}, {"c", "3"}}));
}

TEST(FakeRuntime, HasOneSnapshotter) {
  FakeRuntime runtime;
  runtime.prepare_snapshot(ns, "web", "", {}, "");
  EXPECT_THAT(runtime.list_snapshots(ns, "overlayfs"), ElementsAre("web"));
  EXPECT_EQ(kind_of([&] { runtime.list_snapshots(ns, "zfs"); }), kinds::invalid_argument);
}

TEST(FakeRuntime, AnswersTheMetricsThatATestGaveIt) {
  FakeRuntime runtime;
  runtime.create_container(ns, container("web"));
  EXPECT_FALSE(runtime.find_metrics(ns, "web"));
  runtime.start_task(ns, "web", {});
  runtime::TaskMetrics metrics;
  metrics.memory_bytes = 7;
  runtime.set_metrics(ns, "web", metrics);
  EXPECT_EQ(runtime.find_metrics(ns, "web")->memory_bytes, 7U);
  EXPECT_EQ(runtime.list_metrics(ns).at(0).container_id, "web");
}

runtime::ExecOptions command(const std::vector<std::string>& args) {
  runtime::ExecOptions options;
  options.process.args = args;
  return options;
}

class FakeExecTest : public ::testing::Test {
 protected:
  FakeExecTest() {
    runtime_.create_container(ns, container("web"));
    runtime_.start_task(ns, "web", {});
  }

  FakeRuntime runtime_;
};

TEST_F(FakeExecTest, RunsAProgramToItsEnd) {
  const auto result = runtime::exec_to_end(runtime_, ns, "web", command({"echo", "a", "b"}).process,
                                           std::chrono::seconds{5});
  EXPECT_EQ(result.exit_code, 0U);
  EXPECT_EQ(result.out, "a b\n");
  const auto copied = runtime::exec_to_end(runtime_, ns, "web", command({"cat"}).process,
                                           std::chrono::seconds{5}, "input");
  EXPECT_EQ(copied.out, "input");
}

TEST_F(FakeExecTest, RunsAProgramOfTheTests) {
  runtime_.set_program("ask", [](FakeProcess& process) {
    process.write(runtime::OutputStream::err, "name? ");
    process.print("hello " + process.read().value_or("nobody"));
    return 3U;
  });
  std::string out;
  auto options = command({"ask"});
  options.input = true;
  options.on_output = [&](runtime::OutputStream stream, std::string_view text) {
    if (stream == runtime::OutputStream::out) out += text;
  };
  const auto exec = runtime_.exec(ns, "web", options);
  exec->write_input("you", std::chrono::seconds{5});
  EXPECT_EQ(exec->wait(std::chrono::seconds{5}), 3U);
  EXPECT_EQ(out, "hello you");
}

TEST_F(FakeExecTest, EndsAProcessThatIsSignalled) {
  const auto exec = runtime_.exec(ns, "web", command({"sleep"}));
  EXPECT_FALSE(exec->wait(milliseconds{0}));
  EXPECT_THAT(runtime_.objects(), ::testing::Contains("exec " + ns + "/web/" + exec->id()));
  exec->kill(SIGTERM);
  EXPECT_EQ(exec->wait(std::chrono::seconds{5}), 143U);
  exec->kill(SIGTERM);
  EXPECT_THAT(runtime_.objects(),
              ElementsAre("container " + ns + "/web", "namespace " + ns, "task " + ns + "/web"));
}

TEST_F(FakeExecTest, EndsItsProcessesWithTheTask) {
  const auto exec = runtime_.exec(ns, "web", command({"sleep"}));
  runtime_.exit_task(ns, "web", 0);
  EXPECT_EQ(exec->wait(std::chrono::seconds{5}), 137U);
}

TEST_F(FakeExecTest, KillsWhatNobodyWaitsFor) {
  { const auto exec = runtime_.exec(ns, "web", command({"sleep"})); }
  EXPECT_EQ(runtime_.objects().size(), 3U);
}

TEST_F(FakeExecTest, ResizesATerminal) {
  auto options = command({"sleep"});
  EXPECT_EQ(kind_of([&] { runtime_.exec(ns, "web", options)->resize({}); }),
            kinds::failed_precondition);
  runtime_.set_program("size", [](FakeProcess& process) {
    process.read();
    return process.size().columns;
  });
  options = command({"size"});
  options.process.terminal = true;
  options.input = true;
  const auto exec = runtime_.exec(ns, "web", options);
  exec->resize({.columns = 99, .rows = 9});
  exec->close_input();
  EXPECT_EQ(exec->wait(std::chrono::seconds{5}), 99U);
}

TEST_F(FakeExecTest, WritesToALogFile) {
  const TemporaryDirectory directory;
  auto options = command({"echo", "hi"});
  options.log_path = directory.path() / "log";
  EXPECT_EQ(runtime_.exec(ns, "web", options)->wait(std::chrono::seconds{5}), 0U);
  EXPECT_EQ(read_file(options.log_path), "hi\n");
}

TEST_F(FakeExecTest, RefusesWhereNothingCanRun) {
  EXPECT_EQ(kind_of([&] { runtime_.exec(ns, "web", command({"none"})); }), kinds::invalid_argument);
  EXPECT_EQ(kind_of([&] { runtime_.exec(ns, "nobody", command({"true"})); }), kinds::not_found);
  runtime_.pause_task(ns, "web");
  EXPECT_EQ(kind_of([&] { runtime_.exec(ns, "web", command({"true"})); }),
            kinds::failed_precondition);
  runtime_.resume_task(ns, "web");
  runtime_.exit_task(ns, "web", 0);
  EXPECT_EQ(kind_of([&] { runtime_.exec(ns, "web", command({"true"})); }),
            kinds::failed_precondition);
}

}  // namespace
}  // namespace kukeon::fakes
