// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "kukeon/client/client.h"

namespace kukeon::cli {

// The kukeond that was installed with us: beside this program, else the one in PATH.
std::string kukeond_program();

// A daemon for this one command (design.md 2): a child that ends with the connection. It shares our
// standard error, so below `log_level` it says nothing.
std::unique_ptr<client::Client> private_daemon(const std::string& run_path,
                                               const std::string& containerd_socket,
                                               const std::string& log_level = "error");

}  // namespace kukeon::cli
