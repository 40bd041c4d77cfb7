// SPDX-License-Identifier: Apache-2.0
#include "kukeon/containerd/containerd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "support/containerd_fixture.h"

namespace kukeon {
namespace {

using runtime::EventKind;
using runtime::TaskState;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using support::Containerd;
using support::error_of;
using support::eventually;
using support::PrivateContainerd;
using support::Recorder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// sha256 of "hello"
const std::string hello_digest =
    "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

// sha256 of "abc"
const std::string abc_digest =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
// Of nothing that any test stores: containerd keeps bytes once for all namespaces.
const std::string no_digest = "sha256:" + std::string(64, '1');

runtime::Source text(std::string bytes) {
  return [bytes, offset = std::size_t{0}](char* buffer, std::size_t size) mutable {
    const std::size_t n = std::min(size, bytes.size() - offset);
    std::memcpy(buffer, bytes.data() + offset, n);
    offset += n;
    return n;
  };
}

runtime::Descriptor blob(const std::string& digest, std::int64_t size) {
  return {.media_type = "application/octet-stream", .digest = digest, .size_bytes = size};
}

TEST_F(Containerd, SaysItsVersion) {
  EXPECT_THAT(containerd_->version(), StartsWith("containerd 1."));
  EXPECT_EQ(containerd_->oci_runtime(), "runc");
}

TEST_F(Containerd, CreatesAndDeletesANamespaceTwice) {
  const std::string other = support::unique_name("kukeon-test");
  EXPECT_FALSE(containerd_->namespace_exists(other));
  containerd_->create_namespace(other, {});
  containerd_->create_namespace(other, {});
  EXPECT_TRUE(containerd_->namespace_exists(other));
  EXPECT_THAT(containerd_->list_namespaces(), Contains(other));
  containerd_->delete_namespace(other);
  containerd_->delete_namespace(other);
  EXPECT_THAT(containerd_->list_namespaces(), Not(Contains(other)));
}

TEST_F(Containerd, RefusesToDeleteANamespaceThatHoldsObjects) {
  containerd_->write_blob(ns_, blob(hello_digest, 5), text("hello"),
                          {{"containerd.io/gc.root", "1"}}, "");
  const Error error = error_of([&] { containerd_->delete_namespace(ns_); });
  EXPECT_TRUE(error.is(kinds::failed_precondition)) << error.what();
  EXPECT_THAT(error.what(), HasSubstr(ns_));
}

TEST_F(Containerd, ReadsBackABlob) {
  EXPECT_FALSE(containerd_->has_blob(ns_, hello_digest));
  containerd_->write_blob(ns_, blob(hello_digest, 5), text("hello"),
                          {{"containerd.io/gc.root", "1"}}, "");
  EXPECT_TRUE(containerd_->has_blob(ns_, hello_digest));
  EXPECT_EQ(containerd_->read_blob(ns_, hello_digest), "hello");
  EXPECT_EQ(containerd_->read_blob(ns_, hello_digest, 5), "hello");
  EXPECT_TRUE(
      error_of([&] { containerd_->read_blob(ns_, hello_digest, 4); }).is(kinds::invalid_argument));
  containerd_->set_blob_labels(ns_, hello_digest, {{"a.b/c", "d"}});
  ASSERT_EQ(containerd_->list_blobs(ns_).size(), 1U);
  EXPECT_EQ(containerd_->list_blobs(ns_)[0].size_bytes, 5);

  // The second write finds it and reads nothing.
  containerd_->write_blob(ns_, blob(hello_digest, 5), text("never read"), {}, "");
  containerd_->delete_blob(ns_, hello_digest);
  containerd_->delete_blob(ns_, hello_digest);
  EXPECT_FALSE(containerd_->has_blob(ns_, hello_digest));
  EXPECT_TRUE(error_of([&] { containerd_->read_blob(ns_, hello_digest); }).is(kinds::not_found));
}

TEST_F(Containerd, SharesABlobThatAnotherNamespaceHas) {
  const std::string other = support::unique_name("kukeon-test");
  containerd_->create_namespace(other, {});
  const runtime::Labels root{{"containerd.io/gc.root", "1"}};
  containerd_->write_blob(other, blob(hello_digest, 5), text("hello"), root, "");
  containerd_->write_blob(ns_, blob(hello_digest, 5), text("hello"), root, "");
  EXPECT_EQ(containerd_->read_blob(ns_, hello_digest), "hello");
  containerd_->delete_blob(other, hello_digest);
  containerd_->delete_namespace(other);
}

TEST_F(Containerd, WritesABlobOfSeveralChunks) {
  const std::string bytes(3U << 20 | 17U, 'x');
  // sha256 of those bytes is not needed: the refusal names what was computed.
  const Error error = error_of([&] {
    containerd_->write_blob(
        ns_, blob("sha256:" + std::string(64, '0'), static_cast<std::int64_t>(bytes.size())),
        text(bytes), {}, "");
  });
  const std::string message = error.message();
  const auto at = message.find("sha256:");
  ASSERT_NE(at, std::string::npos) << message;
  const std::string digest = message.substr(at, 71);

  containerd_->write_blob(ns_, blob(digest, static_cast<std::int64_t>(bytes.size())), text(bytes),
                          {{"containerd.io/gc.root", "1"}}, "");
  EXPECT_EQ(containerd_->read_blob(ns_, digest), bytes);
}

TEST_F(Containerd, RefusesABlobThatIsNotWhatItsDescriptorSays) {
  const Error wrong =
      error_of([&] { containerd_->write_blob(ns_, blob(no_digest, 5), text("hallo"), {}, ""); });
  EXPECT_TRUE(wrong.is(kinds::invalid_argument)) << wrong.what();
  EXPECT_THAT(wrong.what(), HasSubstr(no_digest));
  const Error longer =
      error_of([&] { containerd_->write_blob(ns_, blob(no_digest, 5), text("hello!"), {}, ""); });
  EXPECT_TRUE(longer.is(kinds::invalid_argument)) << longer.what();
  const Error shorter =
      error_of([&] { containerd_->write_blob(ns_, blob(no_digest, 5), text("hell"), {}, ""); });
  EXPECT_TRUE(shorter.is(kinds::invalid_argument)) << shorter.what();
  EXPECT_FALSE(containerd_->has_blob(ns_, no_digest));
}

TEST_F(Containerd, WritesABlobAfterAnUploadThatItsSourceBroke) {
  const Error error = error_of([&] {
    containerd_->write_blob(
        ns_, blob(abc_digest, 3),
        [](char*, std::size_t) -> std::size_t {
          throw Error{kinds::os_error, "source broke"};
        },
        {}, "");
  });
  EXPECT_THAT(error.what(), HasSubstr("source broke"));
  containerd_->write_blob(ns_, blob(abc_digest, 3), text("abc"), {{"containerd.io/gc.root", "1"}},
                          "");
  EXPECT_EQ(containerd_->read_blob(ns_, abc_digest), "abc");
}

TEST_F(Containerd, KeepsABlobAsLongAsItsLease) {
  containerd_->create_lease(ns_, "import");
  EXPECT_TRUE(
      error_of([&] { containerd_->create_lease(ns_, "import"); }).is(kinds::already_exists));
  EXPECT_THAT(containerd_->list_leases(ns_), ElementsAre("import"));
  containerd_->write_blob(ns_, blob(hello_digest, 5), text("hello"), {}, "import");
  EXPECT_TRUE(containerd_->has_blob(ns_, hello_digest));
  containerd_->delete_lease(ns_, "import");
  containerd_->delete_lease(ns_, "import");
  EXPECT_FALSE(containerd_->has_blob(ns_, hello_digest));
}

TEST_F(Containerd, PutsFindsListsAndDeletesAnImage) {
  containerd_->create_lease(ns_, "import");
  containerd_->write_blob(ns_, blob(hello_digest, 5), text("hello"), {}, "import");
  const std::string name = "docker.io/library/hello:latest";
  EXPECT_FALSE(containerd_->find_image(ns_, name));
  runtime::ImageRecord record{
      .name = name, .target = blob(hello_digest, 5), .labels = {{"a", "1"}}, .created_at = {}};
  containerd_->put_image(ns_, record);
  record.labels = {{"a", "2"}};
  containerd_->put_image(ns_, record);
  containerd_->delete_lease(ns_, "import");

  const auto found = containerd_->find_image(ns_, name);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->target, record.target);
  EXPECT_EQ(found->labels.at("a"), "2");
  EXPECT_FALSE(found->created_at.is_zero());
  EXPECT_EQ(containerd_->list_images(ns_).size(), 1U);
  EXPECT_TRUE(containerd_->has_blob(ns_, hello_digest));

