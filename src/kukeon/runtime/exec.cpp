// SPDX-License-Identifier: Apache-2.0
#include "kukeon/runtime/exec.h"

#include <algorithm>
#include <csignal>
#include <mutex>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/guarded.h"
#include "kukeon/base/strings.h"
#include "kukeon/runtime/runtime.h"

namespace kukeon::runtime {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Between two looks at a process that takes no input.
constexpr milliseconds look_interval{100};

oci::Process process_in(const ContainerRecord& container, std::vector<std::string> args) {
  auto process = oci::parse_spec(container.spec_json).process;
  if (!process) {
    throw Error{kinds::failed_precondition,
                fmt::format("the spec of container {} has no process", quote(container.id))};
  }
  process->args = std::move(args);
  process->terminal = false;
  return *std::move(process);
}

ExecResult exec_to_end(Runtime& runtime, const std::string& ns, const std::string& id,
                       const oci::Process& process, milliseconds timeout, std::string_view input,
                       std::size_t limit) {
  const auto deadline = steady_clock::now() + timeout;
  const auto left = [&] {
    return std::max(milliseconds{0},
                    std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()));
  };
  Guarded<ExecResult> result;
  const auto keep = [&](OutputStream stream, std::string_view bytes) {
    result.with([&](ExecResult& so_far) {
      std::string& text = stream == OutputStream::out ? so_far.out : so_far.err;
      text.append(bytes.substr(0, limit - std::min(limit, text.size())));
    });
  };
  const auto exec =
      runtime.exec(ns, id, {.process = process, .on_output = keep, .input = !input.empty()});
  // A process may end without having read everything, and then nobody makes room for the rest.
  std::optional<std::uint32_t> exit_code;
  try {
    while (!input.empty() && !exit_code && left() > milliseconds{0}) {
      const std::size_t taken = exec->write_input(input, std::min(left(), look_interval));
      input.remove_prefix(taken);
      if (input.empty()) {
        exec->close_input();
      } else if (taken == 0) {
        exit_code = exec->wait(milliseconds{0});
      }
    }
  } catch (const Error& error) {
    if (!error.is(kinds::failed_precondition)) throw;
  }
  if (!exit_code) exit_code = exec->wait(left());
  if (!exit_code) {
    throw Error{kinds::deadline_exceeded,
                fmt::format("{} in container {} did not end within {} ms",
                            quote(process.args.empty() ? "" : process.args.front()), quote(id),
                            timeout.count())};
  }
  return result.with([&](ExecResult& complete) {
    complete.exit_code = *exit_code;
    return std::move(complete);
  });
}

}  // namespace kukeon::runtime
