// SPDX-License-Identifier: Apache-2.0
#include "kukeon/engine/config.h"

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "kukeon/reflect/json.h"

namespace kukeon::engine {
namespace {

[[noreturn]] void reject(std::string_view what, const std::string& value, std::string_view rule) {
  throw Error{kinds::invalid_argument,
              fmt::format("{} {} {}: server configuration is invalid", what, quote(value), rule)};
}

}  // namespace

void validate(const Config& config) {
  const std::string& suffix = config.namespace_suffix;
  if (suffix.empty()) reject("containerd namespace suffix", suffix, "is empty");
  if (suffix.starts_with('.') || suffix.ends_with('.') ||
      suffix.find_first_of("/ \t\n") != std::string::npos) {
    reject("containerd namespace suffix", suffix,
           "must not start or end with '.' or hold '/' or white space");
  }
  const std::string& root = config.cgroup_root;
  if (!root.starts_with('/') || root == "/" || root.ends_with('/') ||
      root.find("/../") != std::string::npos || root.ends_with("/..")) {
    reject("cgroup root", root, "must be an absolute path below '/'");
  }
  if (config.pod_subnet.prefix > 24) {
    reject("pod subnet", config.pod_subnet.to_string(), "has no room for a /24");
  }
}

std::optional<Instance> read_instance(const fs::path& run_path) {
  const fs::path file = run_path / instance_file;
  const auto text = read_file_if_exists(file, 65536);
  if (!text) return std::nullopt;
  return during(fmt::format("read {}", file.string()),
                [&] { return reflect::from_json<Instance>(*text); });
}

void claim_instance(const Config& config) {
  const Instance ours{config.namespace_suffix, config.cgroup_root, config.runtime_dir.string()};
  const auto stored = read_instance(config.run_path);
  if (stored && (stored->namespace_suffix != ours.namespace_suffix ||
                 stored->cgroup_root != ours.cgroup_root)) {
    throw Error{
        kinds::instance_mismatch,
        fmt::format(
            "runPath {} was bootstrapped with containerdNamespaceSuffix {} and cgroupRoot {},"
            " and this start wants {} and {}: {}",
            quote(config.run_path.string()), quote(stored->namespace_suffix),
            quote(stored->cgroup_root), quote(ours.namespace_suffix), quote(ours.cgroup_root),
            kinds::instance_mismatch.text)};
  }
  const std::string text = reflect::to_json(ours, 2) + "\n";
  if (stored != ours) write_file_atomically(config.run_path / instance_file, text, 0640, Sync::yes);
  write_file_atomically(config.runtime_dir / instance_file, text, 0640);
}

}  // namespace kukeon::engine
