// SPDX-License-Identifier: Apache-2.0
#include "kukeon/runtime/containers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/fake_runtime.h"
#include "kukeon/base/error_kinds.h"

namespace kukeon::runtime {
namespace {

using fakes::FakeRuntime;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string ns = "default.kukeon.io";
// sha256 of "hello"
const std::string hello_digest =
    "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

class RuntimeContainers : public ::testing::Test {
 protected:
  void create(const std::string& id, const std::string& parent = {}) {
    runtime_.prepare_snapshot(ns, id, parent, {}, "");
    runtime_.create_container(ns, {.id = id,
                                   .image = {},
                                   .snapshotter = "overlayfs",
                                   .snapshot_key = id,
                                   .spec_json = "{}",
                                   .labels = {}});
  }
  void start(const std::string& id) {
    create(id);
    runtime_.start_task(ns, id, {});
  }
  Error stop_error(const StopOptions& options) {
    try {
      stop_task(runtime_, ns, "web", options);
    } catch (const Error& error) {
      return error;
    }
    return Error{ErrorKind{"none", ""}, "no error"};
  }

  FakeRuntime runtime_;
};

TEST_F(RuntimeContainers, StopsWithTheSignalItIsTold) {
  start("web");
  const auto stopped = stop_task(runtime_, ns, "web", {.signal = SIGINT});
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->exit_code, 130U);
  EXPECT_EQ(stop_task(runtime_, ns, "web")->exit_code, 130U);  // as it ended
  EXPECT_FALSE(stop_task(runtime_, ns, "nobody"));
}

TEST_F(RuntimeContainers, KillsWhatOutlivesItsGrace) {
  start("web");
  runtime_.ignore_signal(ns, "web", SIGTERM);
  EXPECT_EQ(stop_task(runtime_, ns, "web", {.grace = milliseconds{1}})->exit_code, 137U);
}

TEST_F(RuntimeContainers, LeavesWhatOutlivesItsGraceWithoutForce) {
  start("web");
  runtime_.ignore_signal(ns, "web", SIGTERM);
  const Error error = stop_error({.grace = milliseconds{1}, .force = Force::no});
  EXPECT_TRUE(error.is(kinds::deadline_exceeded));
  EXPECT_THAT(error.what(), HasSubstr("SIGTERM"));
  EXPECT_EQ(runtime_.find_task(ns, "web")->state, TaskState::running);
}

TEST_F(RuntimeContainers, ResumesATaskThatItStops) {
  start("web");
  runtime_.pause_task(ns, "web");
  EXPECT_EQ(stop_task(runtime_, ns, "web", {.grace = milliseconds{0}})->exit_code, 143U);
}

TEST_F(RuntimeContainers, FindsNothingToStopWhereSomebodyElseWasFaster) {
  start("web");
  runtime_.fail_next("kill_and_wait", Error{kinds::not_found, "gone"});
  EXPECT_FALSE(stop_task(runtime_, ns, "web"));
}

TEST_F(RuntimeContainers, RemovesAContainerWithWhatIsTold) {
  start("web");
  start("db");
  EXPECT_TRUE(container_exists(runtime_, ns, "web"));
  remove_container(runtime_, ns, "web", Snapshot::keep);
  remove_container(runtime_, ns, "db", Snapshot::remove);
  remove_container(runtime_, ns, "db", Snapshot::remove);
  EXPECT_FALSE(container_exists(runtime_, ns, "web"));
  EXPECT_THAT(runtime_.objects(), ElementsAre("namespace " + ns, "snapshot " + ns + "/web"));
}

class EmptyNamespace : public RuntimeContainers {
 protected:
  EmptyNamespace() {
    runtime_.create_namespace(ns, {});
    runtime_.create_lease(ns, "import");
    std::size_t left = 5;
    runtime_.write_blob(
        ns, {.media_type = {}, .digest = hello_digest, .size_bytes = 5},
        [&](char* buffer, std::size_t) {
          std::copy_n("hello", left, buffer);
          return std::exchange(left, 0U);
        },
        {}, "import");
    runtime_.put_image(ns, {.name = "hello",
                            .target = {.media_type = {}, .digest = hello_digest, .size_bytes = 5},
                            .labels = {},
                            .created_at = {}});
    runtime_.prepare_snapshot(ns, "unpack", "", {}, "");
    runtime_.commit_snapshot(ns, "layer", "unpack", {{"containerd.io/gc.root", "1"}}, "");
    create("web", "layer");
    runtime_.start_task(ns, "web", {});
    create("a", "layer");
  }
};

TEST_F(EmptyNamespace, LeavesNothingInIt) {
  empty_namespace(runtime_, ns);
  EXPECT_THAT(runtime_.objects(), ElementsAre("namespace " + ns));
  empty_namespace(runtime_, ns);
  runtime_.delete_namespace(ns);
  empty_namespace(runtime_, ns);
  EXPECT_THAT(runtime_.objects(), IsEmpty());
}

TEST_F(EmptyNamespace, GoesOnAfterAFailureAndThrowsIt) {
  runtime_.fail("delete_image", "hello", Error{kinds::unknown, "image is stuck"});
  try {
    empty_namespace(runtime_, ns);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "image is stuck");
  }
  EXPECT_THAT(runtime_.objects(), ElementsAre("image " + ns + "/hello", "namespace " + ns));
}

TEST_F(EmptyNamespace, StopsWhereNobodyAnswers) {
  runtime_.fail("list_containers", ns, Error{kinds::connect_containerd, "nobody"});
  EXPECT_THROW(empty_namespace(runtime_, ns), Error);
  EXPECT_EQ(runtime_.calls("list_leases"), 0);
}

}  // namespace
}  // namespace kukeon::runtime
