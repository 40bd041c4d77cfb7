// SPDX-License-Identifier: Apache-2.0
#include "apps/oci_runtime_probe.h"

#include <unistd.h>

#include <chrono>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/log.h"
#include "kukeon/base/process.h"
#include "kukeon/base/strings.h"
#include "kukeon/kernel/cgroup.h"
#include "kukeon/oci/runtime_spec.h"

namespace kukeon::apps {
namespace {

using namespace std::chrono_literals;

std::string probe_spec(const std::string& cgroup) {
  oci::Spec spec;
  spec.oci_version = "1.0.2";
  spec.process.emplace();
  spec.process->args = {"/kukepause"};
  spec.process->cwd = "/";
  spec.root.emplace();
  spec.root->path = "rootfs";
  spec.mounts.push_back({.destination = "/proc", .type = "proc", .source = "proc", .options = {}});
  spec.linux.emplace();
  for (const char* type : {"pid", "mount", "ipc", "uts"}) {
    spec.linux->namespaces.push_back({.type = type, .path = {}});
  }
  spec.linux->cgroups_path = cgroup;
  return oci::to_json(spec);
}

bool crun_works(const engine::Config& config) {
  const TemporaryDirectory bundle{config.runtime_dir};
  const fs::path rootfs = bundle.path() / "rootfs";
  make_directories(rootfs / "proc", 0755);
  fs::copy_file(config.pause_binary, rootfs / "kukepause");
  const std::string id = fmt::format("kukeon-probe-{}", ::getpid());
  const std::string cgroup = config.cgroup_root + "/" + id;
  write_file_in_place(bundle.path() / "config.json", probe_spec(cgroup));

  const std::string root = (bundle.path() / "state").string();
  const auto made =
      run({.argv = {"crun", "--root", root, "create", "--bundle", bundle.path().string(), id}}, 5s);
  if (!made.exit.ok())
    log::info("crun is not usable here", {{"cause", std::string{trim(made.err)}}});
  run({.argv = {"crun", "--root", root, "delete", "--force", id}}, 5s);
  kernel::Cgroups{}.remove(cgroup);
  return made.exit.ok();
}

}  // namespace

std::string probe_oci_runtime(const engine::Config& config) {
  try {
    return crun_works(config) ? "crun" : "runc";
  } catch (const std::exception& error) {
    log::debug("crun not probed", {{"cause", error.what()}});
    return "runc";
  }
}

}  // namespace kukeon::apps
