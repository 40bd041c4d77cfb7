// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "kukeon/api/method.h"
#include "kukeon/cli/settings.h"
#include "kukeon/cli/terminal.h"
#include "kukeon/client/client.h"

namespace kukeon::cli {

// How a command reaches the daemon; tests give a fake one.
using Dial = std::function<std::unique_ptr<client::Client>(const Settings&)>;

// The daemon behind settings.host, or with --no-daemon a private one. Nothing is connected before
// the first call.
std::unique_ptr<client::Client> dial_daemon(const Settings& settings);

// What a command runs in: settings, the connection, and where its words go. Configuration and
// connection are made at first use, so `kuke version` needs neither.
class Context {
 public:
  Context(GlobalFlags flags, Terminal& terminal, Dial dial)
      : flags_{std::move(flags)}, terminal_{terminal}, dial_{std::move(dial)} {}

  Context(const Context&) = delete;
  ~Context();

  const Settings& settings();
  client::Client& client();
  Terminal& terminal() { return terminal_; }
  const GlobalFlags& flags() const { return flags_; }

  template <api::Method M>
  api::Answer<M> call(const typename M::Request& request) {
    return client().template call<M>(request);
  }

  // One line on standard output.
  template <class... Values>
  void print(fmt::format_string<Values...> format, Values&&... values) {
    terminal_.print(fmt::format(format, std::forward<Values>(values)...) + "\n");
  }

  // One line on standard error that is not the command's failure.
  template <class... Values>
  void warn(fmt::format_string<Values...> format, Values&&... values) {
    terminal_.complain(fmt::format(format, std::forward<Values>(values)...) + "\n");
  }

 private:
  GlobalFlags flags_;
  Terminal& terminal_;
  Dial dial_;
  std::optional<Settings> settings_;
  std::unique_ptr<client::Client> client_;
};

}  // namespace kukeon::cli
