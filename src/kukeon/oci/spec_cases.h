// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "kukeon/base/files.h"
#include "kukeon/oci/build.h"
#include "kukeon/oci/user.h"
#include "kukeon/reflect/yaml.h"

// Containers and what they come to, for tests: testdata/specs/cases.yaml has the documents and the
// facts around them, testdata/specs/<name>.json the specification. One test compares them, another
// judges the JSON by the schema of the OCI, a third starts every one of them with runc.
namespace kukeon::oci {

struct CaseDevice {
  std::string path;
  std::string type = "c";
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::string access = "rwm";

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("path", &CaseDevice::path, required, "In the container."),
        reflect::field("type", &CaseDevice::type, omitempty, "c or b."),
        reflect::field("major", &CaseDevice::major, always, "Major number."),
        reflect::field("minor", &CaseDevice::minor, always, "Minor number."),
        reflect::field("access", &CaseDevice::access, omitempty, "Of the device cgroup."),
    };
  }
};

struct CaseSecret {
  std::string source;
  std::string target;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("source", &CaseSecret::source, required, "Staged file."),
        reflect::field("target", &CaseSecret::target, required, "In the container."),
    };
  }
};

// What the engine adds to the document.
struct CaseFacts {
  bool nested_cgroup_runtime = false;
  std::string cell_cgroup = "/kukeon/default/default/default/web";
  std::string etc_hosts;
  std::string etc_hostname;
  std::string cell_profile;
  std::string hostname;
  bool pinned_namespaces = true;
  std::string shim_group;
  std::string pause_binary;
  std::string passwd;
  std::string group;
  reflect::StringList secret_env;
  reflect::List<CaseSecret> secret_mounts;
  reflect::List<CaseDevice> devices;
  std::string seccomp = "small";  // small, built-in or none
  reflect::Labelset seccomp_profiles;
  reflect::StringList daemon_capabilities;
  std::int64_t kukeon_gid = 0;
  std::int64_t default_memory_limit = 0;
  bool cgroup_v2 = false;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("nestedCgroupRuntime", &CaseFacts::nested_cgroup_runtime, omitempty, ""),
        reflect::field("cellCgroup", &CaseFacts::cell_cgroup, omitempty, ""),
        reflect::field("etcHosts", &CaseFacts::etc_hosts, omitempty, ""),
        reflect::field("etcHostname", &CaseFacts::etc_hostname, omitempty, ""),
        reflect::field("cellProfile", &CaseFacts::cell_profile, omitempty, ""),
        reflect::field("hostname", &CaseFacts::hostname, omitempty, ""),
        reflect::field("pinnedNamespaces", &CaseFacts::pinned_namespaces, omitempty, ""),
        reflect::field("shimGroup", &CaseFacts::shim_group, omitempty, ""),
        reflect::field("pauseBinary", &CaseFacts::pause_binary, omitempty, ""),
        reflect::field("passwd", &CaseFacts::passwd, omitempty, ""),
        reflect::field("group", &CaseFacts::group, omitempty, ""),
        reflect::field("secretEnv", &CaseFacts::secret_env, omitempty, ""),
        reflect::field("secretMounts", &CaseFacts::secret_mounts, omitempty, ""),
        reflect::field("devices", &CaseFacts::devices, omitempty, ""),
        reflect::field("seccomp", &CaseFacts::seccomp, omitempty, ""),
        reflect::field("seccompProfiles", &CaseFacts::seccomp_profiles, omitempty, ""),
        reflect::field("daemonCapabilities", &CaseFacts::daemon_capabilities, omitempty, ""),
        reflect::field("kukeonGid", &CaseFacts::kukeon_gid, omitempty, ""),
        reflect::field("defaultMemoryLimit", &CaseFacts::default_memory_limit, omitempty, ""),
        reflect::field("cgroupV2", &CaseFacts::cgroup_v2, omitempty, ""),
    };
  }
};

