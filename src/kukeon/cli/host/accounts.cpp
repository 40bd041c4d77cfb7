// SPDX-License-Identifier: Apache-2.0
#include "kukeon/cli/host/accounts.h"

#include <unistd.h>

#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"

namespace kukeon::cli {
namespace {

using namespace std::chrono_literals;

// The number in the third column of `name:x:ID:…`.
std::optional<unsigned> find_id(const char* file, std::string_view name) {
  const auto text = read_file_if_exists(file);
  if (!text) return std::nullopt;
  for (const std::string& line : split(*text, '\n')) {
    const auto columns = split(line, ':');
    if (columns.size() < 3 || columns[0] != name) continue;
    if (const auto id = parse_integer(columns[2])) return static_cast<unsigned>(*id);
  }
  return std::nullopt;
}

// Runs one of the shadow tools. PATH may lack /usr/sbin, where they live. Returns why it failed, or
// nothing.
std::optional<std::string> run_tool(std::vector<std::string> argv) {
  const std::string tool = argv[0];
  const std::string usual = "/usr/sbin/" + tool;
  if (::access(usual.c_str(), X_OK) == 0) argv[0] = usual;
  try {
    kukeon::Command command;
    command.argv = std::move(argv);
    const Output output = run(command, 30s);
    if (output.exit.ok()) return std::nullopt;
    return std::string{trim(output.err)};
  } catch (const Error& error) {
    if (error.is(kinds::not_found)) return tool + " is not installed";
    return error.what();
  }
}

Account ensure(std::optional<unsigned> existing, const char* file, std::vector<std::string> argv) {
  if (existing) return {existing, false, ""};
  if (const auto why = run_tool(std::move(argv))) return {std::nullopt, false, *why};
  return {find_id(file, account_name), true, ""};
}

std::string remove(const char* file, const char* tool) {
  if (!find_id(file, account_name)) return "absent";
  const auto why = run_tool({tool, account_name});
  if (!find_id(file, account_name)) return "removed";
  return "remove failed: " + why.value_or("it is still there");
}

}  // namespace

std::optional<gid_t> find_group(const std::string& name) { return find_id("/etc/group", name); }
std::optional<uid_t> find_user(const std::string& name) { return find_id("/etc/passwd", name); }

Account ensure_group() {
  return ensure(find_group(account_name), "/etc/group", {"groupadd", "--system", account_name});
}

Account ensure_user() {
  return ensure(find_user(account_name), "/etc/passwd",
                {"useradd", "--system", "--gid", account_name, "--no-create-home", "--shell",
                 "/usr/sbin/nologin", account_name});
}

std::string remove_user() { return remove("/etc/passwd", "userdel"); }

// userdel takes a group of the same name along where it was the user's own.
std::string remove_group() { return remove("/etc/group", "groupdel"); }

}  // namespace kukeon::cli
