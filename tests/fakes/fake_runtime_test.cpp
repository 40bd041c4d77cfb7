// SPDX-License-Identifier: Apache-2.0
#include "fakes/fake_runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <mutex>
#include <thread>

#include "kukeon/base/error_kinds.h"

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

}  // namespace
}  // namespace kukeon::fakes
