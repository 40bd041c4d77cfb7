// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "kukeon/cli/args.h"
#include "kukeon/cli/command.h"
#include "kukeon/cli/context.h"
#include "kukeon/cli/help.h"

namespace kukeon::cli {
namespace {

class Help : public Command {
  std::vector<std::string> topic_;

  void describe(Args& args) override { args.any_words("COMMAND", topic_); }

  void run(Context& context) override {
    GlobalFlags flags;
    Args globals;
    flags.describe(globals);
    const Entry* entry = nullptr;
    for (const std::string& word : topic_) {
      const Entry* next = find_command(entry == nullptr ? "" : entry->words.path, word);
      if (next == nullptr) break;
      entry = next;
    }
    if (entry == nullptr && !topic_.empty()) {
      std::string words;
      for (const std::string& word : topic_) words += (words.empty() ? "`" : " `") + word + "`";
      context.print("Unknown help topic [{}]", words);
      return context.terminal().print(usage_text(nullptr, Args{}, globals));
    }
    Args args;
    std::unique_ptr<Command> command;
    if (entry != nullptr && !entry->is_group()) {
      command = entry->make();
      command->describe(args);
    }
    context.terminal().print(help_text(entry, args, globals));
  }
};

const Register<Help> registered{{
    .path = "help",
    .summary = "Explain a command",
    .about = "Prints the help page of a command, or of kuke itself.",
    .examples = "kuke help apply\nkuke help get cell",
}};

}  // namespace
}  // namespace kukeon::cli