  containerd_->delete_image(ns_, name);
  containerd_->delete_image(ns_, name);
  EXPECT_THAT(containerd_->list_images(ns_), IsEmpty());
  EXPECT_FALSE(containerd_->has_blob(ns_, hello_digest));
}

TEST_F(Containerd, PreparesASnapshotThatGarbageCollectionSpares) {
  const auto mounts = containerd_->prepare_snapshot(ns_, "web", "", {{"a", "b"}}, "");
  ASSERT_FALSE(mounts.empty());
  EXPECT_EQ(containerd_->snapshot_mounts(ns_, "web"), mounts);
  EXPECT_TRUE(error_of([&] {
                containerd_->prepare_snapshot(ns_, "web", "", {}, "");
              }).is(kinds::already_exists));
  // Deleting a lease synchronously runs a collection.
  containerd_->create_lease(ns_, "other");
  containerd_->prepare_snapshot(ns_, "leased", "", {}, "other");
  containerd_->delete_lease(ns_, "other");
  EXPECT_THAT(containerd_->list_snapshots(ns_), ElementsAre("web"));
  containerd_->remove_snapshot(ns_, "web");
  containerd_->remove_snapshot(ns_, "web");
  EXPECT_FALSE(containerd_->snapshot_exists(ns_, "web"));
}

TEST_F(Containerd, CommitsASnapshotAndPreparesAnotherOnIt) {
  containerd_->prepare_snapshot(ns_, "unpack", "", {}, "");
  containerd_->commit_snapshot(ns_, "layer", "unpack", {{"containerd.io/gc.root", "1"}}, "");
  const auto mounts = containerd_->prepare_snapshot(ns_, "web", "layer", {}, "");
  ASSERT_EQ(mounts.size(), 1U);
  const auto view = containerd_->view_snapshot(ns_, "look", "layer", "");
  ASSERT_EQ(view.size(), 1U);
  EXPECT_THAT(view[0].options, Contains("ro"));
  EXPECT_TRUE(
      error_of([&] { containerd_->remove_snapshot(ns_, "layer"); }).is(kinds::failed_precondition));
  containerd_->remove_snapshot(ns_, "web");
  containerd_->remove_snapshot(ns_, "look");
  containerd_->remove_snapshot(ns_, "layer");
}

TEST_F(Containerd, StoresAContainerRecord) {
  create("web", {"/bin/sh"});
  EXPECT_TRUE(error_of([&] { create("web", {"/bin/sh"}); }).is(kinds::already_exists));
  const auto found = containerd_->find_container(ns_, "web");
  ASSERT_TRUE(found);
  EXPECT_THAT(found->spec_json, HasSubstr(R"("hostname":"web")"));
  EXPECT_EQ(found->labels.at("kukeon.io/container-type"), "container");
  EXPECT_EQ(containerd_->list_containers(ns_).size(), 1U);
  EXPECT_FALSE(containerd_->find_container(ns_, "nobody"));
  EXPECT_FALSE(containerd_->find_task(ns_, "web"));
  containerd_->delete_container(ns_, "web");
  containerd_->delete_container(ns_, "web");
  EXPECT_THAT(containerd_->list_containers(ns_), IsEmpty());
}

TEST_F(Containerd, AppendsStdoutAndStderrToTheLogFile) {
  const TemporaryDirectory logs;
  // A name that a URL would read otherwise.
  const std::string log = (logs.path() / "a b%20?#.log").string();
  write_file_in_place(log, "before\n");
  create("web", {"/bin/sh", "-c", "echo out; echo err >&2; exit 42"});
  const auto started = containerd_->start_task(ns_, "web", on_rootfs(log));
  EXPECT_GT(started.pid, 0U);
  const auto exited = containerd_->wait_task(ns_, "web", seconds{10});
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->exit_code, 42U);
  EXPECT_EQ(exited->state, TaskState::stopped);
  EXPECT_FALSE(exited->exited_at.is_zero());
  containerd_->delete_task(ns_, "web");  // returns when the shim has copied all output
  const std::string content = read_file(log);
  EXPECT_THAT(content, StartsWith("before\n"));
  EXPECT_THAT(content, HasSubstr("out\n"));
  EXPECT_THAT(content, HasSubstr("err\n"));
}

