// SPDX-License-Identifier: Apache-2.0
#include "kukeon/oci/user.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::oci {
namespace {

constexpr std::int64_t largest_id = std::numeric_limits<std::int32_t>::max();
// A group of an organisation may list thousands of members; nothing honest is longer.
constexpr std::size_t longest_line = 1 << 16;
// NGROUPS_MAX of <linux/limits.h>: setgroups(2) takes no more.
constexpr std::size_t most_groups = 65536;

struct PasswdEntry {
  std::string_view name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

struct GroupEntry {
  std::string_view name;
  std::uint32_t gid = 0;
  std::string_view members;
};

bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<std::uint32_t> file_id(std::string_view text) {
  const auto value = parse_integer(trim(text));
  if (!value || *value < 0 || *value > largest_id) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

std::uint32_t given_id(std::string_view what, std::string_view text) {
  if (const auto id = file_id(text)) return *id;
  throw Error{kinds::invalid_argument,
              fmt::format("{} {} is out of range 0 to {}", what, quote(text), largest_id)};
}

// Takes the text before the next `separator` off the front.
std::string_view take(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  return part;
}

// Calls visit(fields) for each line that is no comment, split at colons.
template <class Visit>
void for_each_line(std::string_view text, std::string_view file, Visit&& visit) {
  for (int number = 1; !text.empty(); ++number) {
    auto line = take(text, '\n');
    if (line.size() > longest_line) {
      throw Error{kinds::invalid_argument,
                  fmt::format("line {} of {} is longer than {} bytes", number, file, longest_line)};
    }
    line = trim(line);
    if (line.empty() || line.front() == '#') continue;
    std::vector<std::string_view> fields;
    while (fields.size() < 7 && !line.empty()) fields.push_back(trim(take(line, ':')));
    visit(fields);
  }
}

std::vector<PasswdEntry> read_passwd(std::string_view text) {
  std::vector<PasswdEntry> entries;
  for_each_line(text, "/etc/passwd", [&](const std::vector<std::string_view>& fields) {
    if (fields.size() < 4 || fields[0].empty()) return;
    const auto uid = file_id(fields[2]);
    const auto gid = file_id(fields[3]);
    if (uid && gid) entries.push_back({fields[0], *uid, *gid});
  });
  return entries;
}

std::vector<GroupEntry> read_group(std::string_view text) {
  std::vector<GroupEntry> entries;
  for_each_line(text, "/etc/group", [&](const std::vector<std::string_view>& fields) {
    if (fields.size() < 3 || fields[0].empty()) return;
    const auto gid = file_id(fields[2]);
    if (gid) entries.push_back({fields[0], *gid, fields.size() > 3 ? fields[3] : ""});
  });
  return entries;
}

bool lists(std::string_view members, std::string_view name) {
  while (!members.empty()) {
    if (trim(take(members, ',')) == name) return true;
  }
  return false;
}

}  // namespace

User resolve_user(std::string_view user, const AccountFiles& files) {
  std::string_view rest = trim(user);
  const bool has_group = rest.find(':') != std::string_view::npos;
  const auto user_part = trim(take(rest, ':'));
  const auto group_part = trim(rest);
  const auto bad = [&](std::string_view why) {
    return Error{kinds::invalid_argument, fmt::format("user {}: {}", quote(user), why)};
  };
  if (has_group && (user_part.empty() || group_part.empty() || group_part.contains(':'))) {
    throw bad("want user, uid, user:group or uid:gid");
  }

  const auto accounts = read_passwd(files.passwd);
  const auto groups = read_group(files.group);

  User result;
  std::string_view name;  // empty: a number that /etc/passwd does not have
  if (user_part.empty()) {
    name = "root";
  } else if (is_number(user_part)) {
    result.uid = given_id("user id", user_part);
    const auto account = std::ranges::find(accounts, result.uid, &PasswdEntry::uid);
    if (account != accounts.end()) {
      result.gid = account->gid;
      name = account->name;
    }
  } else {
    const auto account = std::ranges::find(accounts, user_part, &PasswdEntry::name);
    if (account == accounts.end()) {
      throw bad(fmt::format("the image's /etc/passwd has no user {}", quote(user_part)));
    }
    result.uid = account->uid;
    result.gid = account->gid;
    name = account->name;
  }

  if (has_group) {
    if (is_number(group_part)) {
      result.gid = given_id("group id", group_part);
    } else {
      const auto group = std::ranges::find(groups, group_part, &GroupEntry::name);
      if (group == groups.end()) {
        throw bad(fmt::format("the image's /etc/group has no group {}", quote(group_part)));
      }
      result.gid = group->gid;
    }
  }

  result.additional_gids.push_back(result.gid);
  std::unordered_set<std::uint32_t> seen{result.gid};
  for (const auto& group : groups) {
    if (name.empty() || !lists(group.members, name) || !seen.insert(group.gid).second) continue;
    if (seen.size() > most_groups) {
      throw bad(fmt::format("is in more than {} groups of the image", most_groups));
    }
    result.additional_gids.push_back(group.gid);
  }
  return result;
}

}  // namespace kukeon::oci
