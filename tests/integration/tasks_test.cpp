// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>

#include "kukeon/runtime/containers.h"
#include "kukeon/runtime/exec.h"
#include "kukeon/runtime/filter.h"
#include "support/containerd_fixture.h"

// Tasks that are paused, measured and stopped, what is known of containers and namespaces, and a
// containerd or a shim that dies, over a real containerd.
namespace kukeon {
namespace {

using runtime::EventKind;
using runtime::TaskState;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using support::error_of;
using support::eventually;
using support::Recorder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class ContainerdTasks : public support::Containerd {
 protected:
  void start(const std::string& id, const std::vector<std::string>& args,
             const std::string& group = {}, const std::string& resources = "{}") {
    create(id, args, group, resources);
    containerd_->start_task(ns_, id, on_rootfs());
  }
  std::unique_ptr<runtime::Exec> exec(const std::string& id, const std::string& script) {
    return containerd_->exec(ns_, id,
                             {.process = runtime::process_in(*containerd_->find_container(ns_, id),
                                                             {"/bin/sh", "-c", script})});
  }
  // Grows by two bytes a turn for as long as the container runs.
  static std::string counting(const std::string& file) {
    return fmt::format("while :; do echo x >> /{}; done", file);
  }
  static std::uintmax_t counted(const std::string& file) {
    std::error_code none;
    const auto size = fs::file_size(rootfs_->path() / file, none);
    return none ? 0 : size;
  }
  // A line of ctr's tables, by its first word.
  std::string row(const std::vector<std::string>& args, const std::string& word) {
    for (const std::string& line : split(ctr(args), '\n')) {
      if (line.starts_with(word + " ")) return line;
    }
    return {};
  }
};

TEST_F(ContainerdTasks, FreezesATaskThatIsPausedAndGoesOnWhenItIsResumed) {
  Recorder recorder{*containerd_};
  ASSERT_TRUE(recorder.wait_for_connection(1));
  const std::string file = "count-" + ns_;
  const std::string clock = "clock-" + ns_;
  start("web", {"/bin/sh", "-c", counting(file)});
  start("clock", {"/bin/sh", "-c", counting(clock)});
  ASSERT_TRUE(eventually([&] { return counted(file) > 0 && counted(clock) > 0; }));

  containerd_->pause_task(ns_, "web");
  containerd_->pause_task(ns_, "web");  // is so already
  EXPECT_EQ(containerd_->find_task(ns_, "web")->state, TaskState::paused);
  EXPECT_THAT(row({"tasks", "ls"}, "web"), HasSubstr("PAUSED"));
  EXPECT_TRUE(recorder.wait_for(EventKind::task_paused, ns_));
  // Another task's progress is the time in which this one makes none.
  const auto frozen = counted(file);
  const auto tick = counted(clock);
  ASSERT_TRUE(eventually([&] { return counted(clock) > tick + 100; }));
  EXPECT_EQ(counted(file), frozen);

  containerd_->resume_task(ns_, "web");
  containerd_->resume_task(ns_, "web");
  EXPECT_EQ(containerd_->find_task(ns_, "web")->state, TaskState::running);
  EXPECT_TRUE(recorder.wait_for(EventKind::task_resumed, ns_));
  EXPECT_TRUE(eventually([&] { return counted(file) > frozen; }));
}

TEST_F(ContainerdTasks, SaysThatAnExitedOrMissingTaskCannotBePaused) {
  start("web", {"/bin/true"});
  ASSERT_TRUE(containerd_->wait_task(ns_, "web", seconds{10}));
  const Error exited = error_of([&] { containerd_->pause_task(ns_, "web"); });
  EXPECT_TRUE(exited.is(kinds::failed_precondition)) << exited.what();
  EXPECT_TRUE(
      error_of([&] { containerd_->resume_task(ns_, "web"); }).is(kinds::failed_precondition));
  EXPECT_TRUE(error_of([&] { containerd_->pause_task(ns_, "nobody"); }).is(kinds::not_found));
}

TEST_F(ContainerdTasks, StopsAndDeletesWhatIsPaused) {
  start("web", {"/bin/sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.01; done"});
  start("db", {"/bin/sleep", "1000"});
  containerd_->pause_task(ns_, "web");
  containerd_->pause_task(ns_, "db");
  const auto stopped = runtime::stop_task(*containerd_, ns_, "web");
  ASSERT_TRUE(stopped);
  EXPECT_TRUE(stopped->exit_code == 3U || stopped->exit_code == 137U) << stopped->exit_code;
  containerd_->delete_task(ns_, "db");
  EXPECT_FALSE(containerd_->find_task(ns_, "db"));
}

TEST_F(ContainerdTasks, EndsWhatDoesNotHeedTheSignal) {
  start("web", {"/bin/sleep", "1000"});  // PID 1 without a handler: the kernel drops SIGTERM
  EXPECT_TRUE(error_of([&] {
                runtime::stop_task(*containerd_, ns_, "web",
                                   {.grace = milliseconds{50}, .force = runtime::Force::no});
              }).is(kinds::deadline_exceeded));
  EXPECT_EQ(containerd_->find_task(ns_, "web")->state, TaskState::running);
  const auto killed = runtime::stop_task(*containerd_, ns_, "web", {.grace = milliseconds{50}});
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->exit_code, 137U);
  EXPECT_FALSE(killed->exited_at.is_zero());
}

TEST_F(ContainerdTasks, TellsTheExitCodeToWhoeverWaitedWhileAnotherDeleted) {
  start("web",
        {"/bin/sh", "-c",
         "trap 'exit 4' USR1; echo ready > /ready-" + ns_ + "; while :; do sleep 0.01; done"});
  ASSERT_TRUE(eventually([&] { return counted("ready-" + ns_) > 0; }));
  Recorder recorder{*containerd_};
  ASSERT_TRUE(recorder.wait_for_connection(1));
  const std::jthread deleter{[&] {
    if (recorder.wait_for(EventKind::task_exited, ns_)) containerd_->delete_task(ns_, "web");
  }};
  const auto exited = containerd_->kill_and_wait(ns_, "web", SIGUSR1, seconds{10});
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->exit_code, 4U);
}