TEST_F(Containerd, AppendsWhatComesOnStderrAfterTheEndOfStdout) {
  const TemporaryDirectory logs;
  const std::string log = (logs.path() / "log").string();
  create("web", {"/bin/sh", "-c", "echo out; exec >&-; sleep 0.3; echo err >&2"});
  containerd_->start_task(ns_, "web", on_rootfs(log));
  ASSERT_TRUE(containerd_->wait_task(ns_, "web", seconds{10}));
  containerd_->delete_task(ns_, "web");
  EXPECT_EQ(read_file(log), "out\nerr\n");
}

TEST_F(Containerd, FindsListsKillsAndDeletesARunningTask) {
  create("web", {"/bin/sleep", "1000"});
  const auto started = containerd_->start_task(ns_, "web", on_rootfs());
  const auto found = containerd_->find_task(ns_, "web");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->state, TaskState::running);
  EXPECT_EQ(found->pid, started.pid);
  const auto list = containerd_->list_tasks(ns_);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].container_id, "web");
  EXPECT_FALSE(containerd_->wait_task(ns_, "web", milliseconds{0}));
  EXPECT_FALSE(containerd_->wait_task(ns_, "web", milliseconds{50}));
  EXPECT_TRUE(error_of([&] {
                containerd_->start_task(ns_, "web", on_rootfs());
              }).is(kinds::already_exists));

  containerd_->kill_task(ns_, "web", SIGKILL);
  const auto exited = containerd_->wait_task(ns_, "web", seconds{10});
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->exit_code, 137U);
  containerd_->kill_task(ns_, "web", SIGKILL);  // has exited: success
  EXPECT_EQ(containerd_->find_task(ns_, "web")->exit_code, 137U);
  containerd_->delete_task(ns_, "web");
  containerd_->delete_task(ns_, "web");
  containerd_->kill_task(ns_, "web", SIGKILL);  // is gone: success
  EXPECT_FALSE(containerd_->find_task(ns_, "web"));
  EXPECT_TRUE(
      error_of([&] { containerd_->wait_task(ns_, "web", milliseconds{0}); }).is(kinds::not_found));
}

