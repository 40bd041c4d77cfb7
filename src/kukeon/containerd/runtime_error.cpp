// SPDX-License-Identifier: Apache-2.0
#include "kukeon/containerd/runtime_error.h"

#include <array>

#include "kukeon/base/error_kinds.h"

namespace kukeon::containerd {
namespace {

// Each names the layer that passes the cause on, and nothing else.
constexpr std::array<std::string_view, 10> noise{
    "failed to create shim task: ",
    "OCI runtime create failed: ",
    "OCI runtime start failed: ",
    "OCI runtime exec failed: ",
    "exec failed: ",
    "runc create failed: ",
    "unable to start container process: ",
    "error during container init: ",
    "container_linux.go: ",
    "cannot start a container that has stopped: ",
};

std::string_view without_noise(std::string_view message) {
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view prefix : noise) {
      if (!message.starts_with(prefix)) continue;
      message.remove_prefix(prefix.size());
      found = true;
    }
  }
  return message;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// runc: `exec: "x": …`, `chdir to cwd ("/x") set in config.json failed: …`; crun: "executable file
// `x` not found".
bool is_users_mistake(std::string_view cause) {
  return cause.starts_with("exec: ") || cause.starts_with("exec /") ||
         cause.starts_with("chdir to cwd") || contains(cause, "executable file `") ||
         cause.starts_with("open executable:") || cause.starts_with("chdir: ");
}

}  // namespace

Error to_start_error(const Error& error) {
  const std::string_view cause = without_noise(error.message());
  const ErrorKind kind =
      error.is(kinds::unknown) && is_users_mistake(cause) ? kinds::invalid_argument : error.kind();
  Error result{kind, std::string{cause}};
  for (const std::string& line : error.context()) result.add_context(line);
  return result;
}

bool is_lost_shim(std::string_view message) {
  return contains(message, "ttrpc: closed") ||
         (contains(message, "dial unix") && (contains(message, "no such file or directory") ||
                                             contains(message, "connection refused")));
}

bool is_unfinished_cleanup(std::string_view message) {
  // The bundle's directory of the same name is still there, or goes from under our own start.
  return contains(message, "failed to start shim: ") &&
         (contains(message, ": file exists") || contains(message, "getwd: no such file"));
}

}  // namespace kukeon::containerd
