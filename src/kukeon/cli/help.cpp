// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/help.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/strings.h"

namespace kukeon::cli {
namespace {

constexpr std::string_view about_kuke =
    R"(kuke runs containers declared as documents: a realm holds spaces, a space is a network, a stack
groups cells, a cell is a set of containers that share one address.)";

constexpr std::string_view kuke_examples =
    R"(sudo kuke init                     set up this host and start the daemon
kuke apply -f hello-world.yaml     make the host look like the file
kuke get cells                     see what runs
kuke log web                       read what its container wrote)";

std::string flag_lines(std::vector<Flag> flags) {
  std::ranges::sort(flags, {}, &Flag::name);
  std::vector<std::string> left;
  std::size_t width = 0;
  for (const Flag& flag : flags) {
    left.push_back(fmt::format(
        "{}--{}{}",
        flag.shorthand == 0 ? std::string(6, ' ') : fmt::format("  -{}, ", flag.shorthand),
        flag.name, flag.value.empty() ? "" : " " + flag.value));
    width = std::max(width, left.back().size());
  }
  std::string text;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    const Flag& flag = flags[i];
    text += fmt::format("{:<{}}   {}", left[i], width, flag.help);
    if (!flag.fallback.empty()) text += fmt::format(" (default {})", flag.fallback);
    if (flag.required) text += " (required)";
    text += '\n';
  }
  return text;
}

std::string indented(std::string_view lines) {
  std::string text;
  for (const std::string& line : split(lines, '\n')) text += fmt::format("  {}\n", line);
  return text;
}

std::string words_of(const Args& args) {
  std::string text;
  for (const Positional& word : args.positionals()) {
    text += word.optional ? fmt::format(" [{}]", word.name) : fmt::format(" {}", word.name);
  }
  if (!args.any_words_name().empty()) text += fmt::format(" [{}…]", args.any_words_name());
  return text;
}

}  // namespace

std::string usage_text(const Entry* entry, const Args& args, const Args& globals) {
  const std::string path = entry == nullptr ? "kuke" : fmt::format("kuke {}", entry->words.path);
  const bool is_group = entry == nullptr || entry->is_group();
  std::string text = "Usage:\n";
  if (is_group && entry != nullptr && entry->make != nullptr) {
    text += fmt::format("  {} [flags]\n", path);
  }
  text += is_group ? fmt::format("  {} [command]\n", path)
                   : fmt::format("  {}{} [flags]\n", path, words_of(args));

  if (entry != nullptr && !entry->words.aliases.empty()) {
    text += fmt::format("\nAliases:\n  {}", entry->name());
    for (const std::string& alias : split(entry->words.aliases, ' ')) text += ", " + alias;
    text += '\n';
  }
  const std::string_view examples = entry == nullptr ? kuke_examples : entry->words.examples;
  if (!examples.empty()) text += fmt::format("\nExamples:\n{}", indented(examples));

  if (is_group) {
    const auto commands = commands_below(entry == nullptr ? "" : entry->words.path);
    std::size_t width = 11;
    for (const Entry* command : commands) width = std::max(width, command->name().size());
    text += "\nAvailable Commands:\n";
    for (const Entry* command : commands) {
      text += fmt::format("  {:<{}} {}\n", command->name(), width, command->words.summary);
    }
  }

  std::vector<Flag> own = args.flags();
  Flag help;
  help.name = "help";
  help.shorthand = 'h';
  help.help = fmt::format("Help for {}", entry == nullptr ? "kuke" : entry->name());
  own.push_back(help);
  if (entry == nullptr) own.insert(own.end(), globals.flags().begin(), globals.flags().end());
  text += fmt::format("\nFlags:\n{}", flag_lines(own));

  if (entry != nullptr) {
    std::vector<Flag> inherited;
    for (const Flag& flag : globals.flags()) {
      const bool hidden =
          std::ranges::any_of(own, [&](const Flag& o) { return o.name == flag.name; });
      if (!hidden) inherited.push_back(flag);
    }
    text += fmt::format("\nGlobal Flags:\n{}", flag_lines(inherited));
  }
  if (is_group) {
    text +=
        fmt::format("\nUse \"{} [command] --help\" for more information about a command.\n", path);
  }
  return text;
}

std::string help_text(const Entry* entry, const Args& args, const Args& globals) {
  std::string_view about = about_kuke;
  if (entry != nullptr)
    about = entry->words.about.empty() ? entry->words.summary : entry->words.about;
  const bool full_stop = about.ends_with('.');
  return fmt::format("{}{}\n\n{}", about, full_stop ? "" : ".", usage_text(entry, args, globals));
}

}  // namespace kukeon::cli
