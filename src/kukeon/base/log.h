// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include <fmt/format.h>

// log::info("cell ready", {{"cell", path}, {"pid", pid}}): a fixed sentence, then fields. Nothing
// is written until a sink is set; the daemon sets one, the CLI only with --verbose. Secrets never
// get here.
namespace kukeon::log {

enum class Level { debug, info, warn, error };

struct Field {
  Field(std::string_view field_key, std::string_view field_value)
      : key{field_key}, value{field_value} {}
  Field(std::string_view field_key, const std::string& field_value)
      : key{field_key}, value{field_value} {}
  Field(std::string_view field_key, const char* field_value) : key{field_key}, value{field_value} {}
  template <class T>
  Field(std::string_view field_key, const T& field_value)
      : key{field_key}, value{fmt::to_string(field_value)} {}

  std::string_view key;
  std::string value;
};
using Fields = std::initializer_list<Field>;

// Called from any thread; `line` is `sentence key=value …` with values quoted where needed.
using Sink = std::function<void(Level, const std::string& line)>;
void set_sink(Level least, Sink sink);

// debug, info, warn, error; throws invalid_argument.
Level parse_level(std::string_view word);

void write(Level level, std::string_view sentence, Fields fields);
inline void debug(std::string_view sentence, Fields fields = {}) {
  write(Level::debug, sentence, fields);
}
inline void info(std::string_view sentence, Fields fields = {}) {
  write(Level::info, sentence, fields);
}
inline void warn(std::string_view sentence, Fields fields = {}) {
  write(Level::warn, sentence, fields);
}
inline void error(std::string_view sentence, Fields fields = {}) {
  write(Level::error, sentence, fields);
}

}  // namespace kukeon::log
