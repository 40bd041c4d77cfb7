// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/kukeond_program.h"

#include <unistd.h>

#include <system_error>
#include <utility>

#include "kukeon/base/files.h"
#include "kukeon/base/process.h"

namespace kukeon::cli {

std::string kukeond_program() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    const std::string beside = self.parent_path() / "kukeond";
    if (::access(beside.c_str(), X_OK) == 0) return beside;
  }
  return "kukeond";
}

std::unique_ptr<client::Client> private_daemon(const std::string& run_path,
                                               const std::string& containerd_socket,
                                               const std::string& log_level) {
  kukeon::Command command;
  command.argv = {kukeond_program(),     "stdio",           "--run-path",  run_path,
                  "--containerd-socket", containerd_socket, "--log-level", log_level};
  return std::make_unique<client::Client>(
      std::make_unique<client::ChildTransport>(std::move(command)));
}

}  // namespace kukeon::cli