TEST_F(ContainerdTasks, MeasuresMemoryProcessorAndThreads) {
  EXPECT_FALSE(containerd_->find_metrics(ns_, "web"));
  start("web", {"/bin/sleep", "1000"}, {}, R"({"memory":{"limit":134217728},"pids":{"limit":40}})");
  // Until runc's own threads, which start the process from inside, have left.
  std::optional<runtime::TaskMetrics> before;
  EXPECT_TRUE(eventually([&] {
    before = containerd_->find_metrics(ns_, "web");
    return before && before->threads == 1U;
  }));
  ASSERT_TRUE(before);
  EXPECT_EQ(before->container_id, "web");
  EXPECT_LT(before->memory_bytes, 20U << 20);
  EXPECT_FALSE(before->at.is_zero());
  EXPECT_EQ(before->memory_limit_bytes, 134217728U);
  EXPECT_EQ(before->threads_limit, 40U);

  // 20 MiB of its tmpfs, and a loop.
  const auto eater = exec("web", "head -c 20971520 /dev/zero > /dev/eaten; while :; do :; done");
  std::optional<runtime::TaskMetrics> now;
  EXPECT_TRUE(eventually([&] {
    now = containerd_->find_metrics(ns_, "web");
    return now && now->memory_bytes >= 20U << 20 &&
           now->cpu_time >= before->cpu_time + milliseconds{100} && now->threads == 2U;
  })) << now->memory_bytes
      << " bytes after " << before->memory_bytes << ", " << now->cpu_time.count() << " ns after "
      << before->cpu_time.count() << ", " << now->threads << " threads";
  const auto list = containerd_->list_metrics(ns_);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].memory_limit_bytes, 134217728U);
  EXPECT_THAT(ctr({"tasks", "metrics", "web"}), HasSubstr("memory"));
}

TEST_F(ContainerdTasks, CountsTheTimeForWhichALimitHeldATaskBack) {
  start("web", {"/bin/sh", "-c", "while :; do :; done"}, {},
        R"({"cpu":{"quota":2000,"period":20000}})");
  const bool throttled = eventually([&] {
    const auto now = containerd_->find_metrics(ns_, "web");
    return now && now->throttled_periods > 0 && now->throttled_time > nanoseconds{0};
  });
  if (!throttled) GTEST_SKIP() << "this kernel counts no throttling";
}

