// SPDX-License-Identifier: Apache-2.0
#include "kukeon/api/space_methods.h"
#include "kukeon/daemon/address.h"
#include "kukeon/daemon/handlers.h"
#include "kukeon/v1beta1/scheme.h"

namespace kukeon::daemon {

void add_space_handlers(Router& router, engine::Engine& engine) {
  router.on<api::CreateSpace>([&engine](const api::CreateSpace::Request& request) {
    address_of(request.doc);
    const auto made = engine.create_space(v1beta1::to_model(request.doc));
    return api::CreateSpace::Result{
        .doc = v1beta1::from_model(made.space),
        .metadata_exists_pre = made.document_existed,
        .metadata_exists_post = true,
        .cgroup_exists_pre = made.cgroup_existed,
        .cgroup_exists_post = true,
        .cgroup_created = !made.cgroup_existed,
        .cni_network_exists_pre = made.network_existed,
        .cni_network_exists_post = true,
        .cni_network_created = !made.network_existed,
        .created = !made.document_existed,
    };
  });
  router.on<api::GetSpace>([&engine](const api::GetSpace::Request& request) {
    const auto view = engine.get_space(address_of(request.doc));
    const auto space = view ? view->space : model::Space{};
    return api::GetSpace::Result{
        .doc = v1beta1::from_model(space),
        .metadata_exists = view.has_value(),
        .cgroup_exists = view && view->cgroup_exists,
        .cni_network_exists = view && view->network_exists,
    };
  });
  router.on<api::ListSpaces>([&engine](const api::ListSpaces::Request& request) {
    api::Answer<api::ListSpaces> answer;
    for (const model::Space& space : engine.list_spaces({.realm = request.realm_name})) {
      answer.push_back(v1beta1::from_model(space));
    }
    return answer;
  });
  router.on<api::DeleteSpace>([&engine](const api::DeleteSpace::Request& request) {
    const model::Path path = address_of(request.doc);
    const auto gone = engine.delete_space(path, delete_options(request.cascade, request.force));
    return api::DeleteSpace::Result{
        .doc = v1beta1::from_model(gone.value),
        .space_name = path.space,
        .realm_name = path.realm,
        .metadata_deleted = true,
        .cgroup_deleted = true,
        .cni_network_deleted = true,
        .deleted = gone.deleted,
    };
  });
}

}  // namespace kukeon::daemon