TEST_F(Containerd, DeletesALiveTask) {
  create("web", {"/bin/sleep", "1000"});
  const auto started = containerd_->start_task(ns_, "web", on_rootfs());
  containerd_->delete_task(ns_, "web");
  EXPECT_FALSE(process_exists(static_cast<pid_t>(started.pid)));
  EXPECT_THAT(containerd_->list_tasks(ns_), IsEmpty());
}

TEST_F(Containerd, NamesTheCommandThatTheImageLacks) {
  create("web", {"no-such-command"});
  const Error error = error_of([&] { containerd_->start_task(ns_, "web", on_rootfs()); });
  EXPECT_TRUE(error.is(kinds::invalid_argument)) << error.what();
  EXPECT_EQ(error.message(), R"(exec: "no-such-command": executable file not found in $PATH)");
  EXPECT_FALSE(containerd_->find_task(ns_, "web"));
}

TEST_F(Containerd, SaysThatACommandIsNoProgram) {
  create("web", {"/proc"});
  const Error error = error_of([&] { containerd_->start_task(ns_, "web", on_rootfs()); });
  EXPECT_TRUE(error.is(kinds::invalid_argument)) << error.what();
  EXPECT_THAT(error.message(), StartsWith(R"(exec: "/proc": )"));
}

TEST_F(Containerd, RunsTheContainersOfAGroupInOneShim) {
  create("root", {"/bin/sleep", "1000"}, "root");
  create("web", {"/bin/sleep", "1000"}, "root");
  containerd_->start_task(ns_, "root", on_rootfs());
  containerd_->start_task(ns_, "web", on_rootfs());
  EXPECT_EQ(server_->shims(ns_).size(), 1U);
  containerd_->delete_task(ns_, "web");
  EXPECT_EQ(containerd_->find_task(ns_, "root")->state, TaskState::running);
  containerd_->delete_task(ns_, "root");
  EXPECT_TRUE(eventually([&] { return server_->shims(ns_).empty(); }));
}

