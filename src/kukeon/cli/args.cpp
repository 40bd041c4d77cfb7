// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/args.h"

#include <array>
#include <charconv>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::cli {
namespace {

[[noreturn]] void wrong(std::string message) { throw Error{kinds::usage, std::move(message)}; }

// Go's strconv.ParseBool.
bool parse_bool(const std::string& text) {
  for (const char* word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return true;
  }
  for (const char* word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return false;
  }
  wrong(fmt::format("strconv.ParseBool: parsing {}: invalid syntax", quote(text)));
}

std::string trimmed(const std::string& text) { return std::string{trim(text)}; }

const Flag* find_flag(const std::vector<const Flag*>& flags, std::string_view name) {
  for (const Flag* flag : flags) {
    if (flag->name == name) return flag;
  }
  return nullptr;
}

const Flag* find_shorthand(const std::vector<const Flag*>& flags, char letter) {
  for (const Flag* flag : flags) {
    if (flag->shorthand == letter) return flag;
  }
  return nullptr;
}

std::string invalid(const std::string& value, const Flag& flag, std::string_view why) {
  const std::string spelling = flag.shorthand == 0
                                   ? fmt::format("--{}", flag.name)
                                   : fmt::format("-{}, --{}", flag.shorthand, flag.name);
  return fmt::format("invalid argument {} for \"{}\" flag: {}", quote(value), spelling, why);
}

// CLI11 takes the next word for the value of `--flag=`, and `=v` for that of `-o=v`; pflag does
// neither.
std::vector<std::string> with_explicit_values(const std::vector<const Flag*>& flags,
                                              const std::vector<std::string>& input) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < input.size(); ++i) {
    std::string word = input[i];
    if (word == "--") {
      words.insert(words.end(), input.begin() + static_cast<std::ptrdiff_t>(i), input.end());
      break;
    }
    if (word.size() > 2 && word[0] == '-' && word[1] != '-' && word[2] == '=') {
      if (const Flag* flag = find_shorthand(flags, word[1])) {
        word = fmt::format("--{}{}", flag->name, word.substr(2));
      }
    }
    const bool is_long = word.starts_with("--");
    const std::size_t equals = is_long ? word.find('=') : std::string::npos;
    const Flag* flag =
        is_long ? find_flag(flags, std::string_view{word}.substr(
                                       2, equals == std::string::npos ? equals : equals - 2))
                : nullptr;
    if (flag != nullptr && equals + 1 == word.size()) {
      if (flag->value.empty()) {
        wrong(invalid("", *flag, "strconv.ParseBool: parsing \"\": invalid syntax"));
      }
      words.push_back(word.substr(0, equals));
      words.emplace_back();
      continue;
    }
    words.push_back(word);
    // The word after a flag that takes a value is that value, whatever it looks like.
    const bool value_follows = flag != nullptr ? equals == std::string::npos && !flag->value.empty()
                                               : word.size() == 2 && word[0] == '-' &&
                                                     find_shorthand(flags, word[1]) &&
                                                     !find_shorthand(flags, word[1])->value.empty();
    if (value_follows && i + 1 < input.size()) words.push_back(input[++i]);
  }
  return words;
}

std::string needs_an_argument(const std::string& last_word) {
  if (last_word.starts_with("--")) return fmt::format("flag needs an argument: {}", last_word);
  return fmt::format("flag needs an argument: '{}' in -{}", last_word.back(), last_word.back());
}

}  // namespace

Flag& Args::add(std::string_view spelling, std::string_view value, std::string_view help) {
  Flag flag;
  if (spelling.size() > 4 && spelling[0] == '-' && spelling[1] != '-') {
    flag.shorthand = spelling[1];
    spelling.remove_prefix(4);  // "-o, "
  }
  flag.name = spelling.substr(2);
  flag.value = value;
  flag.help = help;
  return flags_.emplace_back(std::move(flag));
}

void Args::flag(std::string_view spelling, std::string& value, std::string_view help) {
  Flag& flag = add(spelling, "string", help);
  if (!value.empty()) flag.fallback = quote(value);
  flag.set = [&value](const std::string& text) { value = trimmed(text); };
}

void Args::flag(std::string_view spelling, std::optional<std::string>& value,
                std::string_view help) {
  add(spelling, "string", help).set = [&value](const std::string& text) { value = trimmed(text); };
}

void Args::flag(std::string_view spelling, bool& value, std::string_view help) {
  Flag& flag = add(spelling, "", help);
  if (value) flag.fallback = "true";
  flag.set = [&value](const std::string& text) { value = parse_bool(text); };
}

void Args::flag(std::string_view spelling, std::int64_t& value, std::string_view help) {
  Flag& flag = add(spelling, "int", help);
  if (value != 0) flag.fallback = fmt::to_string(value);
  flag.set = [&value](const std::string& text) {
    const auto number = parse_integer(text);
    if (!number) {
      wrong(fmt::format("strconv.ParseInt: parsing {}: invalid syntax", quote(text)));
    }
    value = *number;
  };
}

void Args::flag(std::string_view spelling, std::chrono::nanoseconds& value, std::string_view help) {
  Flag& flag = add(spelling, "duration", help);
  if (value.count() != 0) {
    flag.fallback = fmt::format("{}s", std::chrono::duration<double>{value}.count());
  }
  flag.set = [&value](const std::string& text) { value = parse_duration(text); };
}

void Args::flag(std::string_view spelling, std::vector<std::string>& values,
                std::string_view help) {
  add(spelling, "stringArray", help).set = [&values](const std::string& text) {
    values.push_back(text);
  };
}

