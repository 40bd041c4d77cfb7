// SPDX-License-Identifier: Apache-2.0
#include "kukeon/api/cell_methods.h"
#include "kukeon/daemon/address.h"
#include "kukeon/daemon/handlers.h"
#include "kukeon/v1beta1/scheme.h"

namespace kukeon::daemon {

void add_cell_handlers(Router& router, engine::Engine& engine) {
  router.on<api::CreateCell>([&engine](const api::CreateCell::Request& request) {
    address_of(request.doc);
    const auto made = engine.create_cell(v1beta1::to_model(request.doc));
    api::CreateCell::Result result{
        .doc = v1beta1::from_model(made.cell),
        .metadata_exists_pre = made.document_existed,
        .metadata_exists_post = true,
        .cgroup_exists_pre = made.cgroup_existed,
        .cgroup_exists_post = true,
        .cgroup_created = !made.cgroup_existed,
        .root_container_exists_pre = made.root_existed,
        .root_container_exists_post = true,
        .root_container_created = !made.root_existed,
        .started_pre = false,
        .started_post = true,
        .started = true,
        .created = !made.document_existed,
        .containers = {},
    };
    for (const auto& wanted : request.doc.spec.containers) {
      const bool before = made.containers_existed.contains(wanted.id);
      const bool after = model::find_container(made.cell.spec, wanted.id) != nullptr;
      result.containers.push_back({wanted.id, before, after, !before && after});
    }
    return result;
  });
  router.on<api::GetCell>([&engine](const api::GetCell::Request& request) {
    const auto view = engine.get_cell(address_of(request.doc));
    const auto cell = view ? view->cell : model::Cell{};
    return api::GetCell::Result{
        .doc = v1beta1::from_model(cell),
        .metadata_exists = view.has_value(),
        .cgroup_exists = view && view->cgroup_exists,
        .root_container_exists = view && view->root_exists,
    };
  });
  router.on<api::ListCells>([&engine](const api::ListCells::Request& request) {
    api::Answer<api::ListCells> answer;
    const model::Path filter{
        .realm = request.realm_name, .space = request.space_name, .stack = request.stack_name};
    for (const model::Cell& cell : engine.list_cells(filter))
      answer.push_back(v1beta1::from_model(cell));
    return answer;
  });
  router.on<api::StartCell>([&engine](const api::StartCell::Request& request) {
    return api::StartCell::Result{v1beta1::from_model(engine.start_cell(address_of(request.doc))),
                                  true};
  });
  router.on<api::StopCell>([&engine](const api::StopCell::Request& request) {
    return api::StopCell::Result{v1beta1::from_model(engine.stop_cell(address_of(request.doc))),
                                 true};
  });
  router.on<api::KillCell>([&engine](const api::KillCell::Request& request) {
    return api::KillCell::Result{v1beta1::from_model(engine.kill_cell(address_of(request.doc))),
                                 true};
  });
  router.on<api::RestartCell>([&engine](const api::RestartCell::Request& request) {
    return api::RestartCell::Result{
        v1beta1::from_model(engine.restart_cell(address_of(request.doc))), true};
  });
  router.on<api::DeleteCell>([&engine](const api::DeleteCell::Request& request) {
    const auto gone = engine.delete_cell(address_of(request.doc));
    return api::DeleteCell::Result{
        .doc = v1beta1::from_model(gone.value),
        .containers_deleted = !gone.value.spec.containers.empty(),
        .cgroup_deleted = true,
        .metadata_deleted = true,
    };
  });
}

}  // namespace kukeon::daemon
