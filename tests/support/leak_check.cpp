// SPDX-License-Identifier: Apache-2.0
#include "support/leak_check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <system_error>
#include <thread>

#include "kukeon/base/error.h"
#include "kukeon/base/files.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"

namespace kukeon::support {
namespace {

using namespace std::chrono_literals;
using Objects = std::set<std::string>;

// For directories that change while we read them: an entry that vanishes is no error.
template <class Visit>
void for_each_entry(const fs::path& directory, Visit&& visit) {
  std::error_code error;
  for (fs::directory_iterator it{directory, error}, end; !error && it != end; it.increment(error)) {
    visit(*it);
  }
}

template <class Visit>
void for_each_entry_below(const fs::path& directory, Visit&& visit) {
  std::error_code error;
  const auto options = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator it{directory, options, error}, end; !error && it != end;
       it.increment(error)) {
    visit(*it);
  }
}

// Empty when the program is not installed or fails: then there is nothing of it to leave.
std::string output_of(const std::vector<std::string>& argv) {
  try {
    Command command;
    command.argv = argv;
    const auto output = run(command, 20s, {}, std::size_t{16} << 20);
    return output.exit.ok() ? output.out : "";
  } catch (const Error&) {
    return "";
  }
}

std::vector<std::string> words_of(std::string_view line) {
  auto words = split(line, ' ');
  std::erase(words, "");
  return words;
}

bool is_at_or_below(std::string_view path, std::string_view directory) {
  return path == directory || (path.starts_with(directory) && path[directory.size()] == '/');
}

void add_links(Objects& objects) {
  for_each_entry("/sys/class/net", [&](const fs::directory_entry& link) {
    objects.insert("link " + link.path().filename().string());
  });
  for_each_entry("/run/netns", [&](const fs::directory_entry& netns) {
    objects.insert("netns " + netns.path().filename().string());
  });
}

void add_rules(Objects& objects) {
  std::string table;
  for (const auto& line : split(output_of({"nft", "list", "ruleset"}), '\n')) {
    const auto words = words_of(trim(line));
    if (words.size() >= 3 && words[0] == "table") {
      table = words[1] + " " + words[2];
      objects.insert("nft table " + table);
    } else if (words.size() >= 2 && words[0] == "chain") {
      objects.insert("nft chain " + table + " " + words[1]);
    } else if (line.find("kukeon") != std::string::npos) {
      objects.insert("nft rule " + table + " " + std::string{trim(line)});
    }
  }
  for (const char* program : {"iptables-legacy-save", "ip6tables-legacy-save"}) {
    for (const auto& line : split(output_of({program}), '\n')) {
      if (line.starts_with(":")) objects.insert(fmt::format("{} {}", program, words_of(line)[0]));
      if (line.starts_with("-A")) objects.insert(fmt::format("{} {}", program, line));
    }
  }
}

// Mounts in the scope's directories, and control groups in every hierarchy that is mounted.
void add_mounts_and_cgroups(const LeakScope& scope, Objects& objects) {
  std::set<std::string> hierarchies;
  for (const auto& line : split(read_file("/proc/thread-self/mountinfo"), '\n')) {
    const auto words = words_of(line);
    const auto dash = std::ranges::find(words, "-");
    if (words.size() < 5 || words.end() - dash < 2) continue;
    const auto& target = words[4];
    const auto& type = *(dash + 1);
    if (type == "cgroup" || type == "cgroup2") hierarchies.insert(target);
    for (const auto& directory : scope.directories) {
      if (is_at_or_below(target, directory.native())) objects.insert("mount " + target);
    }
  }
  if (scope.cgroups.empty()) return;
  for (const auto& hierarchy : hierarchies) {
    for_each_entry_below(hierarchy, [&](const fs::directory_entry& entry) {
      std::error_code gone;
      if (!entry.is_directory(gone)) return;
      const auto group = entry.path().lexically_relative(hierarchy);
      for (const auto& part : group) {
        if (std::ranges::find(scope.cgroups, part.native()) == scope.cgroups.end()) continue;
        objects.insert(
            fmt::format("cgroup {}:/{}", fs::path{hierarchy}.filename().native(), group.native()));
        break;
      }
    });
  }
}

void add_processes(const LeakScope& scope, Objects& objects) {
  if (scope.processes.empty()) return;
  for_each_entry("/proc", [&](const fs::directory_entry& entry) {
    const auto pid = parse_integer(entry.path().filename().native());
    if (!pid || *pid == ::getpid()) return;
    std::string words;
    try {
      words = read_file(entry.path() / "cmdline");
    } catch (const Error&) {
      return;  // it ended
    }
    std::ranges::replace(words, '\0', ' ');
    for (const auto& pattern : scope.processes) {
      if (words.find(pattern) == std::string::npos) continue;
      objects.insert(fmt::format("process {} {}", *pid, trim(words)));
      break;
    }
  });
}

void add_files(const LeakScope& scope, Objects& objects) {
  for (const auto& directory : scope.directories) {
    std::error_code error;
    if (fs::symlink_status(directory, error).type() == fs::file_type::not_found) continue;
    objects.insert("file " + directory.native());
    for_each_entry_below(directory, [&](const fs::directory_entry& entry) {
      objects.insert("file " + entry.path().native());
    });
  }
}

std::vector<std::string> difference(const Objects& from, const Objects& without) {
  std::vector<std::string> only;
  std::ranges::set_difference(from, without, std::back_inserter(only));
  return only;
}

}  // namespace

std::set<std::string> host_objects(const LeakScope& scope) {
  Objects objects;
  add_links(objects);
  add_rules(objects);
  add_mounts_and_cgroups(scope, objects);
  add_processes(scope, objects);
  add_files(scope, objects);
  return objects;
}

LeakCheck::LeakCheck(LeakScope scope) : scope_{std::move(scope)}, before_{host_objects(scope_)} {}

std::vector<std::string> LeakCheck::new_objects(std::chrono::milliseconds patience) const {
  // A veth lives on for a moment after its namespace, a killed process until it is reaped: no event
  // tells of both.
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) {
    auto found = difference(host_objects(scope_), before_);
    if (found.empty() || std::chrono::steady_clock::now() > deadline) return found;
    std::this_thread::sleep_for(20ms);
  }
}

std::vector<std::string> LeakCheck::missing_objects() const {
  return difference(before_, host_objects(scope_));
}

}  // namespace kukeon::support
