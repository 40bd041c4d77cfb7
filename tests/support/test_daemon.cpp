// SPDX-License-Identifier: Apache-2.0
#include "support/test_daemon.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/kernel/cgroup.h"
#include "support/private_containerd.h"

namespace kukeon::support {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto command_limit = 120s;

Command command_of(std::vector<std::string> argv) { return {.argv = std::move(argv)}; }

}  // namespace

bool eventually(const std::function<bool()>& done, milliseconds deadline) {
  for (const auto end = steady_clock::now() + deadline; !done();) {
    if (steady_clock::now() > end) return false;
    ::poll(nullptr, 0, 10);
  }
  return true;
}

void make_busybox_rootfs(const fs::path& directory) {
  for (const char* name : {"bin", "etc", "proc", "sys", "dev", "tmp", "root"}) {
    make_directories(directory / name, 0755);
  }
  ::chmod((directory / "tmp").c_str(), 01777);
  fs::copy_file("/bin/busybox", directory / "bin/busybox", fs::copy_options::overwrite_existing);
  const Output applets = run(command_of({"/bin/busybox", "--list"}), 10s);
  for (const std::string& applet : split(applets.out, '\n')) {
    if (applet.empty() || applet == "busybox") continue;
    std::error_code exists;
    fs::create_symlink("busybox", directory / "bin" / applet, exists);
  }
  write_file_in_place(directory / "etc/passwd",
                      "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
  write_file_in_place(directory / "etc/group", "root:x:0:\nnogroup:x:65534:\n");
}

std::optional<std::string> TestDaemon::unavailable() {
  if (auto reason = PrivateContainerd::unavailable()) return reason;
  if (!fs::exists("/bin/busybox")) return "busybox-static is not installed";
  return std::nullopt;
}

TestDaemon::TestDaemon(fs::path bin, std::map<std::string, std::string> environment)
    : bin_{std::move(bin)},
      environment_{std::move(environment)},
      suffix_{unique_name("kukeon-test")},
      cgroup_root_{"/" + suffix_},
      leak_{{.directories = {}, .cgroups = {suffix_}, .processes = {suffix_}}} {
  make_directories(run_path(), 0755);
  make_directories(runtime_dir(), 0755);
  // `up` before `exec`: whoever enters later finds a loopback that works.
  network_holder_ = Process::start(
      command_of({"unshare", "--net", "sh", "-c", "ip link set lo up && exec sleep infinity"}), {});
  const bool is_up = eventually([this] {
    const auto name = read_file_if_exists(fmt::format("/proc/{}/comm", network_holder_.pid()), 64);
    return name && trim(*name) == "sleep";
  });
  if (!is_up) throw Error{kinds::deadline_exceeded, "the test's network namespace was not made"};
  start();
}

TestDaemon::~TestDaemon() {
  try {
    if (!process_) start();
    const Output gone = kuke({"uninstall", "--yes"});
    if (!gone.exit.ok()) ADD_FAILURE() << gone.out << gone.err;
    if (process_) terminate();
    for (const std::string& object : leak_.new_objects()) ADD_FAILURE() << "left over: " << object;
  } catch (...) {
    ADD_FAILURE() << "test daemon did not go: " << current_exception_text();
  }
  unmount_below(directory());
}

std::vector<std::string> TestDaemon::own_flags() const {
  return {"--run-path", run_path().string(), "--containerd-socket",
          (directory() / "no-containerd.sock").string()};
}

std::vector<std::string> TestDaemon::serve_command() const {
  std::vector<std::string> argv{"nsenter",
                                fmt::format("--net=/proc/{}/ns/net", network_holder_.pid()),
                                (bin_ / "kukeond").string(),
                                "serve",
                                "--socket",
                                socket().string(),
                                "--configuration",
                                (directory() / "kukeond.yaml").string(),
                                "--containerd-namespace-suffix",
                                suffix_,
                                "--cgroup-root",
                                cgroup_root_,
                                "--log-level",
                                "debug"};
  for (std::string& flag : own_flags()) argv.push_back(std::move(flag));
  return argv;
}

void TestDaemon::launch(const std::map<std::string, std::string>& environment) {
  const Fd log =
      open_file((directory() / "kukeond.log").string(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  Command serve = command_of(serve_command());
  serve.extra_env = environment_;
  serve.extra_env.insert(environment.begin(), environment.end());
  process_ = Process::start(serve, {-1, log.get(), log.get()});
}

void TestDaemon::start_with(const std::map<std::string, std::string>& environment) {
  launch(environment);
  eventually([&] { return process_.wait(1ms) || kuke({"status"}).exit.ok(); }, 60s);
}

bool TestDaemon::wait_for_end(milliseconds timeout) {
  if (!process_.wait(timeout)) return false;
  process_ = {};
  return true;
}

void TestDaemon::cut_power() {
  kill();
  // By what names them as ours: containerd and its shims have our directory or namespace in their
  // command lines, what runs in cells has our cgroup.
  const auto ours = [&] {
    std::vector<pid_t> pids;
    for (const auto& entry : fs::directory_iterator{"/proc"}) {
      const auto pid = parse_integer(entry.path().filename().string());
      if (!pid || *pid == ::getpid() || *pid == network_holder_.pid()) continue;
      std::string text;
      for (const char* file : {"cgroup", "cmdline"}) {
        text += read_file_if_exists(entry.path() / file).value_or("");
      }
      const bool zombie = read_file_if_exists(entry.path() / "cmdline").value_or("").empty();
      if (!zombie && (text.find(suffix_) != std::string::npos ||
                      text.find(directory().string()) != std::string::npos)) {
        pids.push_back(static_cast<pid_t>(*pid));
      }
    }
    return pids;
  };
  const bool gone = eventually([&] {
    const auto pids = ours();
    for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    return pids.empty();
  });
  EXPECT_TRUE(gone) << "something survives a power cut";
  unmount_below(runtime_dir());
  for (const auto& entry : fs::directory_iterator{runtime_dir()}) fs::remove_all(entry.path());
  kernel::Cgroups{}.remove(cgroup_root_);
  in_its_network({"nft", "flush", "ruleset"});
  const Output bridges = in_its_network({"ip", "-o", "link", "show", "type", "bridge"});
  for (const std::string& line : split(bridges.out, '\n')) {  // "3: k-703e8b3a: <…"
    const auto words = split(line, ' ');
    if (words.size() < 2) continue;
    in_its_network({"ip", "link", "del", words[1].substr(0, words[1].find(':'))});
  }
}

void TestDaemon::start() {
  launch({});
  const auto end = steady_clock::now() + 60s;
  while (!kuke({"status"}).exit.ok()) {
    if (process_.wait(20ms))
      throw Error{kinds::unavailable, "kukeond ended at its start:\n" + this->log()};
    if (steady_clock::now() > end)
      throw Error{kinds::deadline_exceeded, "kukeond does not answer:\n" + this->log()};
  }
}

void TestDaemon::terminate() {
  process_.signal(SIGTERM);
  if (!process_.wait(30s)) ADD_FAILURE() << "kukeond does not end on SIGTERM:\n" << log();
  process_ = {};
}

void TestDaemon::kill() {
  process_.signal(SIGKILL);
  process_.wait();
  process_ = {};
}

Output TestDaemon::kuke(const std::vector<std::string>& words, const std::string& input) const {
  // In the daemon's network, for what kuke does itself: uninstall, --no-daemon.
  std::vector<std::string> argv{"nsenter",
                                fmt::format("--net=/proc/{}/ns/net", network_holder_.pid()),
                                (bin_ / "kuke").string(),
                                "--host",
                                host(),
                                "--configuration",
                                (directory() / "kuke.yaml").string()};
  for (std::string& flag : own_flags()) argv.push_back(std::move(flag));
  argv.insert(argv.end(), words.begin(), words.end());
  Command command = command_of(std::move(argv));
  command.extra_env = {{"KUKEON_NAMESPACE_SUFFIX", suffix_}, {"KUKEON_CGROUP_ROOT", cgroup_root_}};
  return run(command, command_limit, input);
}

std::string TestDaemon::kuke_ok(const std::vector<std::string>& words,
                                const std::string& input) const {
  const Output output = kuke(words, input);
  EXPECT_TRUE(output.exit.ok()) << "kuke " << join(words, " ") << "\n" << output.err << output.out;
  return output.out;
}

void TestDaemon::prepare_default() {
  kuke_ok({"apply", "-f", "-"},
          "kind: Realm\nmetadata: {name: default}\n---\n"
          "kind: Space\nmetadata: {name: default}\nspec: {realmId: default}\n---\n"
          "kind: Stack\nmetadata: {name: default}\nspec: {realmId: default, spaceId: default}\n");
  const fs::path rootfs = directory() / "busybox";
  make_busybox_rootfs(rootfs);
  kuke_ok({"image", "import", "docker.io/library/busybox:latest", rootfs.string()});
}

Output TestDaemon::in_its_network(const std::vector<std::string>& argv) const {
  std::vector<std::string> command{"nsenter",
                                   fmt::format("--net=/proc/{}/ns/net", network_holder_.pid())};
  command.insert(command.end(), argv.begin(), argv.end());
  return run(command_of(std::move(command)), command_limit);
}

Output TestDaemon::ctr(const std::vector<std::string>& words) const {
  std::vector<std::string> argv{"ctr", "--address", containerd_socket().string(), "--namespace",
                                realm_namespace()};
  argv.insert(argv.end(), words.begin(), words.end());
  return run(command_of(std::move(argv)), command_limit);
}

std::string TestDaemon::log() const {
  return read_file_if_exists(directory() / "kukeond.log").value_or("");
}

LeakScope TestDaemon::leak_scope() const {
  return {.directories = {run_path() / "data", runtime_dir() / "ns", runtime_dir() / "secrets"},
          .cgroups = {suffix_},
          .processes = {"-namespace " + realm_namespace()}};  // shims
}

}  // namespace kukeon::support
