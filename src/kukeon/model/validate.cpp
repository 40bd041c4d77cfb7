// SPDX-License-Identifier: Apache-2.0
#include "kukeon/model/validate.h"

#include <arpa/inet.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <set>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"
#include "kukeon/model/defaults.h"

namespace kukeon::model {
namespace {

void add(Problems& problems, std::string path, std::string text) {
  problems.push_back({std::move(path), {}, std::move(text)});
}

void append(Problems& problems, Problems more, std::string_view prefix = {}) {
  for (reflect::Problem& problem : more) {
    if (!prefix.empty() && !problem.path.empty())
      problem.path = fmt::format("{}.{}", prefix, problem.path);
    problems.push_back(std::move(problem));
  }
}

void require(Problems& problems, std::string_view path, std::string_view text) {
  if (trim(text).empty()) add(problems, std::string{path}, fmt::format("{} is required", path));
}

// A name that must be there and be valid.
void check(Problems& problems, Kind kind, std::string_view path, std::string_view name) {
  if (trim(name).empty()) return require(problems, path, name);
  try {
    check_name(kind, name);
  } catch (const Error& error) {
    add(problems, std::string{path}, error.message());
  }
}

void check_identifier(Problems& problems, std::string_view path, std::string_view what,
                      std::string_view text) {
  try {
    check_containerd_identifier(what, text);
  } catch (const Error& error) {
    add(problems, std::string{path}, error.message());
  }
}

bool is_absolute(std::string_view path) {
  return path.starts_with('/') && path.find('\0') == std::string_view::npos;
}

void check_volume(Problems& problems, std::size_t index, const VolumeMount& volume) {
  const std::string entry = fmt::format("volumes[{}]", index);
  const std::string_view target = trim(volume.target);
  const std::string_view source = trim(volume.source);
  const auto with = [&](std::string_view text, std::string_view field, std::string_view value) {
    add(problems, fmt::format("{}.{}", entry, field),
        fmt::format("{} (volume[{}] {} {})", text, index, field, quote(value)));
  };

  if (target.empty()) {
    add(problems, entry + ".target", fmt::format("volume target is required (volume[{}])", index));
  } else if (!is_absolute(target)) {
    with("volume target must be an absolute container path", "target", target);
  }

  if (volume.kind == "tmpfs") {
    if (!source.empty()) {
      with("tmpfs volume must not set a source; tmpfs is in-memory and has no host backing",
           "source", source);
    }
  } else if (!volume.kind.empty() && volume.kind != "bind") {
    with(R"(volume kind is not recognized; expected "", "bind", or "tmpfs")", "kind", volume.kind);
  } else if (source.empty()) {
    add(problems, entry + ".source", fmt::format("volume source is required (volume[{}])", index));
  } else if (source.find('/') == std::string_view::npos) {
    with("named or managed volumes are not supported; use an absolute host path as source",
         "source", source);
  } else if (!is_absolute(source)) {
    with("volume source must be an absolute host path", "source", source);
  }
}

void check_secret(Problems& problems, std::size_t index, const ContainerSecret& secret) {
  const std::string path = fmt::format("secrets[{}]", index);
  if (trim(secret.name).empty()) {
    return add(problems, path + ".name",
               fmt::format("secret name is required (secrets[{}])", index));
  }
  const std::string where = fmt::format("(secrets[{}] {})", index, quote(secret.name));
  // A staged file carries the name, so it must be one directory entry.
  if (secret.name.find('/') != std::string::npos || secret.name.find('\0') != std::string::npos ||
      secret.name == "." || secret.name == "..") {
    add(problems, path + ".name", fmt::format("secret name must be a plain file name {}", where));
  }
  if (secret.from_file.empty() && secret.from_env.empty()) {
    add(problems, path,
        fmt::format("secret requires exactly one of fromFile or fromEnv {}", where));
  } else if (!secret.from_file.empty() && !secret.from_env.empty()) {
    add(problems, path, fmt::format("secret must not set both fromFile and fromEnv {}", where));
  }
  if (!secret.mount_path.empty() && !is_absolute(secret.mount_path)) {
    add(problems, path + ".mountPath",
        fmt::format("secret mountPath must be an absolute container path {}", where));
  }
}

// A container that wants more is a privileged one.
constexpr std::size_t most_devices = 256;

void check_devices(Problems& problems, const reflect::StringList& devices) {
  if (devices.size() > most_devices) {
    return add(problems, "devices", fmt::format("has more than {} entries", most_devices));
  }
  std::set<std::string> targets;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const std::string path = fmt::format("devices[{}]", i);
    try {
      const DeviceMapping mapping = parse_device(devices[i]);
      if (!targets.insert(mapping.container_path).second) {
        add(problems, path,
            fmt::format("device path {} is used twice", quote(mapping.container_path)));
      }
    } catch (const Error& error) {
      add(problems, path, error.message());
    }
  }
}

void check_restart(Problems& problems, const ContainerSpec& container) {
  const std::string_view policy = container.restart_policy;
  const bool on_failure = policy == "on-failure";
  if (const auto& seconds = container.restart_backoff_seconds) {
    if (*seconds < 0) {
      add(problems, "restartBackoffSeconds", fmt::format("must be 0 or more, not {}", *seconds));
    }
    if (policy != "always" && !on_failure) {
      add(problems, "restartBackoffSeconds", "needs restartPolicy: always or on-failure");
    }
  }
  if (const auto& retries = container.restart_max_retries) {
    if (*retries < 1) {
      add(problems, "restartMaxRetries", fmt::format("must be 1 or more, not {}", *retries));
    }
    if (!on_failure) add(problems, "restartMaxRetries", "needs restartPolicy: on-failure");
  }
}

void append_resources(Problems& problems, const std::optional<CgroupResources>& resources) {
  if (resources) append(problems, resource_problems(*resources), "spec.resources");
}

// What is the same for a container in a cell and on its own; paths relative to the spec.
Problems spec_problems(const ContainerSpec& container) {
  Problems problems;
  for (std::size_t i = 0; i < container.volumes.size(); ++i) {
    check_volume(problems, i, container.volumes[i]);
  }
  for (std::size_t i = 0; i < container.secrets.size(); ++i) {
    check_secret(problems, i, container.secrets[i]);
  }
  check_devices(problems, container.devices);
  if (container.resources) {
    append(problems, resource_problems(*container.resources), "resources");
  }
  check_restart(problems, container);
  return problems;
}

bool is_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string address{text.substr(0, slash)};
  const std::string_view digits = text.substr(slash + 1);
  const auto prefix = parse_integer(digits);
  if (!prefix || digits.starts_with('+') || digits.starts_with('-')) return false;
  // inet_pton stops at a NUL that the text goes on after.
  if (address.find('\0') != std::string::npos) return false;
  in6_addr binary{};
  if (inet_pton(AF_INET, address.c_str(), &binary) == 1) return *prefix <= 32;
  return inet_pton(AF_INET6, address.c_str(), &binary) == 1 && *prefix <= 128;
}

