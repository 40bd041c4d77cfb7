// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <utility>
#include <variant>

#include "kukeon/api/daemon_methods.h"
#include "kukeon/daemon/handlers.h"
#include "kukeon/v1beta1/parse.h"
#include "kukeon/v1beta1/scheme.h"

namespace kukeon::daemon {
namespace {

std::vector<engine::Desired> desired_of(const std::vector<v1beta1::Document>& documents) {
  std::vector<engine::Desired> out;
  for (const v1beta1::Document& document : documents) {
    out.push_back(
        {document.index,
         std::visit([](const auto& doc) { return engine::Document{v1beta1::to_model(doc)}; },
                    document.doc)});
  }
  return out;
}

api::AppliedResource resource_of(const engine::ApplyResult& result) {
  api::AppliedResource resource;
  resource.index = result.index;
  resource.kind = model::word_of(result.kind);
  resource.name = result.name;
  resource.action = result.action;
  resource.error = result.error;
  // Null where nothing can stand: created, unchanged (wire.md §7, 4).
  for (const std::string& change : result.changes) resource.changes.push_back(change);
  for (const auto& [field, text] : result.details) resource.details[field] = text;
  if (result.action == "failed" || result.action == "updated") resource.details.set_null(false);
  if (result.action == "updated") resource.changes.set_null(false);
  return resource;
}

}  // namespace

void add_daemon_handlers(Router& router, engine::Engine& engine, runtime::Runtime& runtime,
                         DaemonFacts facts) {
  router.on<api::Ping>([](const api::Ping::Request&) {
    return api::Ping::Reply{.ok = true, .version = KUKEON_VERSION, .err = {}};
  });
  router.on<api::ApplyDocuments>(
      [&engine, usual = facts.manifest_validation](const api::ApplyDocuments::Request& request) {
        const auto validation =
            request.validate.empty() ? usual : v1beta1::parse_validation(request.validate);
        api::ApplyDocuments::Result result;
        const auto documents =
            v1beta1::parse_documents(request.raw_yaml.data, validation, &result.warnings);
        result.resources = decltype(result.resources)::empty_list();
        for (const auto& one : engine.execute(engine.plan(desired_of(documents)))) {
          result.resources.push_back(resource_of(one));
        }
        return result;
      });
  router.on<api::Status>(
      [&engine, &runtime, facts = std::move(facts)](const api::Status::Request&) {
        const auto census = engine.census();
        api::Status::Result result;
        result.version = KUKEON_VERSION;
        result.pid = ::getpid();
        result.run_path = engine.config().run_path.string();
        result.socket = facts.socket;
        result.containerd_socket = facts.containerd_socket;
        try {
          result.containerd_version = runtime.version();
        } catch (const Error&) {
          result.containerd_version.clear();  // `kuke status` shows it as down
        }
        result.containerd_supervised = facts.containerd_supervised;
        result.oci_runtime = facts.oci_runtime;
        result.cgroup_layout = engine.cgroup_layout();
        result.realms = static_cast<std::int64_t>(census.realms);
        result.spaces = static_cast<std::int64_t>(census.spaces);
        result.stacks = static_cast<std::int64_t>(census.stacks);
        result.cells = static_cast<std::int64_t>(census.cells);
        result.containers = static_cast<std::int64_t>(census.containers);
        result.started_at = facts.started_at;
        return result;
      });
  router.on<api::Inventory>([&engine](const api::Inventory::Request&) {
    api::Inventory::Result result;
    result.objects = engine.inventory();
    result.objects.set_null(false);
    return result;
  });
  router.on<api::Teardown>([&engine](const api::Teardown::Request&) {
    api::Teardown::Result result;
    result.realms = decltype(result.realms)::empty_list();
    for (const auto& row : engine.teardown())
      result.realms.push_back({row.realm, row.ns, row.error});
    result.objects = engine.inventory();
    result.objects.set_null(false);
    return result;
  });
}

}  // namespace kukeon::daemon
