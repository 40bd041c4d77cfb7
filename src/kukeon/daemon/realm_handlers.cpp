// SPDX-License-Identifier: Apache-2.0
#include "kukeon/api/realm_methods.h"
#include "kukeon/daemon/address.h"
#include "kukeon/daemon/handlers.h"
#include "kukeon/v1beta1/scheme.h"

namespace kukeon::daemon {

void add_realm_handlers(Router& router, engine::Engine& engine) {
  router.on<api::CreateRealm>([&engine](const api::CreateRealm::Request& request) {
    address_of(request.doc);
    const auto made = engine.create_realm(v1beta1::to_model(request.doc));
    return api::CreateRealm::Result{
        .doc = v1beta1::from_model(made.realm),
        .metadata_exists_pre = made.document_existed,
        .metadata_exists_post = true,
        .cgroup_exists_pre = made.cgroup_existed,
        .cgroup_exists_post = true,
        .cgroup_created = !made.cgroup_existed,
        .containerd_namespace_exists_pre = made.namespace_existed,
        .containerd_namespace_exists_post = true,
        .containerd_namespace_created = !made.namespace_existed,
        .created = !made.document_existed,
    };
  });
  router.on<api::GetRealm>([&engine](const api::GetRealm::Request& request) {
    const auto view = engine.get_realm(address_of(request.doc).realm);
    const auto realm = view ? view->realm : model::Realm{};
    return api::GetRealm::Result{
        .doc = v1beta1::from_model(realm),
        .metadata_exists = view.has_value(),
        .cgroup_exists = view && view->cgroup_exists,
        .containerd_namespace_exists = view && view->namespace_exists,
    };
  });
  router.on<api::ListRealms>([&engine](const api::ListRealms::Request&) {
    api::Answer<api::ListRealms> answer;
    for (const model::Realm& realm : engine.list_realms())
      answer.push_back(v1beta1::from_model(realm));
    return answer;
  });
  router.on<api::DeleteRealm>([&engine](const api::DeleteRealm::Request& request) {
    const auto gone = engine.delete_realm(address_of(request.doc).realm,
                                          delete_options(request.cascade, request.force));
    return api::DeleteRealm::Result{
        .doc = v1beta1::from_model(gone.value),
        .deleted = gone.deleted,
        .metadata_deleted = true,
        .cgroup_deleted = true,
        .containerd_namespace_deleted = true,
    };
  });
}

}  // namespace kukeon::daemon
