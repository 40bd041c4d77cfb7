// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"
#include "kukeon/containerd/containerd.h"
#include "kukeon/runtime/containers.h"
#include "support/private_containerd.h"

// What tests of the Runtime over a real containerd share.
namespace kukeon::support {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

// The first Error of `body`, or one that says that there was none.
inline Error error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error;
  }
  return Error{ErrorKind{"none", ""}, "no error"};
}

// Waits for `what` without an event to wait for: a process of someone else's, or a cgroup.
inline bool eventually(const std::function<bool()>& what) {
  const auto deadline = steady_clock::now() + seconds{30};
  while (!what()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds{2});
  }
  return true;
}

inline std::vector<fs::path> cgroup_hierarchies() {
  std::vector<fs::path> paths;
  for (const std::string& line : split(read_file("/proc/self/mountinfo"), '\n')) {
    const auto words = split(line, ' ');
    const auto dash = std::ranges::find(words, "-");
    if (dash == words.end() || dash + 1 == words.end()) continue;
    if (*(dash + 1) == "cgroup" || *(dash + 1) == "cgroup2") paths.emplace_back(words[4]);
  }
  return paths;
}

// Tests against a containerd of their own, each in a namespace of its own.
class Containerd : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (PrivateContainerd::unavailable()) return;
    server_ = std::make_unique<PrivateContainerd>();
    rootfs_ = std::make_unique<TemporaryDirectory>();
    const fs::path bin = rootfs_->path() / "bin";
    for (const char* name : {"bin", "proc", "dev"}) make_directories(rootfs_->path() / name, 0755);
    fs::copy_file("/bin/busybox", bin / "busybox");
    for (const char* name :
         {"sh", "echo", "sleep", "cat", "head", "tr", "stty", "true", "wc", "hostname"})
      fs::create_symlink("busybox", bin / name);
  }
  static void TearDownTestSuite() {
    rootfs_.reset();
    server_.reset();
  }

  void SetUp() override {
    if (const auto reason = PrivateContainerd::unavailable()) GTEST_SKIP() << *reason;
    ns_ = support::unique_name("kukeon-test");
    cgroup_ = "/" + ns_;
    containerd_ = containerd::connect({.socket = server_->socket(),
                                       .snapshotter = "overlayfs",
                                       .oci_runtime = "runc",
                                       .streams = streams()});
    containerd_->create_namespace(ns_, {{"purpose", "test"}});
  }

  // Every test ends with a clean host; what its body left is removed as the product would remove
  // it.
  void TearDown() override {
    if (containerd_ == nullptr) return;
    runtime::empty_namespace(*containerd_, ns_);
    containerd_->delete_namespace(ns_);
    std::error_code none;
    EXPECT_TRUE(!fs::exists(streams(), none) || fs::is_empty(streams(), none));
    EXPECT_TRUE(eventually([&] { return server_->shims(ns_).empty(); }));
    for (const fs::path& hierarchy : cgroup_hierarchies()) remove_cgroup(hierarchy / ns_);
    std::error_code ignored;
    fs::remove(fs::path{"/run/containerd/runc"} / ns_, ignored);
  }

  static void remove_cgroup(const fs::path& group) {
    std::error_code ignored;
    if (!fs::exists(group, ignored)) return;
    for (const auto& entry : fs::directory_iterator{group, ignored}) {
      if (entry.is_directory(ignored)) remove_cgroup(entry.path());
    }
    EXPECT_EQ(::rmdir(group.c_str()), 0) << group;
  }

  // A container that runs `args` on the plain directory; `resources` as JSON.
  void create(const std::string& id, const std::vector<std::string>& args,
              const std::string& group = {}, const std::string& resources = "{}") {
    std::vector<std::string> quoted;
    for (const std::string& arg : args) quoted.push_back(quote(arg));
    const std::string annotations =
        group.empty() ? "{}" : fmt::format(R"({{"io.containerd.runc.v2.group":"{}"}})", group);
    containerd_->create_container(
        ns_, {.id = id,
              .image = {},
              .snapshotter = {},
              .snapshot_key = {},
              .spec_json = fmt::format(
                  R"({{"ociVersion":"1.0.2","hostname":"{0}","root":{{"path":"rootfs"}},
"annotations":{3},
"mounts":[{{"destination":"/proc","type":"proc","source":"proc"}},
{{"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["mode=755"]}},
{{"destination":"/dev/pts","type":"devpts","source":"devpts",
"options":["newinstance","ptmxmode=0666","mode=0620"]}}],
"process":{{"cwd":"/","args":[{1}],"env":["PATH=/bin"],"user":{{"uid":0,"gid":0}}}},
"linux":{{"cgroupsPath":"{2}/{0}","resources":{4},"namespaces":[{{"type":"pid"}},{{"type":"ipc"}},{{"type":"uts"}},
{{"type":"mount"}},{{"type":"network"}}]}}}})",
                  id, join(quoted, ","), cgroup_, annotations, resources),
              .labels = {{"kukeon.io/container-type", "container"}}});
  }

  runtime::TaskOptions on_rootfs(const std::string& log_path = {}) const {
    return {.rootfs = {{.type = "bind",
                        .source = rootfs_->path().string(),
                        .options = {"rbind", "rw"}}},
            .log_path = log_path};
  }

  // containerd's own client, in this test's namespace: a second opinion.
  std::string ctr(const std::vector<std::string>& args) const {
    Command command;
    command.argv = {"ctr", "--address", server_->socket().string(), "--namespace", ns_};
    command.argv.insert(command.argv.end(), args.begin(), args.end());
    const Output output = run(command, seconds{30});
    return output.exit.ok() ? output.out : "ctr failed: " + output.err;
  }
  static fs::path streams() { return server_->directory() / "streams"; }

  static inline std::unique_ptr<PrivateContainerd> server_;
  static inline std::unique_ptr<TemporaryDirectory> rootfs_;
  std::string ns_;
  std::string cgroup_;
  std::unique_ptr<runtime::Runtime> containerd_;
};

// Watches on a thread of its own and keeps what it was told.
class Recorder {
 public:
  explicit Recorder(runtime::Runtime& runtime)
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
                changed_.notify_all();
              },
              stop);
        }} {}

  bool wait_for_connection(int count) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, seconds{10}, [&] { return connections_ >= count; });
  }
  int connections() {
    const std::lock_guard lock{mutex_};
    return connections_;
  }
  // Ends the watch; how long that took.
  milliseconds stop() {
    const auto began = steady_clock::now();
    thread_.request_stop();
    thread_.join();
    return std::chrono::duration_cast<milliseconds>(steady_clock::now() - began);
  }
  std::size_t count(runtime::EventKind kind, const std::string& ns) {
    const std::lock_guard lock{mutex_};
    return static_cast<std::size_t>(std::ranges::count_if(
        events_,
        [&](const runtime::Event& event) { return event.kind == kind && event.ns == ns; }));
  }
  std::optional<runtime::Event> wait_for(runtime::EventKind kind, const std::string& ns,
                                         milliseconds timeout = seconds{10}) {
    std::unique_lock lock{mutex_};
    const auto find = [&] {
      return std::ranges::find_if(events_, [&](const runtime::Event& event) {
        return event.kind == kind && event.ns == ns;
      });
    };
    changed_.wait_for(lock, timeout, [&] { return find() != events_.end(); });
    const auto found = find();
    return found == events_.end() ? std::nullopt : std::optional{*found};
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<runtime::Event> events_;
  int connections_ = 0;
  std::jthread thread_;
};

}  // namespace kukeon::support
