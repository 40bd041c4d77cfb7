// SPDX-License-Identifier: Apache-2.0
#include "kukeon/oci/build.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/strings.h"

namespace kukeon::oci {
namespace {

constexpr std::string_view seccomp_opt = "seccomp";
constexpr std::string_view seccomp_unconfined = "unconfined";

// "seccomp=path" and "seccomp:path" are the same.
struct SecurityOpt {
  std::string_view key;
  std::optional<std::string_view> value;
};

SecurityOpt split_security_opt(std::string_view text) {
  const auto at = text.find_first_of("=:");
  if (at == std::string_view::npos) return {text, std::nullopt};
  return {text.substr(0, at), text.substr(at + 1)};
}

// As Go's strconv.ParseBool.
std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return true;
  }
  for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

std::string_view env_key(std::string_view entry) { return entry.substr(0, entry.find('=')); }

bool has_key(const reflect::StringList& env, std::string_view key) {
  return std::ranges::any_of(
      env, [&](const std::string& entry) { return entry.contains('=') && env_key(entry) == key; });
}

// Sets or replaces by key; an entry without `=` unsets it.
void apply_env(reflect::StringList& env, const std::string& entry) {
  const auto key = env_key(entry);
  if (key.empty()) return;
  if (!entry.contains('=')) {
    std::erase_if(env, [&](const std::string& old) { return env_key(old) == key; });
    return;
  }
  const auto old =
      std::ranges::find_if(env, [&](const std::string& each) { return env_key(each) == key; });
  if (old == env.end()) {
    env.push_back(entry);
  } else {
    *old = entry;
  }
}

Mount bind_mount(const std::string& source, const std::string& target, std::string_view access) {
  return {target, "bind", source, {"rbind", std::string{access}}};
}

LinuxNamespace* find_namespace(Linux& linux, std::string_view type) {
  const auto entry = std::ranges::find(linux.namespaces, type, &LinuxNamespace::type);
  return entry == linux.namespaces.end() ? nullptr : &*entry;
}

void remove_namespace(Linux& linux, std::string_view type) {
  std::erase_if(linux.namespaces, [&](const LinuxNamespace& entry) { return entry.type == type; });
}

void join(Linux& linux, const std::string& type, const std::string& path) {
  if (path.empty()) return;
  if (auto* entry = find_namespace(linux, type)) {
    entry->path = path;
  } else {
    linux.namespaces.push_back({type, path});
  }
}

// What containerd's Go client puts into every specification (runtime.md 2.3).
Spec base_spec(const std::string& cgroups_path) {
  const auto caps = default_capabilities();
  Process process;
  process.cwd = "/";
  process.capabilities = LinuxCapabilities{
      .bounding = caps, .effective = caps, .inheritable = {}, .permitted = caps, .ambient = {}};
  process.rlimits = {Rlimit{"RLIMIT_NOFILE", 1024, 1024}};
  process.no_new_privileges = true;

  Linux linux;
  linux.resources.emplace();
  linux.resources->devices.push_back(
      {.allow = false, .type = "", .major = {}, .minor = {}, .access = "rwm"});
  linux.cgroups_path = cgroups_path;
  for (const auto* type : {"pid", "ipc", "uts", "mount", "network"}) {
    linux.namespaces.push_back({type, ""});
  }
  linux.masked_paths = {
      "/proc/acpi",
      "/proc/asound",
      "/proc/kcore",
      "/proc/keys",
      "/proc/latency_stats",
      "/proc/timer_list",
      "/proc/timer_stats",
      "/proc/sched_debug",
      "/proc/scsi",
      "/sys/firmware",
      "/sys/devices/virtual/powercap",
  };
  linux.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

  Spec spec;
  spec.oci_version = runtime_spec_version;
  spec.process = std::move(process);
  spec.root = Root{.path = "rootfs", .readonly = false};
  spec.mounts = {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts",
       "devpts",
       "devpts",
       {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
      {"/run", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
  };
  spec.linux = std::move(linux);
  return spec;
}

// The steps of runtime.md 2.4, each one function, called in the contract's order.
class Builder {
 public:
  Builder(const BuildInput& input, bool root)
      : input_{input},
        container_{input.container},
        root_{root},
        id_{container_.containerd_id.empty() ? container_.id : container_.containerd_id},
        spec_{base_spec(fmt::format("/{}/{}", input.containerd_namespace, id_))} {}

  Spec build() {
    image_defaults();
    if (root_) spec_.hostname = input_.hostname.empty() ? id_ : input_.hostname;
    cell_files();
    arguments();
    if (!container_.working_dir.empty()) process().cwd = container_.working_dir;
    environment();
    if (container_.privileged) privileged();
    namespaces();
    volumes();
    devices();
    if (!container_.cell_cgroup_path.empty()) {
      linux().cgroups_path = container_.cell_cgroup_path + "/" + id_;
    }
    security();
    tmpfs();
    resources();
    groups_and_default_limit();
    annotations();
    return std::move(spec_);
  }

 private:
  Process& process() { return *spec_.process; }
  Linux& linux() { return *spec_.linux; }

  void image_defaults() {
    auto& p = process();
    for (const auto& entry : input_.image.env) apply_env(p.env, entry);
    if (!has_key(p.env, "PATH")) apply_env(p.env, std::string{default_path_env});
    p.args = input_.image.entrypoint;
    p.args.insert(p.args.end(), input_.image.cmd.begin(), input_.image.cmd.end());
    if (!input_.image.working_dir.empty()) p.cwd = input_.image.working_dir;
    p.user = input_.user;
  }

  void cell_files() {
    if (!container_.etc_hosts_path.empty()) {
      spec_.mounts.push_back(bind_mount(container_.etc_hosts_path, "/etc/hosts", "ro"));
    }
    if (!container_.etc_hostname_path.empty()) {
      spec_.mounts.push_back(bind_mount(container_.etc_hostname_path, "/etc/hostname", "ro"));
    }
    if (root_ && !input_.pause_binary.empty()) {
      spec_.mounts.push_back(bind_mount(input_.pause_binary, std::string{pause_path}, "ro"));
    }
  }

  void arguments() {
    auto& args = process().args;
    if (!container_.command.empty()) {
      args = {container_.command};
      args.insert(args.end(), container_.args.begin(), container_.args.end());
    } else if (!container_.args.empty()) {
      args = container_.args;
    }
    if (args.empty() && root_ && !input_.pause_binary.empty()) args = {std::string{pause_path}};
    if (args.empty()) {
      throw Error{kinds::invalid_argument,
                  fmt::format("container {} has nothing to run: neither it nor its image names a "
                              "command; set spec.command",
                              quote(container_.id))};
    }
  }

  void environment() {
    const std::array<std::pair<std::string_view, const std::string&>, 7> defaults{{
        {"KUKEON_CELL_PROFILE_NAME", container_.cell_profile_name},
        {"KUKEON_CELL_NAME", container_.cell_name},
        {"KUKEON_CONTAINER_ID", container_.id},
        {"KUKEON_REALM", container_.realm_name},
        {"KUKEON_SPACE", container_.space_name},
        {"KUKEON_STACK", container_.stack_name},
        {"KUKEON_CGROUP_PATH", container_.cell_cgroup_path},
    }};
    auto& env = process().env;
    for (const auto& [key, value] : defaults) {
      const bool user_sets_it = std::ranges::any_of(
          container_.env, [&, key = key](const auto& e) { return env_key(e) == key; });
      if (!value.empty() && !user_sets_it) apply_env(env, fmt::format("{}={}", key, value));
    }
    for (const auto& entry : container_.env) apply_env(env, entry);
    for (const auto& entry : input_.secret_env) apply_env(env, entry);
  }

  void privileged() {
    auto& caps = process().capabilities.emplace();
    caps.bounding = caps.effective = caps.permitted = input_.daemon_capabilities;
    process().apparmor_profile.clear();
    process().selinux_label.clear();
    linux().masked_paths.clear();
    linux().readonly_paths.clear();
    linux().seccomp = {};
    linux().resources->devices = {
        {.allow = true, .type = "", .major = {}, .minor = {}, .access = "rwm"}};
    for (auto& mount : spec_.mounts) {
      if (mount.type == "sysfs" || mount.type == "cgroup") std::erase(mount.options, "ro");
    }
  }

  void namespaces() {
    if (container_.host_network) remove_namespace(linux(), "network");
    if (container_.host_pid) remove_namespace(linux(), "pid");
    if (!container_.host_cgroup) {
      linux().namespaces.push_back({"cgroup", ""});
      if (container_.nested_cgroup_runtime) {
        spec_.mounts.push_back(
            {"/sys/fs/cgroup", "cgroup", "cgroup", {"rw", "nosuid", "noexec", "nodev"}});
      }
    }
    join(linux(), "ipc", input_.namespaces.ipc);
    join(linux(), "uts", input_.namespaces.uts);
    if (!container_.host_network) join(linux(), "network", input_.namespaces.net);
  }

  void volumes() {
    for (const auto& volume : container_.volumes) {
      const std::string source{trim(volume.source)};
      const std::string target{trim(volume.target)};
      if (target.empty()) continue;
      const std::string_view access = volume.read_only ? "ro" : "rw";
      if (volume.kind == "tmpfs") {
        Mount mount{target, "tmpfs", "tmpfs", {}};
        if (volume.size_bytes > 0) {
          mount.options.push_back(fmt::format("size={}", volume.size_bytes));
        }
        if (volume.mode != 0) mount.options.push_back(fmt::format("mode={:04o}", volume.mode));
        mount.options.emplace_back(access);
        spec_.mounts.push_back(std::move(mount));
      } else if ((volume.kind.empty() || volume.kind == "bind") && !source.empty()) {
        spec_.mounts.push_back(bind_mount(source, target, access));
      }
    }
    for (const auto& secret : input_.secret_mounts) {
      spec_.mounts.push_back(bind_mount(secret.host_path, secret.target, "ro"));
    }
  }

  void devices() {
    for (const auto& [node, access] : input_.devices) {
      auto& nodes = linux().devices;
      if (std::ranges::find(nodes, node.path, &LinuxDevice::path) != nodes.end()) continue;
      nodes.push_back(node);
      if (container_.privileged) continue;  // everything is allowed already
      linux().resources->devices.push_back({.allow = true,
                                            .type = node.type,
                                            .major = node.major,
                                            .minor = node.minor,
                                            .access = access});
    }
  }

  void security() {
    if (container_.read_only_root_filesystem) spec_.root->readonly = true;
    if (container_.capabilities) {
      adjust_capabilities(*process().capabilities, container_.capabilities->drop,
                          container_.capabilities->add, input_.all_capabilities);
    }
    for (const auto& opt : container_.security_opts) security_opt(opt);
    seccomp();
  }

  void security_opt(const std::string& text) {
    const auto [key, value] = split_security_opt(trim(text));
    if (key == "no-new-privileges") {
      const auto on = value ? parse_bool(*value) : true;
      if (!on) throw unsupported(text, "want true or false");
      process().no_new_privileges = *on;
    } else if (key == seccomp_opt && value && !value->empty()) {
      seccomp_choice_ = *value;
    } else {
      throw unsupported(text);
    }
  }

  void seccomp() {
    const auto& bounding = process().capabilities->bounding;
    if (!seccomp_choice_) {
      if (!container_.privileged && input_.default_seccomp) {
        linux().seccomp.text = input_.default_seccomp(bounding);
      }
    } else if (*seccomp_choice_ != seccomp_unconfined) {
      const auto profile = input_.seccomp_profiles.find(*seccomp_choice_);
      if (profile == input_.seccomp_profiles.end()) {
        throw unsupported(fmt::format("seccomp={}", *seccomp_choice_), "the profile was not read");
      }
      linux().seccomp.text = during(fmt::format("convert {}", profile->first), [&] {
        return seccomp_filter(profile->second, bounding, input_.host);
      });
    }
  }

  static Error unsupported(std::string_view opt, std::string_view why = {}) {
    auto message = fmt::format("unsupported securityOpt {}", quote(opt));
    if (!why.empty()) message += fmt::format(": {}", why);
    return Error{kinds::invalid_argument, std::move(message)};
  }

  void tmpfs() {
    for (const auto& entry : container_.tmpfs) {
      if (trim(entry.path).empty()) continue;
      Mount mount{entry.path, "tmpfs", "tmpfs", {"nosuid", "nodev"}};
      if (entry.size_bytes > 0) mount.options.push_back(fmt::format("size={}", entry.size_bytes));
      mount.options.insert(mount.options.end(), entry.options.begin(), entry.options.end());
      spec_.mounts.push_back(std::move(mount));
    }
  }

  void resources() {
    if (!container_.resources) return;
    const auto& wanted = *container_.resources;
    auto& limits = *linux().resources;
    if (wanted.memory_limit_bytes.value_or(0) > 0) {
      limits.memory.emplace().limit = wanted.memory_limit_bytes;
    }
    if (wanted.cpu_shares.value_or(0) > 0) {
      limits.cpu.emplace().shares = static_cast<std::uint64_t>(*wanted.cpu_shares);
    }
    if (wanted.pids_limit.value_or(0) > 0) limits.pids = LinuxPids{.limit = *wanted.pids_limit};
    if (wanted.io) throttles(*wanted.io);
    if (input_.cgroup_v2) {
      for (const auto& [file, text] : model::cgroup_settings(wanted)) {
        if (file != "io.max") limits.unified[file] = text;
      }
    } else {
      if (wanted.memory) v1_memory(*wanted.memory);
      if (wanted.cpu) v1_cpu(*wanted.cpu);
      if (wanted.io && wanted.io->weight != 0) {
        // 1..10000 to 10..1000, the inverse of what runtimes do for cgroup v2.
        limits.block_io->weight =
            static_cast<std::uint16_t>(10 + (wanted.io->weight - 1) * 990 / 9999);
      }
      if (wanted.pids && wanted.pids->max) limits.pids = LinuxPids{.limit = *wanted.pids->max};
    }
  }

  void throttles(const model::IoResources& io) {
    auto& limits = linux().resources->block_io.emplace();
    for (const auto& limit : io.throttle) {
      auto& devices = limit.type == "rbps"    ? limits.read_bps
                      : limit.type == "wbps"  ? limits.write_bps
                      : limit.type == "riops" ? limits.read_iops
                                              : limits.write_iops;
      devices.push_back({limit.major, limit.minor, limit.rate});
    }
  }

  [[noreturn]] void refuse_on_v1(std::string_view field, std::string_view why) const {
    throw Error{kinds::invalid_argument,
                fmt::format("container {}: resources.{} {}", quote(container_.id), field, why)};
  }

  void v1_memory(const model::MemoryResources& memory) {
    constexpr std::string_view no_file = "needs cgroup v2, and this host's controllers are v1";
    if (memory.min) refuse_on_v1("memory.min", no_file);
    if (memory.high) refuse_on_v1("memory.high", no_file);
    auto& limits = *linux().resources;
    if (!limits.memory) limits.memory.emplace();
    if (memory.max) limits.memory->limit = memory.max;
    limits.memory->reservation = memory.low;
    if (!memory.swap) return;
    const std::int64_t limit = limits.memory->limit.value_or(-1);
    if (limit < 0 && *memory.swap >= 0) {
      refuse_on_v1("memory.swap", "needs memory.max beside it: cgroup v1 limits both together");
    }
    const bool unlimited = *memory.swap < 0;
    if (!unlimited && *memory.swap > std::numeric_limits<std::int64_t>::max() - limit) {
      refuse_on_v1("memory.swap", "is out of range");
    }
    limits.memory->swap = unlimited ? -1 : limit + *memory.swap;
  }

  void v1_cpu(const model::CpuResources& cpu) {
    auto& limits = *linux().resources;
    if (!limits.cpu) limits.cpu.emplace();
    // 1..10000 to 2..262144, the inverse of what runtimes do for cgroup v2.
    if (cpu.weight) limits.cpu->shares = 2 + (*cpu.weight - 1) * 262142 / 9999;
    limits.cpu->quota = cpu.quota;
    limits.cpu->period = cpu.period;
    limits.cpu->cpus = cpu.cpus;
    limits.cpu->mems = cpu.mems;
  }

  void groups_and_default_limit() {
    if (input_.kukeon_gid) {
      auto& gids = process().user.additional_gids;
      if (std::ranges::find(gids, *input_.kukeon_gid) == gids.end()) {
        gids.push_back(*input_.kukeon_gid);
      }
    }
    auto& limits = *linux().resources;
    const bool limited = limits.memory || limits.unified.contains("memory.max");
    if (!limited && input_.default_memory_limit_bytes > 0) {
      limits.memory.emplace().limit = input_.default_memory_limit_bytes;
    }
  }

  void annotations() {
    if (!container_.cni_config_path.empty()) {
      spec_.annotations[std::string{cni_config_annotation}] = container_.cni_config_path;
    }
    if (!input_.shim_group.empty()) {
      spec_.annotations[std::string{shim_group_annotation}] = input_.shim_group;
    }
  }

  const BuildInput& input_;
  const model::ContainerSpec& container_;
  bool root_;
  std::string id_;
  std::optional<std::string> seccomp_choice_;  // of the last securityOpt that makes one
  Spec spec_;
};

}  // namespace

std::string effective_user(const model::ContainerSpec& container, const ContainerConfig& image) {
  return container.user.empty() ? image.user : container.user;
}

std::vector<std::string> seccomp_profile_paths(const model::ContainerSpec& container) {
  std::vector<std::string> paths;
  for (const auto& opt : container.security_opts) {
    const auto [key, value] = split_security_opt(trim(opt));
    if (key == seccomp_opt && value && !value->empty() && *value != seccomp_unconfined) {
      paths.emplace_back(*value);
    }
  }
  return paths;
}

Spec build_container_spec(const BuildInput& input) { return Builder{input, false}.build(); }

Spec build_root_container_spec(const BuildInput& input) { return Builder{input, true}.build(); }

Spec join_namespaces(const Spec& spec, const NamespacePaths& paths) {
  Spec joined = spec;
  if (!joined.linux) joined.linux.emplace();
  join(*joined.linux, "network", paths.net);
  join(*joined.linux, "ipc", paths.ipc);
  join(*joined.linux, "uts", paths.uts);
  join(*joined.linux, "pid", paths.pid);
  return joined;
}

}  // namespace kukeon::oci
