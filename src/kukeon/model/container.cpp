// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/container.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::model {
namespace {

bool is_access(std::string_view text) {
  return !text.empty() && text.size() <= 3 && text.find_first_not_of("rwm") == text.npos &&
         std::ranges::all_of(text, [&](char c) { return std::ranges::count(text, c) == 1; });
}

}  // namespace

bool ContainerTty::is_empty() const {
  return prompt.empty() && log_file.empty() &&
         std::ranges::all_of(on_init, [](const TtyStage& stage) { return stage.script.empty(); });
}

DeviceMapping parse_device(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return Error{kinds::invalid_argument, fmt::format("device {} {}", quote(text), why)};
  };
  const auto parts = split(text, ':');
  if (parts.size() > 3) throw bad("is not path[:path in the container][:rwm]");

  DeviceMapping mapping{.host_path = parts[0], .container_path = parts[0], .access = "rwm"};
  if (parts.size() == 3) mapping.access = parts[2];
  if (parts.size() == 2 && is_access(parts[1])) {
    mapping.access = parts[1];
  } else if (parts.size() > 1) {
    mapping.container_path = parts[1];
  }
  if (!is_access(mapping.access)) {
    throw bad(fmt::format("has the access {}; want some of r, w and m", quote(mapping.access)));
  }
  for (const auto& path : {mapping.host_path, mapping.container_path}) {
    if (!path.starts_with('/') || path.ends_with('/') || path.contains('\0')) {
      throw bad("must have absolute paths");
    }
    const auto names = split(path, '/');
    if (std::ranges::find(names, "..") != names.end()) throw bad("must not have .. in a path");
  }
  return mapping;
}

}  // namespace kukeon::model