TEST_F(ContainerdTasks, ListsTheContainersThatAFilterMatches) {
  for (const char* id : {"a", "b", "c"}) create(id, {"/bin/true"});
  containerd_->set_container_labels(ns_, "a", {{"kukeon.io/cell", "web \"1\""}});
  containerd_->set_container_labels(ns_, "b", {{"kukeon.io/cell", "web \"1\""}, {"x", "y"}});
  const auto ids = [&](const runtime::Filters& filters) {
    std::vector<std::string> list;
    for (const auto& each : containerd_->list_containers(ns_, filters)) list.push_back(each.id);
    return list;
  };
  EXPECT_THAT(ids({}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(ids({runtime::label_is("kukeon.io/cell", "web \"1\"")}), ElementsAre("a", "b"));
  EXPECT_THAT(ids({runtime::labels_are({{"kukeon.io/cell", "web \"1\""}, {"x", "y"}})}),
              ElementsAre("b"));
  EXPECT_THAT(ids({"id==a", "id==c"}), ElementsAre("a", "c"));
  EXPECT_THAT(ids({"id~=^[ab]$,id!=a"}), ElementsAre("b"));
  EXPECT_THAT(ids({"labels.none"}), IsEmpty());
  const Error error = error_of([&] { ids({"id==a,"}); });
  EXPECT_TRUE(error.is(kinds::invalid_argument)) << error.what();
}

TEST_F(ContainerdTasks, ChangesTheLabelsOfAContainerOneByOne) {
  create("web", {"/bin/true"});
  containerd_->set_container_labels(ns_, "web", {{"kukeon.io/cell", "web"}, {"b", "2"}});
  containerd_->set_container_labels(ns_, "web", {{"kukeon.io/container-type", ""}, {"b", "3"}});
  EXPECT_EQ(containerd_->find_container(ns_, "web")->labels,
            (runtime::Labels{{"b", "3"}, {"kukeon.io/cell", "web"}}));
  EXPECT_THAT(row({"containers", "ls"}, "web"), Not(IsEmpty()));
  EXPECT_THAT(ctr({"containers", "info", "web"}), HasSubstr(R"("kukeon.io/cell": "web")"));
  EXPECT_THAT(containerd_->find_container(ns_, "web")->spec_json, HasSubstr("hostname"));
  EXPECT_TRUE(error_of([&] {
                containerd_->set_container_labels(ns_, "nobody", {{"a", "b"}});
              }).is(kinds::not_found));
}

TEST_F(ContainerdTasks, ChangesTheLabelsOfANamespaceOneByOne) {
  EXPECT_EQ(containerd_->namespace_labels(ns_), (runtime::Labels{{"purpose", "test"}}));
  containerd_->set_namespace_labels(ns_, {{"a.b/c", "1"}, {"d", "2"}});
  containerd_->set_namespace_labels(ns_, {{"purpose", ""}, {"d", "3"}});
  EXPECT_EQ(containerd_->namespace_labels(ns_), (runtime::Labels{{"a.b/c", "1"}, {"d", "3"}}));
  EXPECT_THAT(row({"namespaces", "ls"}, ns_), AllOf(HasSubstr("a.b/c=1"), HasSubstr("d=3")));
  EXPECT_TRUE(error_of([&] { containerd_->namespace_labels("no-such-ns"); }).is(kinds::not_found));
  EXPECT_TRUE(error_of([&] {
                containerd_->set_namespace_labels("no-such-ns", {{"a", "b"}});
              }).is(kinds::not_found));
  EXPECT_FALSE(containerd_->namespace_exists("no-such-ns"));
}

TEST_F(ContainerdTasks, RemovesAContainerWithItsSnapshot) {
  containerd_->prepare_snapshot(ns_, "web", "", {}, "");
  containerd_->create_container(ns_, {.id = "web",
                                      .image = {},
                                      .snapshotter = "overlayfs",
                                      .snapshot_key = "web",
                                      .spec_json = "{}",
                                      .labels = {}});
  EXPECT_TRUE(runtime::container_exists(*containerd_, ns_, "web"));
  EXPECT_THAT(ctr({"snapshots", "ls"}), HasSubstr("web"));
  runtime::remove_container(*containerd_, ns_, "web", runtime::Snapshot::remove);
  runtime::remove_container(*containerd_, ns_, "web", runtime::Snapshot::remove);
  EXPECT_FALSE(runtime::container_exists(*containerd_, ns_, "web"));
  EXPECT_THAT(ctr({"snapshots", "ls"}), Not(HasSubstr("web")));
}

TEST_F(ContainerdTasks, AnswersForASnapshotterThatIsNotLoaded) {
  const Error error = error_of([&] { containerd_->list_snapshots(ns_, "zfs"); });
  EXPECT_TRUE(error.is(kinds::invalid_argument)) << error.what();
}

TEST_F(ContainerdTasks, EmptiesANamespaceSoThatCtrSeesNothing) {
  // Tasks that run, that are paused, and one whose record somebody has deleted; layers on layers in
  // two snapshotters; an image, and content under a lease.
  start("running", {"/bin/sleep", "1000"});
  start("paused", {"/bin/sleep", "1000"});
  containerd_->pause_task(ns_, "paused");
  start("orphan", {"/bin/sleep", "1000"});
  containerd_->delete_container(ns_, "orphan");
  const auto process = exec("running", "sleep 1000");
  std::string parent;
  for (const char* layer : {"layer-1", "layer-2", "layer-3"}) {
    containerd_->prepare_snapshot(ns_, "unpack", parent, {}, "");
    containerd_->commit_snapshot(ns_, layer, "unpack", {{"containerd.io/gc.root", "1"}}, "");
    parent = layer;
  }
  containerd_->prepare_snapshot(ns_, "web", parent, {}, "");
  EXPECT_THAT(ctr({"snapshots", "--snapshotter", "native", "prepare", "native-1"}),
              Not(StartsWith("ctr failed")));
  containerd_->create_lease(ns_, "import");
  // sha256 of "abc"
  const runtime::Descriptor blob{
      .media_type = "application/octet-stream",
      .digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      .size_bytes = 3};
  containerd_->write_blob(
      ns_, blob,
      [done = false](char* buffer, std::size_t) mutable -> std::size_t {
        if (std::exchange(done, true)) return 0;
        std::copy_n("abc", 3, buffer);
        return 3;
      },
      {{"containerd.io/gc.root", "1"}}, "import");
  containerd_->put_image(
      ns_,
      {.name = "docker.io/library/abc:latest", .target = blob, .labels = {}, .created_at = {}});
  const auto left = [&] {
    return fmt::format("{}{}{}{}{}{}{}", ctr({"tasks", "ls", "-q"}),
                       ctr({"containers", "ls", "-q"}), ctr({"images", "ls", "-q"}),
                       ctr({"leases", "ls", "-q"}), ctr({"content", "ls", "-q"}),
                       join(containerd_->list_snapshots(ns_), " "),
                       join(containerd_->list_snapshots(ns_, "native"), " "));
  };
  for (const char* word : {"running", "paused", "orphan", "abc:latest", "import", "sha256:ba78",
                           "layer-3", "native-1"}) {
    EXPECT_THAT(left(), HasSubstr(word));
  }

  runtime::empty_namespace(*containerd_, ns_);
  EXPECT_EQ(left(), "");
  EXPECT_EQ(split(trim(ctr({"snapshots", "ls"})), '\n').size(), 1U);  // the heading
  EXPECT_THAT(error_of([&] { process->wait(seconds{10}); }).what(), HasSubstr("gone"));
  containerd_->delete_namespace(ns_);
  EXPECT_THAT(row({"namespaces", "ls"}, ns_), IsEmpty());
}

TEST_F(ContainerdTasks, TellsTheTruthAboutATaskWhoseShimWasKilled) {
  Recorder recorder{*containerd_};
  ASSERT_TRUE(recorder.wait_for_connection(1));
  start("web", {"/bin/sleep", "1000"});
  const auto pid = static_cast<pid_t>(containerd_->find_task(ns_, "web")->pid);
  const auto shims = server_->shims(ns_);
  ASSERT_EQ(shims.size(), 1U);
  ASSERT_EQ(::kill(shims[0], SIGKILL), 0);

  const auto exited = recorder.wait_for(EventKind::task_exited, ns_);
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->container_id, "web");
  EXPECT_EQ(exited->exit_code, 137U);
  EXPECT_TRUE(eventually([&] { return !containerd_->find_task(ns_, "web"); }));
  EXPECT_THAT(containerd_->list_tasks(ns_), IsEmpty());
  EXPECT_FALSE(containerd_->find_metrics(ns_, "web"));
  EXPECT_TRUE(eventually([&] { return !process_exists(pid); }));
  EXPECT_FALSE(runtime::stop_task(*containerd_, ns_, "web"));
  EXPECT_THAT(row({"tasks", "ls"}, "web"), IsEmpty());
  // And it starts again, in a new shim.
  containerd_->start_task(ns_, "web", on_rootfs());
  EXPECT_EQ(containerd_->find_task(ns_, "web")->state, TaskState::running);
}

TEST_F(ContainerdTasks, AnswersEveryKindOfCallAgainAfterContainerdWasRestarted) {
  start("web", {"/bin/sleep", "1000"});
  containerd_->prepare_snapshot(ns_, "layer", "", {}, "");
  const std::vector<std::pair<std::string, std::function<void()>>> calls{
      {"version", [&] { containerd_->version(); }},
      {"list_namespaces", [&] { containerd_->list_namespaces(); }},
      {"list_leases", [&] { containerd_->list_leases(ns_); }},
      {"list_blobs", [&] { containerd_->list_blobs(ns_); }},
      {"list_images", [&] { containerd_->list_images(ns_); }},
      {"list_snapshots", [&] { containerd_->list_snapshots(ns_); }},
      {"list_containers", [&] { containerd_->list_containers(ns_); }},
      {"find_task", [&] { containerd_->find_task(ns_, "web"); }},
      {"list_metrics", [&] { containerd_->list_metrics(ns_); }},
      {"kill_and_wait", [&] { containerd_->kill_and_wait(ns_, "web", SIGURG, milliseconds{1}); }},
      {"exec", [&] { exec("web", "exit 0")->wait(seconds{10}); }},
  };
  // Each is the first call of a life of containerd, so none rests on another's reconnecting.
  for (const auto& [name, call] : calls) {
    server_->kill();
    const Error away = error_of(call);
    EXPECT_TRUE(away.is(kinds::connect_containerd)) << name << ": " << away.what();
    server_->start();
    const Error back = error_of(call);
    EXPECT_EQ(back.message(), "no error") << name;
  }
}

TEST_F(ContainerdTasks, FollowsEventsOverRestartsWithoutAStorm) {
  Recorder recorder{*containerd_};
  ASSERT_TRUE(recorder.wait_for_connection(1));
  constexpr int lives = 3;
  for (int life = 1; life <= lives; ++life) {
    server_->kill();
    server_->start();
    const auto began = steady_clock::now();
    ASSERT_TRUE(recorder.wait_for_connection(life + 1));
    // Sooner than gRPC would look at an idle channel (5 s): the watch itself has it looked at.
    EXPECT_LT(steady_clock::now() - began, seconds{3});
    EXPECT_EQ(recorder.connections(), life + 1);
  }
  start("web", {"/bin/true"});
  EXPECT_TRUE(recorder.wait_for(EventKind::task_exited, ns_));
  EXPECT_EQ(recorder.count(EventKind::task_started, ns_), 1U);
  EXPECT_EQ(recorder.count(EventKind::task_exited, ns_), 1U);
  EXPECT_LT(recorder.stop(), seconds{1});
}

TEST_F(ContainerdTasks, StopsWatchingAtOnceWhileNobodyAnswers) {
  Recorder recorder{*containerd_};
  ASSERT_TRUE(recorder.wait_for_connection(1));
  server_->kill();
  // Several attempts have failed, so that the pause between them is long.
  EXPECT_FALSE(recorder.wait_for(EventKind::task_started, ns_, milliseconds{1500}));
  EXPECT_LT(recorder.stop(), milliseconds{500});
  EXPECT_EQ(recorder.connections(), 1);
  server_->start();
}

}  // namespace
}  // namespace kukeon
