// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kukeon::cli {

// One flag of a command. A flag without `value` is a switch: `--force`, `--force=false`.
struct Flag {
  std::string name;      // "output", without dashes
  char shorthand = 0;    // 'o', or 0
  std::string value;     // the word for its value in help: "string", "int", "duration"
  std::string help;      // one sentence without its full stop
  std::string fallback;  // the default as help shows it; empty: none worth showing
  bool required = false;
  // Takes the text of one occurrence; throws Error{kinds::usage, why}.
  std::function<void(const std::string&)> set;
};

// A word of a command that is not a flag.
struct Positional {
  std::string name;  // "CELL"
  bool optional = false;
  std::function<void(const std::string&)> set;
};

// What a command takes. Command::describe() fills it; the parser, help and completion read it.
//
//   args.positional("CELL", cell_);
//   args.flag("-o, --output", output_, "Output format: yaml, json or table");
//
// The variable's value at that moment is the default. Strings are trimmed of blanks around them.
class Args {
 public:
  void flag(std::string_view spelling, std::string& value, std::string_view help);
  void flag(std::string_view spelling, std::optional<std::string>& value, std::string_view help);
  void flag(std::string_view spelling, bool& value, std::string_view help);
  void flag(std::string_view spelling, std::int64_t& value, std::string_view help);
  void flag(std::string_view spelling, std::chrono::nanoseconds& value, std::string_view help);
  // May be given several times; a value is never split at commas.
  void flag(std::string_view spelling, std::vector<std::string>& values, std::string_view help);
  // Makes the flag described last one that has to be given.
  void required() { flags_.back().required = true; }

  void positional(std::string_view name, std::string& value);
  void optional_positional(std::string_view name, std::string& value);
  // Any number of words.
  void any_words(std::string_view name, std::vector<std::string>& words);

  const std::vector<Flag>& flags() const { return flags_; }
  const std::vector<Positional>& positionals() const { return positionals_; }
  bool takes_any_words() const { return any_words_ != nullptr; }
  void set_any_words(std::vector<std::string> words) const { *any_words_ = std::move(words); }
  const std::string& any_words_name() const { return any_words_name_; }

 private:
  Flag& add(std::string_view spelling, std::string_view value, std::string_view help);

  std::vector<Flag> flags_;
  std::vector<Positional> positionals_;
  std::vector<std::string>* any_words_ = nullptr;
  std::string any_words_name_;
};

// What parse_flags() leaves for parse_words().
struct Parsed {
  bool help = false;                 // -h or --help was given
  std::vector<std::string> words;    // the positionals, in order
  std::vector<std::string> missing;  // required flags that were not given
};

// Reads the flags of `args` and `globals` out of `input` (the command line without the command's
// own words) and sets their variables. Throws Error{kinds::usage} with the texts of cli.md 1.
Parsed parse_flags(const Args& args, const Args& globals, const std::vector<std::string>& input);

// Hands out the words, then checks that every required flag was given, in that order.
void parse_words(const Args& args, const Parsed& parsed, std::string_view command_path);

// A duration as Go writes it: "10s", "1m30s", "1.5h", "0". Throws Error{kinds::usage, "time: …"}.
std::chrono::nanoseconds parse_duration(const std::string& text);

}  // namespace kukeon::cli
