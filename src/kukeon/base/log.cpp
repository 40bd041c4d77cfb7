// SPDX-License-Identifier: Apache-2.0
#include "kukeon/base/log.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::log {
namespace {

struct Target {
  std::mutex mutex;
  std::shared_ptr<Sink> sink;
  std::atomic<int> least{static_cast<int>(Level::error) + 1};
};

Target& target() {
  static Target instance;
  return instance;
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || c == '"' || c == '=' || byte == 0x7f) return true;
  }
  return false;
}

}  // namespace

void set_sink(Level least, Sink sink) {
  const std::lock_guard lock{target().mutex};
  target().sink = std::make_shared<Sink>(std::move(sink));
  target().least = static_cast<int>(least);
}

Level parse_level(std::string_view word) {
  if (word == "debug") return Level::debug;
  if (word == "info" || word.empty()) return Level::info;
  if (word == "warn" || word == "warning") return Level::warn;
  if (word == "error") return Level::error;
  throw Error{kinds::invalid_argument,
              fmt::format("log level {} is not one of debug, info, warn, error", quote(word))};
}

void write(Level level, std::string_view sentence, Fields fields) {
  if (static_cast<int>(level) < target().least.load(std::memory_order_relaxed)) return;
  std::string line{sentence};
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    line += needs_quotes(field.value) ? quote(field.value) : field.value;
  }
  std::shared_ptr<Sink> sink;
  {
    const std::lock_guard lock{target().mutex};
    sink = target().sink;
  }
  if (sink && *sink) (*sink)(level, line);
}

}  // namespace kukeon::log
