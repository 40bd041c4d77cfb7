// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kukeon/base/files.h"
#include "kukeon/base/process.h"
#include "support/leak_check.h"

namespace kukeon::support {

// A kukeond of the test's own, as a user's: the real program with its own containerd, run path,
// cgroup root and namespace suffix, in a network namespace of its own. Used through `kuke` or its
// socket. The destructor uninstalls it, and fails the test for whatever is left on the host then.
class TestDaemon {
 public:
  // Why this host cannot run one, for GTEST_SKIP.
  static std::optional<std::string> unavailable();

  // `kukeond` and `kuke` come from `bin`; `environment` is kukeond's, on top of ours.
  explicit TestDaemon(fs::path bin, std::map<std::string, std::string> environment = {});
  TestDaemon(const TestDaemon&) = delete;
  TestDaemon& operator=(const TestDaemon&) = delete;
  ~TestDaemon();

  void start();  // returns when it answers a Ping
  // Starts it with more environment. Returns as well when it has ended before it answered.
  void start_with(const std::map<std::string, std::string>& environment);
  bool wait_for_end(std::chrono::milliseconds timeout);  // of a kukeond that ends itself
  // As a power cut and the boot after it: no process, namespace, cgroup, link or firewall table is
  // left, nor anything below runtime_dir(). start() is the boot.
  void cut_power();
  void terminate();  // SIGTERM; waits for its end
  void kill();       // SIGKILL; its containerd and its cells go on

  // Runs `kuke …` against it.
  Output kuke(const std::vector<std::string>& words, const std::string& input = {}) const;
  // The same, expected to succeed: its standard output. Fails the test otherwise.
  std::string kuke_ok(const std::vector<std::string>& words, const std::string& input = {}) const;
  // Applies a manifest text.
  Output apply(const std::string& yaml) const { return kuke({"apply", "-f", "-"}, yaml); }

  // The default realm, space and stack, and the image docker.io/library/busybox:latest in the
  // realm.
  void prepare_default();

  // Runs a program in the daemon's network namespace.
  Output in_its_network(const std::vector<std::string>& argv) const;
  // `ctr -n <realm namespace> …` on its containerd.
  Output ctr(const std::vector<std::string>& words) const;

  const fs::path& directory() const { return directory_.path(); }
  fs::path run_path() const { return directory_.path() / "run-path"; }
  fs::path runtime_dir() const { return directory_.path() / "run"; }
  std::string host() const { return "unix://" + socket().string(); }
  fs::path socket() const { return runtime_dir() / "kukeond.sock"; }
  fs::path containerd_socket() const { return runtime_dir() / "containerd" / "containerd.sock"; }
  std::string realm_namespace(const std::string& realm = "default") const {
    return realm + "." + suffix_;
  }
  const std::string& cgroup_root() const { return cgroup_root_; }
  pid_t pid() const { return process_.pid(); }
  pid_t network_holder() const { return network_holder_.pid(); }  // a process in its network
  std::string log() const;

  LeakScope leak_scope() const;

 private:
  std::vector<std::string> serve_command() const;
  void launch(const std::map<std::string, std::string>& environment);
  std::vector<std::string> own_flags() const;

  fs::path bin_;
  std::map<std::string, std::string> environment_;
  TemporaryDirectory directory_;
  std::string suffix_;
  std::string cgroup_root_;
  LeakCheck leak_;          // what the whole life of the daemon left, uninstall included
  Process network_holder_;  // keeps the network namespace while the daemon is down
  Process process_;
};

// Makes a root file system of busybox-static at `directory`: bin/ with its applets, etc/passwd,
// tmp.
void make_busybox_rootfs(const fs::path& directory);

// Polls `done` every few milliseconds until it holds; false at the deadline.
bool eventually(const std::function<bool()>& done,
                std::chrono::milliseconds deadline = std::chrono::seconds{10});

}  // namespace kukeon::support