void Args::positional(std::string_view name, std::string& value) {
  positionals_.push_back({.name = std::string{name},
                          .optional = false,
                          .set = [&value](const std::string& text) { value = trimmed(text); }});
}

void Args::optional_positional(std::string_view name, std::string& value) {
  positional(name, value);
  positionals_.back().optional = true;
}

void Args::any_words(std::string_view name, std::vector<std::string>& words) {
  any_words_name_ = name;
  any_words_ = &words;
}

Parsed parse_flags(const Args& args, const Args& globals, const std::vector<std::string>& input) {
  Parsed parsed;
  Flag help;
  help.name = "help";
  help.shorthand = 'h';
  help.set = [&parsed](const std::string& text) { parsed.help = parse_bool(text); };

  std::vector<const Flag*> flags{&help};
  for (const Flag& flag : args.flags()) flags.push_back(&flag);
  for (const Flag& flag : globals.flags()) {
    if (find_flag(flags, flag.name) == nullptr) flags.push_back(&flag);
  }

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<std::pair<const Flag*, CLI::Option*>> options;
  for (const Flag* flag : flags) {
    const std::string spelling = flag->shorthand == 0
                                     ? fmt::format("--{}", flag->name)
                                     : fmt::format("-{},--{}", flag->shorthand, flag->name);
    CLI::Option* option =
        flag->value.empty() ? app.add_flag(spelling) : app.add_option(spelling)->expected(1);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    options.emplace_back(flag, option);
  }

  std::vector<std::string> words = with_explicit_values(flags, input);
  const std::string last_word = words.empty() ? std::string{} : words.back();
  try {
    app.parse(std::vector<std::string>{words.rbegin(), words.rend()});
  } catch (const CLI::ArgumentMismatch&) {
    wrong(needs_an_argument(last_word));
  } catch (const CLI::ParseError& error) {
    wrong(error.what());
  }

  bool flags_ended = false;
  for (std::string& word : app.remaining()) {
    if (flags_ended || word.size() < 2 || word[0] != '-') {
      parsed.words.push_back(std::move(word));
    } else if (word == "--") {
      flags_ended = true;
    } else if (word[1] == '-') {
      wrong(fmt::format("unknown flag: {}", word.substr(0, word.find('='))));
    } else {
      wrong(fmt::format("unknown shorthand flag: '{}' in {}", word[1], word));
    }
  }
  for (const auto& [flag, option] : options) {
    for (const std::string& text : option->results()) {
      try {
        flag->set(text);
      } catch (const Error& error) {
        wrong(invalid(text, *flag, error.message()));
      }
    }
    if (flag->required && option->count() == 0) parsed.missing.push_back(flag->name);
  }
  return parsed;
}

void parse_words(const Args& args, const Parsed& parsed, std::string_view command_path) {
  const std::size_t most = args.positionals().size();
  std::size_t least = 0;
  for (const Positional& positional : args.positionals()) least += positional.optional ? 0 : 1;
  const std::size_t given = parsed.words.size();

  if (!args.takes_any_words()) {
    if (most == 0 && given > 0) {
      wrong(fmt::format("unknown command {} for \"{}\"", quote(parsed.words[0]), command_path));
    }
    if (least == most && given != most) {
      wrong(fmt::format("accepts {} arg(s), received {}", most, given));
    }
    if (least == 0 && given > most) {
      wrong(fmt::format("accepts at most {} arg(s), received {}", most, given));
    }
    if (given < least || given > most) {
      wrong(fmt::format("accepts between {} and {} arg(s), received {}", least, most, given));
    }
  }
  if (!parsed.missing.empty()) {
    wrong(fmt::format("required flag(s) \"{}\" not set", join(parsed.missing, "\", \"")));
  }
  if (args.takes_any_words()) return args.set_any_words(parsed.words);
  for (std::size_t i = 0; i < given && i < most; ++i) {
    args.positionals()[i].set(parsed.words[i]);
  }
}

std::chrono::nanoseconds parse_duration(const std::string& text) {
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  static constexpr std::array<Unit, 8> units{{{"ns", 1},
                                              {"us", 1e3},
                                              {"µs", 1e3},
                                              {"μs", 1e3},
                                              {"ms", 1e6},
                                              {"s", 1e9},
                                              {"m", 60e9},
                                              {"h", 3600e9}}};
  const auto invalid_duration = [&] {
    wrong(fmt::format("time: invalid duration {}", quote(text)));
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return {};
  if (rest.empty()) invalid_duration();

  double total = 0;
  while (!rest.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    // from_chars also takes "inf", "nan" and a sign.
    const char first = rest.front();
    if (error != std::errc{} || (first != '.' && (first < '0' || first > '9'))) invalid_duration();
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    std::size_t length = 0;
    while (length < rest.size() && rest[length] != '.' &&
           (rest[length] < '0' || rest[length] > '9')) {
      ++length;
    }
    const std::string_view name = rest.substr(0, length);
    if (name.empty()) {
      wrong(fmt::format("time: missing unit in duration {}", quote(text)));
    }
    const Unit* unit = nullptr;
    for (const Unit& candidate : units) {
      if (candidate.name == name) unit = &candidate;
    }
    if (unit == nullptr) {
      wrong(fmt::format("time: unknown unit {} in duration {}", quote(name), quote(text)));
    }
    total += number * unit->nanoseconds;
    rest.remove_prefix(length);
  }
  if (total > 9.2e18) invalid_duration();
  const auto nanoseconds = static_cast<std::int64_t>(total);
  return std::chrono::nanoseconds{negative ? -nanoseconds : nanoseconds};
}

}  // namespace kukeon::cli