bool is_dns_name(std::string_view text) {
  if (text.size() > 253 || text.find_first_of(" \t/") != std::string_view::npos) return false;
  return std::ranges::none_of(split(text, '.'), &std::string::empty);
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

std::string go_list(const std::vector<std::string>& words) {
  return fmt::format("[{}]", fmt::join(words, " "));
}

}  // namespace

Problems validate(const Realm& realm) {
  Problems problems;
  check(problems, Kind::realm, "metadata.name", realm.metadata.name);
  const std::string& ns = realm.spec.containerd_namespace;
  if (!problems.empty()) {
    // Without a good name there is no namespace to judge.
  } else if (ns.empty()) {
    check_identifier(problems, "metadata.name", "namespace",
                     containerd_namespace(trim(realm.metadata.name)));
  } else {
    check_identifier(problems, "spec.namespace", "namespace", ns);
  }
  append_resources(problems, realm.spec.resources);
  return problems;
}

Problems validate(const Space& space) {
  Problems problems;
  check(problems, Kind::space, "metadata.name", space.metadata.name);
  check(problems, Kind::realm, "spec.realmId", space.spec.realm_name);
  if (space.spec.network && space.spec.network->egress) {
    append(problems, validate_egress(*space.spec.network->egress), "spec.network.egress");
  }
  append_resources(problems, space.spec.resources);
  if (const auto& defaults = space.spec.defaults; defaults && defaults->container) {
    if (const auto& resources = defaults->container->resources) {
      append(problems, resource_problems(*resources), "spec.defaults.container.resources");
    }
  }
  return problems;
}

