// SPDX-License-Identifier: Apache-2.0
#include "kukeon/oci/capabilities.h"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::oci {
namespace {

// By number, as in <linux/capability.h>.
constexpr std::array<std::string_view, 41> names{
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

void add_once(reflect::StringList& list, const std::string& name) {
  if (std::ranges::find(list, name) == list.end()) list.push_back(name);
}

}  // namespace

reflect::StringList known_capabilities() {
  reflect::StringList list;
  for (const auto name : names) list.emplace_back(name);
  return list;
}

reflect::StringList capability_names(std::uint64_t mask) {
  reflect::StringList list;
  for (std::size_t bit = 0; bit < names.size(); ++bit) {
    if ((mask >> bit & 1U) != 0) list.emplace_back(names[bit]);
  }
  return list;
}

reflect::StringList default_capabilities() {
  return {"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
          "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
          "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
          "CAP_KILL",    "CAP_AUDIT_WRITE"};
}

std::string normalise_capability(std::string_view name) {
  std::string upper{trim(name)};
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  if (upper == "ALL" || upper == "CAP_ALL") return "ALL";
  if (!upper.starts_with("CAP_")) upper.insert(0, "CAP_");
  if (std::ranges::find(names, upper) != names.end()) return upper;

  std::string message = fmt::format("unknown capability {}", quote(trim(name)));
  const auto likely = nearest(upper, std::vector<std::string_view>(names.begin(), names.end()));
  if (!likely.empty()) message += fmt::format("; did you mean {}?", likely);
  throw Error{kinds::invalid_argument, message};
}

void adjust_capabilities(LinuxCapabilities& sets, const reflect::StringList& drop,
                         const reflect::StringList& add, const reflect::StringList& all) {
  for (const auto& entry : drop) {
    if (trim(entry).empty()) continue;
    const auto name = normalise_capability(entry);
    for (auto* set :
         {&sets.bounding, &sets.effective, &sets.inheritable, &sets.permitted, &sets.ambient}) {
      if (name == "ALL") {
        set->clear();
      } else {
        std::erase(*set, name);
      }
    }
  }
  for (const auto& entry : add) {
    if (trim(entry).empty()) continue;
    const auto name = normalise_capability(entry);
    const reflect::StringList granted = name == "ALL" ? all : reflect::StringList{name};
    for (auto* set : {&sets.bounding, &sets.effective, &sets.permitted}) {
      for (const auto& each : granted) add_once(*set, each);
    }
  }
}

}  // namespace kukeon::oci
