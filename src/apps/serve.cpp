// SPDX-License-Identifier: Apache-2.0
#include "apps/serve.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "apps/oci_runtime_probe.h"
#include "apps/shadow.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/base/timestamp.h"
#include "kukeon/daemon/containerd_supervisor.h"
#include "kukeon/daemon/event_watch.h"
#include "kukeon/daemon/handlers.h"
#include "kukeon/daemon/server.h"
#include "kukeon/engine/engine.h"
#include "kukeon/firewall/admission.h"
#include "kukeon/kernel/file_lock.h"
#include "kukeon/kernel/nft.h"
#include "kukeon/network/native_network.h"
#include "kukeon/store/store.h"

namespace kukeon::apps {
namespace {

using namespace std::chrono_literals;

constexpr auto private_lock_wait = 30s;  // design §2
constexpr auto stop_grace = 10s;

fs::path lock_file(const engine::Config& config) { return config.run_path / "engine.lock"; }
// Held beside it by a daemon, so that a private engine knows whether waiting makes sense.
fs::path daemon_lock_file(const engine::Config& config) { return config.run_path / "daemon.lock"; }

std::string holder_text(const engine::Config& config) {
  const auto pid = kernel::FileLock::holder(lock_file(config)).value_or(0);
  return pid > 0 ? fmt::format("process {}", pid) : std::string{"another process"};
}

// Everything between the run path and the router, in the order in which it is built and, reversed,
// taken down.
using namespace daemon;

class Stack {
 public:
  enum class Access { write, read_only };

  Stack(const Options& options, const ConnectRuntime& connect, Access access)
      : config_{options.engine}, supervisor_{{config_.run_path, config_.runtime_dir}} {
    DaemonFacts facts;
    facts.started_at = Timestamp::now();
    facts.socket = options.socket;
    facts.manifest_validation = options.manifest_validation;
    facts.containerd_socket = options.containerd_socket;
    if (!socket_answers(options.containerd_socket)) {
      // A reader does not start what another engine supervises.
      if (access == Access::write) supervisor_.start();
      facts.containerd_socket = supervisor_.socket().string();
      facts.containerd_supervised = true;
    }
    facts.oci_runtime = access == Access::write ? probe_oci_runtime(config_) : "runc";
    runtime_ = connect(facts.containerd_socket, facts.oci_runtime, config_.runtime_dir);
    store_ = std::make_unique<store::Store>(
        config_.run_path, access == Access::write ? make_shadow_renderer() : nullptr);
    network_ = std::make_unique<network::NativeNetwork>(
        nft_, network::NativeNetwork::Options{config_.runtime_dir / "ip_forward"});
    engine_ = std::make_unique<engine::Engine>(config_, *store_, *runtime_, *network_, &admission_);
    add_realm_handlers(router_, *engine_);
    add_space_handlers(router_, *engine_);
    add_stack_handlers(router_, *engine_);
    add_cell_handlers(router_, *engine_);
    add_container_handlers(router_, *engine_);
    add_image_handlers(router_, *engine_);
    add_purge_handlers(router_, *engine_);
    add_daemon_handlers(router_, *engine_, *runtime_, std::move(facts));
    event_watch_.emplace(engine_->journal());
    event_watch_->add_handlers(router_);
  }

  Router& router() { return router_; }
  engine::Engine& engine() { return *engine_; }

 private:
  engine::Config config_;
  ContainerdSupervisor supervisor_;
  std::unique_ptr<runtime::Runtime> runtime_;
  std::unique_ptr<store::Store> store_;
  kernel::Nft nft_;
  firewall::ForwardAdmission admission_{nft_};
  std::unique_ptr<network::NativeNetwork> network_;
  std::unique_ptr<engine::Engine> engine_;
  Router router_;
  std::optional<EventWatch> event_watch_;
};

void prepare(const engine::Config& config) {
  engine::validate(config);
  make_directories(config.run_path, 02750);
  make_directories(config.runtime_dir, 0755);
}

// Blocked in this thread and so in all it starts: sigwait() is the one place that takes them.
sigset_t block_stop_signals() {
  sigset_t stops;
  ::sigemptyset(&stops);
  for (const int number : {SIGINT, SIGTERM}) ::sigaddset(&stops, number);
  ::pthread_sigmask(SIG_BLOCK, &stops, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return stops;
}

}  // namespace

void serve(const Options& options, const ConnectRuntime& connect) {
  const sigset_t stops = block_stop_signals();
  prepare(options.engine);
  const auto lock = kernel::FileLock::try_lock(lock_file(options.engine));
  if (!lock) {
    throw Error{
        kinds::engine_locked,
        fmt::format("run path {} is in use by {}; stop that kukeond or choose another --run-path",
                    options.engine.run_path.string(), holder_text(options.engine))};
  }
  const auto daemon_lock = kernel::FileLock::try_lock(daemon_lock_file(options.engine));
  engine::claim_instance(options.engine);
  Stack stack{options, connect, Stack::Access::write};
  ServerOptions server_options;
  server_options.socket = options.socket;
  server_options.socket_gid = options.engine.group;
  stack.engine().start();
  Server server{stack.router(), server_options};
  log::info("kukeond serves",
            {{"socket", options.socket}, {"run_path", options.engine.run_path.string()}});

  int number = 0;
  ::sigwait(&stops, &number);
  log::info("kukeond stops", {{"signal", number == SIGINT ? "SIGINT" : "SIGTERM"}});
  stack.engine().cancel_pulls();  // a call that pulls would outlast any grace
  if (!server.stop(stop_grace)) log::warn("calls were still running at the end", {});
  stack.engine().stop();
}

void serve_private(const Options& options, const ConnectRuntime& connect) {
  block_stop_signals();
  prepare(options.engine);
  sigset_t none;
  ::sigemptyset(&none);
  std::optional<kernel::FileLock> lock = kernel::FileLock::try_lock(lock_file(options.engine));
  if (!lock && kernel::FileLock::try_lock(daemon_lock_file(options.engine))) {
    lock = kernel::FileLock::lock(lock_file(options.engine), private_lock_wait);
  }
  if (lock) engine::claim_instance(options.engine);
  Stack stack{options, connect, lock ? Stack::Access::write : Stack::Access::read_only};
  if (!lock) {
    stack.router().refuse_writes(fmt::format(
        "kukeond ({}) serves run path {} with its socket in {}; leave out --no-daemon to ask it",
        holder_text(options.engine), options.engine.run_path.string(),
        options.engine.runtime_dir.string()));
  }
  // The terminal's ^C is for kuke: it closes our input, and we finish what runs.
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGINT, SIG_IGN);
  serve_stdio(stack.router());
}

}  // namespace kukeon::apps