struct SpecCase {
  std::string name;
  std::string error;  // what building it says, where it cannot be built
  model::ContainerSpec container;
  ContainerConfig image;
  CaseFacts facts;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("name", &SpecCase::name, required, "Name of the golden file."),
        reflect::field("error", &SpecCase::error, omitempty, "Why it cannot be built."),
        reflect::field("container", &SpecCase::container, omitempty, "The document's spec."),
        reflect::field("image", &SpecCase::image, omitempty, "The image's config."),
        reflect::field("facts", &SpecCase::facts, omitempty, "What the engine knows."),
    };
  }

  friend std::ostream& operator<<(std::ostream& out, const SpecCase& c) { return out << c.name; }
};

inline std::vector<SpecCase> read_spec_cases(const fs::path& folder) {
  std::vector<SpecCase> cases;
  for (const auto& piece : reflect::split_yaml_documents(read_file(folder / "cases.yaml"))) {
    cases.push_back(reflect::from_tree<SpecCase>(reflect::parse_yaml(piece.text, piece.first_line),
                                                 reflect::Syntax::yaml,
                                                 reflect::UnknownFields::report));
  }
  return cases;
}

// A host of no machine in particular: goldens are the same everywhere.
inline constexpr SeccompHost case_host{
    .word = "amd64", .name = "SCMP_ARCH_X86_64", .kernel_major = 6, .kernel_minor = 1};

// Keeps goldens short, and shows that capabilities count.
inline constexpr std::string_view small_profile = R"({
  "defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "SCMP_ARCH_X86_64"}],
  "syscalls": [
    {"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO", "errno": "EPERM"},
    {"names": ["settimeofday"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
     "excludes": {"caps": ["CAP_SYS_TIME"]}}]})";

inline BuildInput input_of(const SpecCase& c) {
  const auto& facts = c.facts;
  BuildInput input;
  input.container = c.container;
  auto& container = input.container;
  container.realm_name = container.space_name = container.stack_name = "default";
  container.cell_name = "web";
  if (container.id.empty()) container.id = container.root ? "root" : "main";
  container.containerd_id = "default_default_web_" + container.id;
  container.nested_cgroup_runtime = facts.nested_cgroup_runtime;
  container.cell_cgroup_path = facts.cell_cgroup;
  container.etc_hosts_path = facts.etc_hosts;
  container.etc_hostname_path = facts.etc_hostname;
  container.cell_profile_name = facts.cell_profile;

  input.image = c.image;
  input.user = resolve_user(effective_user(container, c.image),
                            {.passwd = facts.passwd, .group = facts.group});
  input.containerd_namespace = "default.kukeon.io";
  if (facts.pinned_namespaces) {
    const std::string pins = "/run/kukeon/ns/default_default_web_root/";
    input.namespaces = {.net = pins + "net", .ipc = pins + "ipc", .uts = pins + "uts"};
  }
  input.shim_group = facts.shim_group;
  input.hostname = facts.hostname;
  input.pause_binary = facts.pause_binary;
  input.secret_env = facts.secret_env;
  for (const auto& [source, target] : facts.secret_mounts) {
    input.secret_mounts.push_back({source, target});
  }
  for (const auto& device : facts.devices) {
    input.devices.push_back({.node = {.path = device.path,
                                      .type = device.type,
                                      .major = device.major,
                                      .minor = device.minor,
                                      .file_mode = 0660,
                                      .uid = 0,
                                      .gid = 6},
                             .access = device.access});
  }
  if (facts.seccomp != "none") {
    const std::string_view profile =
        facts.seccomp == "built-in" ? default_seccomp_profile() : small_profile;
    input.default_seccomp = [profile](const reflect::StringList& capabilities) {
      return seccomp_filter(profile, capabilities, case_host);
    };
  }
  for (const auto& [path, text] : facts.seccomp_profiles) input.seccomp_profiles[path] = text;
  input.host = case_host;
  input.daemon_capabilities = facts.daemon_capabilities;
  if (facts.kukeon_gid > 0) input.kukeon_gid = static_cast<std::uint32_t>(facts.kukeon_gid);
  input.default_memory_limit_bytes = facts.default_memory_limit;
  input.cgroup_v2 = facts.cgroup_v2;
  return input;
}

inline Spec build(const BuildInput& input) {
  return input.container.root ? build_root_container_spec(input) : build_container_spec(input);
}

}  // namespace kukeon::oci