Problems validate(const Stack& stack) {
  Problems problems;
  check(problems, Kind::stack, "metadata.name", stack.metadata.name);
  check(problems, Kind::realm, "spec.realmId", stack.spec.realm_name);
  check(problems, Kind::space, "spec.spaceId", stack.spec.space_name);
  append_resources(problems, stack.spec.resources);
  return problems;
}

Problems validate(const Cell& cell) {
  const CellSpec& spec = cell.spec;
  Problems problems;
  check(problems, Kind::cell, "metadata.name", cell.metadata.name);
  check(problems, Kind::realm, "spec.realmId", spec.realm_name);
  check(problems, Kind::space, "spec.spaceId", spec.space_name);
  check(problems, Kind::stack, "spec.stackId", spec.stack_name);
  if (!spec.id.empty()) check(problems, Kind::cell, "spec.id", spec.id);
  if (spec.containers.empty()) {
    add(problems, "spec.containers", "spec.containers is required and cannot be empty");
  }
  const bool names_are_valid = problems.empty();

  const ContainerSpec* const root = root_of(spec);
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < spec.containers.size(); ++i) {
    const ContainerSpec& container = spec.containers[i];
    const std::string path = fmt::format("spec.containers[{}]", i);
    const std::string_view name = trim(container.id);
    const std::size_t before = problems.size();
    if (name.empty()) {
      add(problems, path + ".id", "name is invalid: container name is required");
    } else {
      check(problems, Kind::container, path + ".id", name);
    }
    if (!name.empty() && !seen.insert(name).second) {
      add(problems, path + ".id",
          fmt::format("container name {} is used twice in this cell", quote(name)));
    } else if (name == root_container_name && &container != root) {
      add(problems, path + ".id",
          "container name \"root\" belongs to the cell's root container: mark this one root: true "
          "or "
          "choose another name");
    }
    if (names_are_valid && problems.size() == before) {
      const std::string_view id = trim(spec.id.empty() ? cell.metadata.name : spec.id);
      check_identifier(problems, path + ".id", "container id",
                       container_id(trim(spec.space_name), trim(spec.stack_name), id,
                                    &container == root ? root_container_name : name));
    }
    require(problems, path + ".image", container.image);
    append(problems, spec_problems(container), path);
  }

  append(problems, conversion_problems(spec), "spec");
  append_resources(problems, spec.resources);
  if (root != nullptr && !root->host_network && !is_default_root(*root) &&
      std::ranges::any_of(spec.containers, &ContainerSpec::host_network)) {
    add(problems, "spec.rootContainerId", std::string{host_network_root_text});
  }
  return problems;
}

Problems validate(const Container& container) {
  const ContainerSpec& spec = container.spec;
  Problems problems;
  check(problems, Kind::container, "metadata.name", container.metadata.name);
  check(problems, Kind::realm, "spec.realmId", spec.realm_name);
  check(problems, Kind::space, "spec.spaceId", spec.space_name);
  check(problems, Kind::stack, "spec.stackId", spec.stack_name);
  check(problems, Kind::cell, "spec.cellId", spec.cell_name);
  if (!spec.id.empty()) check(problems, Kind::container, "spec.id", spec.id);
  require(problems, "spec.image", spec.image);
  append(problems, spec_problems(spec), "spec");
  append(problems, conversion_problems(spec), "spec");
  return problems;
}

Problems conversion_problems(const ContainerSpec& container) {
  Problems problems;
  if (container.tty && !container.tty->is_empty() && !container.attachable) {
    add(problems, "tty",
        fmt::format("container {}: tty fields require attachable: true", quote(container.id)));
  }
  return problems;
}

Problems conversion_problems(const CellSpec& cell) {
  Problems problems;
  for (std::size_t i = 0; i < cell.containers.size(); ++i) {
    append(problems, conversion_problems(cell.containers[i]), fmt::format("containers[{}]", i));
  }
  if (cell.tty && !cell.tty->default_container.empty()) {
    const std::string& name = cell.tty->default_container;
    const ContainerSpec* const container = find_container(cell, name);
    if (container == nullptr) {
      add(problems, "tty.default",
          fmt::format("cell tty.default {} does not match any container in this cell",
                      quote(name)));
    } else if (!container->attachable) {
      add(problems, "tty.default",
          fmt::format("cell tty.default {} references container that is not attachable",
                      quote(name)));
    }
  }
  append(problems, root_problems(cell));
  return problems;
}