TEST_F(Containerd, StartsTheContainersOfAGroupAtOnce) {
  const std::vector<std::string> ids{"root", "a", "b", "c"};
  for (const std::string& id : ids) create(id, {"/bin/sleep", "1000"}, "root");
  {
    std::vector<std::jthread> threads;
    for (const std::string& id : ids) {
      threads.emplace_back([&] { EXPECT_NO_THROW(containerd_->start_task(ns_, id, on_rootfs())); });
    }
  }
  EXPECT_EQ(containerd_->list_tasks(ns_).size(), ids.size());
  EXPECT_EQ(server_->shims(ns_).size(), 1U);
}

TEST_F(Containerd, TellsAWatcherOfEveryTaskEventAfterItIsConnected) {
  Recorder recorder{*containerd_};
  ASSERT_TRUE(recorder.wait_for_connection(1));
  create("web", {"/bin/sh", "-c", "exit 7"});
  const auto started = containerd_->start_task(ns_, "web", on_rootfs());
  const auto exited = recorder.wait_for(EventKind::task_exited, ns_);
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->container_id, "web");
  EXPECT_EQ(exited->exit_code, 7U);
  EXPECT_EQ(exited->pid, started.pid);
  containerd_->delete_task(ns_, "web");
  EXPECT_TRUE(recorder.wait_for(EventKind::task_started, ns_));
  EXPECT_TRUE(recorder.wait_for(EventKind::task_deleted, ns_));
}

TEST_F(Containerd, WatchReturnsWhenStopped) {
  std::stop_source stop;
  std::stop_source early;
  early.request_stop();
  containerd_->watch([](const runtime::Event&) {}, [] {}, early.get_token());
  containerd_->watch([](const runtime::Event&) {}, [&] { stop.request_stop(); }, stop.get_token());
}

TEST_F(Containerd, ConnectsAgainAfterContainerdWasKilled) {
  Recorder recorder{*containerd_};
  ASSERT_TRUE(recorder.wait_for_connection(1));
  create("web", {"/bin/sleep", "1000"});
  const auto started = containerd_->start_task(ns_, "web", on_rootfs());

  server_->kill();
  const Error error = error_of([&] { containerd_->version(); });
  EXPECT_TRUE(error.is(kinds::connect_containerd)) << error.what();
  EXPECT_THAT(error.what(),
              StartsWith("failed to connect to containerd: " + server_->socket().string()));
  server_->start();
  EXPECT_THAT(containerd_->version(), StartsWith("containerd 1."));
  ASSERT_TRUE(recorder.wait_for_connection(2));
  EXPECT_EQ(containerd_->find_task(ns_, "web")->pid, started.pid);
  containerd_->kill_task(ns_, "web", SIGTERM);  // PID 1 without a handler: ignored by the kernel
  containerd_->kill_task(ns_, "web", SIGKILL);
  const auto exited = recorder.wait_for(EventKind::task_exited, ns_);
  ASSERT_TRUE(exited);
  EXPECT_EQ(exited->exit_code, 137U);
}

TEST_F(Containerd, NamesTheSocketThatNobodyServes) {
  const auto nobody = containerd::connect({.socket = "/nonexistent/c.sock",
                                           .snapshotter = "overlayfs",
                                           .oci_runtime = "runc",
                                           .streams = streams()});
  const Error error = error_of([&] { nobody->version(); });
  EXPECT_TRUE(error.is(kinds::connect_containerd));
  EXPECT_EQ(std::string{error.what()},
            "failed to connect to containerd: /nonexistent/c.sock: No such file or directory (is "
            "containerd running?)");
}

}  // namespace
}  // namespace kukeon
