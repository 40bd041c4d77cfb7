// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

// A verb of `kuke` is one file below commands/: a Command, and a Register at its foot that gives it
// its place in the tree. Help, parsing and dispatch come from the same object.
namespace kukeon::cli {

class Args;
class Context;

class Command {
 public:
  virtual ~Command() = default;

  // Lists flags and positionals and where their values go. Called once, before run().
  virtual void describe(Args& args) = 0;
  virtual void run(Context& context) = 0;

  // What `kuke` exits with: after run(), and after an error.
  virtual int code() const { return 0; }
  virtual int failure_code() const { return 1; }
};

// What a command is called and what its help page says.
struct Words {
  std::string_view path;           // "get cell"
  std::string_view summary;        // one line, no full stop
  std::string_view about = {};     // what it does, in sentences; empty: the summary
  std::string_view examples = {};  // lines as a user types them
  std::string_view aliases = {};   // other spellings of the last word, blank between them
  bool usage_after_error =
      false;  // cli.md 1: groups and `version` show their usage after a flag error
};

// A registered command, or a group of them.
struct Entry {
  Words words;
  std::unique_ptr<Command> (*make)() = nullptr;  // null: a group that does nothing by itself
  const Entry* next = nullptr;
  bool has_commands = false;

  bool is_group() const { return make == nullptr || has_commands; }
  std::string_view name() const;    // last word of the path
  std::string_view parent() const;  // the words before it; empty at the top
};

// The entry that `word` means below `parent`, by name or alias; nullptr when there is none.
const Entry* find_command(std::string_view parent, std::string_view word);

// The entries below `parent`, sorted by name.
std::vector<const Entry*> commands_below(std::string_view parent);

// Links an entry into the tree; the entry must live as long as the program.
void register_command(Entry& entry);

template <class Verb>
class Register {
 public:
  explicit Register(const Words& words)
      : entry_{words, []() -> std::unique_ptr<Command> { return std::make_unique<Verb>(); }} {
    register_command(entry_);
  }
  Register(const Register&) = delete;

 private:
  Entry entry_;
};

class RegisterGroup {
 public:
  explicit RegisterGroup(Words words) {
    words.usage_after_error = true;
    entry_.words = words;
    register_command(entry_);
  }
  RegisterGroup(const RegisterGroup&) = delete;

 private:
  Entry entry_;
};

// A group that does something when its own required flags are given: `kuke delete -f`.
template <class Verb>
class RegisterGroupWith {
 public:
  explicit RegisterGroupWith(Words words) {
    words.usage_after_error = true;
    entry_.words = words;
    entry_.make = []() -> std::unique_ptr<Command> { return std::make_unique<Verb>(); };
    entry_.has_commands = true;
    register_command(entry_);
  }
  RegisterGroupWith(const RegisterGroupWith&) = delete;

 private:
  Entry entry_;
};

}  // namespace kukeon::cli
