// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/oci/runtime_spec.h"

// A further process in a container that runs already: Runtime::exec().
namespace kukeon::runtime {

class Runtime;
struct ContainerRecord;

enum class OutputStream { out, err };

struct TerminalSize {
  std::uint32_t columns = 80;
  std::uint32_t rows = 24;

  bool operator==(const TerminalSize&) const = default;
};

struct ExecOptions {
  // What runs; with `terminal` it gets a terminal of its own. process_in() makes one that is like
  // the container's.
  oci::Process process;
  // Gets the output as it comes, on a thread of the Exec's, one call at a time; a call that takes
  // its time slows the process down, and one that throws gets no more. With a terminal everything
  // is `out`. Empty: the output is dropped.
  std::function<void(OutputStream, std::string_view)> on_output{};
  // In place of on_output a host file that the shim appends both streams to, whoever waits or not.
  // Not with a terminal.
  std::string log_path{};
  bool input = false;  // false: it reads from /dev/null, or from a terminal nobody types at
  TerminalSize size{};
};

// Owns a process that was started in a container: what still runs when the Exec goes is killed.
// wait() and the destructor belong to one thread; the rest may be called from any.
class Exec {
 public:
  Exec() = default;
  Exec(const Exec&) = delete;
  Exec& operator=(const Exec&) = delete;
  virtual ~Exec() = default;

  virtual std::string id() const = 0;  // unique on this host; what containerd calls it
  virtual std::uint32_t pid() const = 0;

  // Hands over as much as the process takes before the timeout; answers how much. Throws
  // failed_precondition where nobody reads any more, or without ExecOptions::input.
  virtual std::size_t write_input(std::string_view bytes, std::chrono::milliseconds timeout) = 0;
  // The end of its input, after what was written. A terminal stays open: write "\x04" to it.
  virtual void close_input() = 0;
  // Throws failed_precondition without a terminal.
  virtual void resize(TerminalSize size) = 0;
  // Success where it has exited.
  virtual void kill(int signal) = 0;

  // The exit code (128 + signal for one that was killed) once all output has been delivered and
  // nothing of the process is left behind; nothing when that is not so at the deadline. Children
  // that keep its output open hold this up for as long as their shim allows (2 s in containerd
  // 1.6, 10 s later); what they write after that is lost. Throws not_found when the process was
  // lost with its shim.
  virtual std::optional<std::uint32_t> wait(std::chrono::milliseconds timeout) = 0;
};

// `args` run as the container's own process would: its user, environment, directory, capabilities
// and limits. Throws failed_precondition where the container's spec has no process.
oci::Process process_in(const ContainerRecord& container, std::vector<std::string> args);

struct ExecResult {
  std::uint32_t exit_code = 0;
  std::string out;
  std::string err;
};

// Runs a process to its end, feeding `input` and keeping at most `limit` bytes of each stream (the
// rest is dropped). At the deadline it is killed and deadline_exceeded thrown.
ExecResult exec_to_end(Runtime& runtime, const std::string& ns, const std::string& id,
                       const oci::Process& process, std::chrono::milliseconds timeout,
                       std::string_view input = {}, std::size_t limit = std::size_t{1} << 20);

}  // namespace kukeon::runtime
