// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/kuke.h"

#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/help.h"

namespace kukeon::cli {
namespace {

// A command line, split into the command it names and the rest.
struct Line {
  const Entry* entry = nullptr;      // null: `kuke` itself
  std::vector<std::string> rest;     // flags and positionals
  std::optional<std::string> stray;  // a word that a group does not know

  std::string_view path() const { return entry == nullptr ? "" : entry->words.path; }
  std::string full_path() const {
    return entry == nullptr ? "kuke" : fmt::format("kuke {}", entry->words.path);
  }
  bool is_group() const { return entry == nullptr || entry->is_group(); }
};

// Whether the word after `flag` belongs to it. A flag that only a command further on knows
// (`kuke get -o json cells`) takes the next word unless that is a command.
bool takes_next(const std::string& flag, const std::string& next, const Args& globals,
                std::string_view path) {
  if (flag.find('=') != std::string::npos || flag == "-h" || flag == "--help") return false;
  for (const Flag& known : globals.flags()) {
    if (flag == "--" + known.name || (flag.size() == 2 && flag[1] == known.shorthand)) {
      return !known.value.empty();
    }
  }
  return !next.starts_with('-') && find_command(path, next) == nullptr;
}

Line find_line(const std::vector<std::string>& words, const Args& globals) {
  Line line;
  std::size_t i = 0;
  for (; i < words.size() && line.is_group() && !line.stray; ++i) {
    const std::string& word = words[i];
    if (word == "--") break;
    if (word.size() > 1 && word[0] == '-') {
      line.rest.push_back(word);
      if (i + 1 < words.size() && takes_next(word, words[i + 1], globals, line.path())) {
        line.rest.push_back(words[++i]);
      }
    } else if (const Entry* entry = find_command(line.path(), word)) {
      line.entry = entry;
    } else {
      line.stray = word;
      line.rest.push_back(word);
    }
  }
  line.rest.insert(line.rest.end(), words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
  return line;
}

std::string suggestions(std::string_view word) {
  const std::string typed = to_lower_ascii(word);
  std::string text;
  for (const Entry* entry : commands_below("")) {
    if (edit_distance(typed, entry->name()) <= 2 || entry->name().starts_with(typed)) {
      text += fmt::format("\t{}\n", entry->name());
    }
  }
  return text.empty() ? text : fmt::format("\nDid you mean this?\n{}", text);
}

void show_group(const Line& line, const Args& args, const Args& globals,
                const std::vector<std::string>& stray, Terminal& terminal) {
  terminal.print(help_text(line.entry, args, globals));
  if (!stray.empty()) {
    terminal.complain(
        fmt::format("unknown command {} for \"{}\"\n", quote(stray[0]), line.full_path()));
  }
}

int refuse_verb(const std::string& word, Terminal& terminal) {
  terminal.complain(
      fmt::format("Error: unknown command {} for \"kuke\"\n{}\n"
                  "Run 'kuke --help' for usage.\n",
                  quote(word), suggestions(word)));
  return 1;
}

}  // namespace

int kuke(const std::vector<std::string>& words, Terminal& terminal, const Dial& dial) {
  GlobalFlags flags;
  Args globals;
  flags.describe(globals);
  const Line line = find_line(words, globals);
  if (line.entry == nullptr && line.stray) return refuse_verb(*line.stray, terminal);

  std::unique_ptr<Command> command;
  Args args;
  bool is_parsed = false;
  try {
    if (line.entry != nullptr && line.entry->make != nullptr) {
      command = line.entry->make();
      command->describe(args);
    }
    const Parsed parsed = parse_flags(args, globals, line.rest);
    is_parsed = true;
    const bool names_no_work = !parsed.missing.empty() || !parsed.words.empty();
    if (!command || (line.is_group() && (parsed.help || names_no_work))) {
      show_group(line, args, globals, parsed.words, terminal);
    } else {
      if (parsed.help) {
        terminal.print(help_text(line.entry, args, globals));
      } else {
        parse_words(args, parsed, line.full_path());
        Context context{flags, terminal, dial};
        command->run(context);
      }
    }
    terminal.flush();
    return command ? command->code() : 0;
  } catch (const std::exception& error) {
    if (!is_parsed && (line.entry == nullptr || line.entry->words.usage_after_error)) {
      terminal.print(usage_text(line.entry, args, globals));
    }
    terminal.complain(fmt::format("Error: {}\n", error.what()));
    return command ? command->failure_code() : 1;
  }
}

}  // namespace kukeon::cli