Problems root_problems(const CellSpec& cell) {
  Problems problems;
  std::vector<std::string> flagged;
  for (const ContainerSpec& container : cell.containers) {
    if (container.root) flagged.push_back(container.id);
  }
  const std::string& named = cell.root_container_id;
  if (flagged.size() > 1) {
    add(problems, "containers",
        fmt::format("only one container in a cell may have root: true: {}", go_list(flagged)));
  } else if (named.empty()) {
    return problems;
  } else if (find_container(cell, named) == nullptr) {
    add(problems, "rootContainerId",
        fmt::format("rootContainerId {} not found in containers array", quote(named)));
  } else if (!flagged.empty() && flagged.front() != named) {
    add(problems, "rootContainerId",
        fmt::format(
            "rootContainerId disagrees with container marked root: true: rootContainerId is {} "
            "but container {} has root: true",
            quote(named), quote(flagged.front())));
  }
  return problems;
}

Problems validate_egress(const EgressPolicy& policy) {
  Problems problems;
  try {
    policy.denies();
  } catch (const Error& error) {
    add(problems, "default", error.message());
  }
  for (std::size_t i = 0; i < policy.allow.size(); ++i) {
    const EgressAllowRule& rule = policy.allow[i];
    const std::string path = fmt::format("allow[{}]", i);
    const auto wrong = [&](std::string_view field, std::string_view text) {
      add(problems, path + std::string{field}, fmt::format("egress allow rule {}: {}", i, text));
    };
    const std::string_view host = trim(rule.host);
    const std::string_view cidr = trim(rule.cidr);
    if (host.empty() && cidr.empty()) {
      wrong("", "egress allow rule requires exactly one of host or cidr");
    } else if (!host.empty() && !cidr.empty()) {
      wrong("", "egress allow rule must not set both host and cidr");
    } else if (!cidr.empty() && !is_cidr(cidr)) {
      wrong(".cidr", "egress allow rule cidr is not a valid CIDR");
    } else if (!host.empty() && !is_dns_name(host)) {
      wrong(".host", "egress allow rule host is not a valid dns name");
    }
    if (std::ranges::any_of(rule.ports,
                            [](std::int64_t port) { return port < 1 || port > 65535; })) {
      wrong(".ports", "egress allow rule port must be within [1, 65535]");
    }
  }
  return problems;
}

Problems missing_on_host(const ContainerSpec& container) {
  Problems problems;
  for (std::size_t i = 0; i < container.volumes.size(); ++i) {
    const VolumeMount& volume = container.volumes[i];
    const std::string source{trim(volume.source)};
    const bool bind = volume.kind.empty() || volume.kind == "bind";
    if (bind && is_absolute(source) && !exists(source)) {
      add(problems, fmt::format("volumes[{}].source", i),
          fmt::format("volume source does not exist on the host (volume[{}] source {})", i,
                      quote(source)));
    }
  }
  for (std::size_t i = 0; i < container.secrets.size(); ++i) {
    const ContainerSecret& secret = container.secrets[i];
    if (!secret.from_file.empty() && !exists(secret.from_file)) {
      add(problems, fmt::format("secrets[{}].fromFile", i),
          fmt::format("secret fromFile path does not exist on the host (secret {} path {})",
                      quote(secret.name), quote(secret.from_file)));
    }
    if (!secret.from_env.empty() && std::getenv(secret.from_env.c_str()) == nullptr) {
      add(problems, fmt::format("secrets[{}].fromEnv", i),
          fmt::format("secret fromEnv env var is not set on the daemon host (secret {} env {})",
                      quote(secret.name), quote(secret.from_env)));
    }
  }
  return problems;
}

Problems missing_on_host(const CellSpec& cell) {
  Problems problems;
  for (std::size_t i = 0; i < cell.containers.size(); ++i) {
    append(problems, missing_on_host(cell.containers[i]), fmt::format("spec.containers[{}]", i));
  }
  return problems;
}

void throw_if_any(const Problems& problems) {
  if (problems.empty()) return;
  if (problems.size() == 1) throw Error{kinds::validation_failed, problems.front().to_string()};
  std::string message = "validation failed:";
  for (const reflect::Problem& problem : problems) message += "\n  " + problem.to_string();
  throw Error{kinds::validation_failed, std::move(message)};
}

}  // namespace kukeon::model
