// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/context.h"

#include <ctime>

#include "kukeon/base/log.h"
#include "kukeon/cli/kukeond_program.h"

namespace kukeon::cli {
namespace {

std::string_view word_of(log::Level level) {
  switch (level) {
    case log::Level::debug:
      return "DEBUG";
    case log::Level::info:
      return "INFO";
    case log::Level::warn:
      return "WARN";
    case log::Level::error:
      return "ERROR";
  }
  return "INFO";
}

// RFC 3339 in the user's own zone.
std::string local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &parts);
  std::string out{text, length};
  if (length > 2) out.insert(length - 2, ":");  // strftime writes +0200
  return out;
}

}  // namespace

Context::~Context() {
  if (!settings_ || !settings_->verbose) return;
  client_.reset();  // may log
  log::set_sink(log::Level::error, [](log::Level, const std::string&) {});
}

const Settings& Context::settings() {
  if (!settings_) {
    settings_ = load_settings(flags_);
    if (settings_->verbose) {
      log::set_sink(log::parse_level(settings_->log_level), [this](log::Level level,
                                                                   const std::string& line) {
        terminal_.complain(fmt::format("{} {} {}\n", local_time(), word_of(level), line));
      });
    }
  }
  return *settings_;
}

client::Client& Context::client() {
  if (!client_) client_ = dial_(settings());
  return *client_;
}

std::unique_ptr<client::Client> dial_daemon(const Settings& settings) {
  if (settings.no_daemon) {
    return private_daemon(settings.run_path, settings.containerd_socket,
                          settings.verbose ? settings.log_level : "error");
  }
  return std::make_unique<client::Client>(client::dial(settings.host));
}

}  // namespace kukeon::cli
