// SPDX-License-Identifier: Apache-2.0
#include "kukeon/api/container_methods.h"
#include "kukeon/daemon/address.h"
#include "kukeon/daemon/handlers.h"
#include "kukeon/v1beta1/scheme.h"

namespace kukeon::daemon {
namespace {

// Labels of a container are not stored: a reply echoes the request's, `{}` for none (model.md 4.5).
v1beta1::ContainerDoc reply_doc(const model::Container& container,
                                const v1beta1::ContainerDoc& request) {
  v1beta1::ContainerDoc doc = v1beta1::from_model(container);
  doc.metadata.labels = request.metadata.labels;
  doc.metadata.labels.set_null(false);
  return doc;
}

}  // namespace

void add_container_handlers(Router& router, engine::Engine& engine) {
  router.on<api::CreateContainer>([&engine](const api::CreateContainer::Request& request) {
    const model::Path path = address_of(request.doc);
    model::Container wanted = v1beta1::to_model(request.doc);
    wanted.spec.id = path.container;
    wanted.spec.realm_name = path.realm;
    wanted.spec.space_name = path.space;
    wanted.spec.stack_name = path.stack;
    wanted.spec.cell_name = path.cell;
    const auto made = engine.create_container(wanted);
    return api::CreateContainer::Result{
        .doc = reply_doc(made.container, request.doc),
        .cell_metadata_exists_pre = true,
        .cell_metadata_exists_post = true,
        .container_exists_pre = made.existed,
        .container_exists_post = true,
        .container_created = !made.existed,
        .started = true,
    };
  });
  router.on<api::GetContainer>([&engine](const api::GetContainer::Request& request) {
    return api::GetContainer::Result{
        .doc = reply_doc(engine.get_container(address_of(request.doc)), request.doc),
        .cell_metadata_exists = true,
        .container_exists = true,
    };
  });
  router.on<api::ListContainers>([&engine](const api::ListContainers::Request& request) {
    api::Answer<api::ListContainers> answer;
    const model::Path filter{.realm = request.realm_name,
                             .space = request.space_name,
                             .stack = request.stack_name,
                             .cell = request.cell_name};
    for (const model::ContainerSpec& spec : engine.list_containers(filter)) {
      answer.push_back(v1beta1::from_model(spec));
    }
    return answer;
  });
  router.on<api::StartContainer>([&engine](const api::StartContainer::Request& request) {
    return api::StartContainer::Result{
        reply_doc(engine.start_container(address_of(request.doc)), request.doc), true};
  });
  router.on<api::StopContainer>([&engine](const api::StopContainer::Request& request) {
    return api::StopContainer::Result{
        reply_doc(engine.stop_container(address_of(request.doc)), request.doc), true};
  });
  router.on<api::KillContainer>([&engine](const api::KillContainer::Request& request) {
    return api::KillContainer::Result{
        reply_doc(engine.kill_container(address_of(request.doc)), request.doc), true};
  });
  router.on<api::RestartContainer>([&engine](const api::RestartContainer::Request& request) {
    return api::RestartContainer::Result{
        reply_doc(engine.restart_container(address_of(request.doc)), request.doc), true};
  });
  router.on<api::DeleteContainer>([&engine](const api::DeleteContainer::Request& request) {
    const auto gone = engine.delete_container(address_of(request.doc));
    return api::DeleteContainer::Result{
        .doc = reply_doc(gone.value, request.doc),
        .cell_metadata_exists = true,
        .container_exists = true,
        .deleted = gone.deleted,
    };
  });
  router.on<api::LogContainer>([&engine](const api::LogContainer::Request& request) {
    const auto paths = engine.log_paths(address_of(request.doc));
    return api::LogContainer::Result{paths.capture.string(), paths.log.string()};
  });
}

}  // namespace kukeon::daemon
