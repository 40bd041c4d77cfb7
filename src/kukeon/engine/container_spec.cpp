// SPDX-License-Identifier: Apache-2.0
#include "kukeon/engine/container_spec.h"

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "kukeon/kernel/devices.h"
#include "kukeon/oci/build.h"
#include "kukeon/oci/capabilities.h"

namespace kukeon::engine {
namespace {

constexpr std::size_t secret_limit = std::size_t{1} << 20;
constexpr std::size_t profile_limit = std::size_t{1} << 20;

fs::path staged_directory(const Config& config, const std::string& ns, const std::string& id) {
  return config.runtime_dir / "secrets" / ns / id;
}

std::string read_secret(const model::ContainerSecret& secret) {
  if (!secret.from_file.empty()) {
    const auto value = read_file_if_exists(secret.from_file, secret_limit);
    if (value) return *value;
    throw Error{kinds::invalid_argument,
                fmt::format("secret fromFile path does not exist on the host (secret {} path {})",
                            quote(secret.name), quote(secret.from_file))};
  }
  const char* value = ::getenv(secret.from_env.c_str());
  if (value != nullptr) return value;
  throw Error{kinds::invalid_argument,
              fmt::format("secret fromEnv env var is not set on the daemon host (secret {} env {})",
                          quote(secret.name), quote(secret.from_env))};
}

// /proc/self/status, CapEff: what the daemon itself may do.
reflect::StringList own_capabilities() {
  const std::string status = read_file("/proc/self/status", 65536);
  const std::size_t at = status.find("\nCapEff:");
  if (at == std::string::npos) return {};
  return oci::capability_names(std::strtoull(status.c_str() + at + 8, nullptr, 16));
}

oci::ExposedDevice expose(const kernel::DeviceNode& node, std::string path, std::string access) {
  return {.node = {.path = std::move(path),
                   .type = std::string(1, node.type),
                   .major = node.major,
                   .minor = node.minor,
                   .file_mode = node.mode,
                   .uid = node.uid,
                   .gid = node.gid},
          .access = std::move(access)};
}

void take_devices(const model::ContainerSpec& spec, oci::BuildInput& input) {
  if (spec.devices.empty() && !spec.privileged) return;
  const auto host = kernel::Devices::of_host();
  for (const std::string& text : spec.devices) {
    auto mapping = model::parse_device(text);
    input.devices.push_back(expose(host.get(mapping.host_path), std::move(mapping.container_path),
                                   std::move(mapping.access)));
  }
  if (!spec.privileged) return;
  for (const auto& node : host.all()) input.devices.push_back(expose(node, node.path, "rwm"));
}

void take_seccomp(const model::ContainerSpec& spec, oci::BuildInput& input) {
  // One for the process: it remembers what a pure function gave.
  static oci::DefaultSeccompFilters defaults;
  input.default_seccomp = [](const auto& capabilities) {
    return defaults.for_capabilities(capabilities);
  };
  const auto paths = oci::seccomp_profile_paths(spec);
  if (paths.empty()) return;
  input.host = oci::SeccompHost::here();
  for (const std::string& path : paths) {
    if (!path.starts_with('/')) {
      throw Error{kinds::invalid_argument,
                  fmt::format("securityOpt \"seccomp={}\": want an absolute path on the daemon's "
                              "host, or unconfined",
                              path)};
    }
    input.seccomp_profiles[path] = read_file(path, profile_limit);
  }
}

void take_secrets(const model::ContainerSpec& spec, const ContainerFacts& facts,
                  oci::BuildInput& input) {
  for (const model::ContainerSecret& secret : spec.secrets) {
    const std::string value = read_secret(secret);
    if (secret.mount_path.empty()) {
      input.secret_env.push_back(secret.name + "=" + value);
      continue;
    }
    model::check_name(model::Kind::container, secret.name);  // it becomes a file's name
    const fs::path directory =
        staged_directory(facts.config, facts.at.ns, facts.at.container_id(spec));
    make_directories(directory.parent_path(), 0700);
    make_directories(directory, 0711);  // the container's user passes through, and lists nothing
    const fs::path file = directory / secret.name;
    write_file_atomically(file, value, 0400);
    if (::chown(file.c_str(), input.user.uid, input.user.gid) < 0) {
      throw Error::from_errno(
          fmt::format("give secret {} to user {}", quote(secret.name), input.user.uid));
    }
    input.secret_mounts.push_back({file.string(), secret.mount_path});
  }
}

}  // namespace

std::string make_oci_spec(const model::ContainerSpec& spec, const ContainerFacts& facts) {
  const CellLayout& at = facts.at;
  const bool root = model::is_root(facts.cell.spec, spec);
  oci::BuildInput input;
  input.container = spec;
  input.container.containerd_id = at.container_id(spec);
  input.container.nested_cgroup_runtime = facts.cell.spec.nested_cgroup_runtime;
  input.container.cell_cgroup_path = at.cgroup;
  if (!at.host_network) input.container.etc_hosts_path = at.hosts_file().string();
  input.container.etc_hostname_path = at.hostname_file().string();
  const auto& labels = facts.cell.metadata.labels;
  if (const auto profile = labels.find(model::labels::profile); profile != labels.end()) {
    input.container.cell_profile_name = profile->second;
  }
  input.image = facts.image.config;
  input.user = oci::resolve_user(oci::effective_user(spec, facts.image.config), facts.accounts);
  input.containerd_namespace = at.ns;
  if (!at.host_network) {
    input.namespaces = {at.pins.net().string(), at.pins.ipc().string(), at.pins.uts().string()};
  }
  input.shim_group = at.root_id;
  if (root) input.hostname = facts.cell.metadata.name;
  if (root) input.pause_binary = facts.config.pause_binary.string();
  take_secrets(spec, facts, input);
  take_devices(spec, input);
  take_seccomp(spec, input);
  input.cgroup_v2 = facts.cgroup_v2;
  input.default_memory_limit_bytes = facts.config.default_memory_limit_bytes;
  if (spec.privileged) input.daemon_capabilities = own_capabilities();
  if (facts.config.group != 0) input.kukeon_gid = static_cast<std::uint32_t>(facts.config.group);

  return oci::to_json(root ? oci::build_root_container_spec(input)
                           : oci::build_container_spec(input));
}

runtime::Labels container_labels(const model::ContainerSpec& spec, const model::Cell& cell) {
  const bool root = model::is_root(cell.spec, spec);
  runtime::Labels labels;
  if (root) {
    for (const auto& [key, value] : cell.metadata.labels) labels[key] = value;
    labels[std::string{model::labels::container_cell_name}] = cell.metadata.name;
  }
  labels[std::string{model::labels::container_type}] = root ? "root" : "container";
  labels[std::string{model::labels::container_realm}] = cell.spec.realm_name;
  labels[std::string{model::labels::container_space}] = cell.spec.space_name;
  labels[std::string{model::labels::container_stack}] = cell.spec.stack_name;
  labels[std::string{model::labels::container_cell}] = cell.spec.id;
  return labels;
}

void remove_staged_secrets(const Config& config, const std::string& ns, const std::string& id) {
  fs::remove_all(staged_directory(config, ns, id));
}

}  // namespace kukeon::engine
