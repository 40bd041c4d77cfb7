// SPDX-License-Identifier: Apache-2.0
#include "kukeon/api/stack_methods.h"
#include "kukeon/daemon/address.h"
#include "kukeon/daemon/handlers.h"
#include "kukeon/v1beta1/scheme.h"

namespace kukeon::daemon {

void add_stack_handlers(Router& router, engine::Engine& engine) {
  router.on<api::CreateStack>([&engine](const api::CreateStack::Request& request) {
    address_of(request.doc);
    const auto made = engine.create_stack(v1beta1::to_model(request.doc));
    return api::CreateStack::Result{
        .doc = v1beta1::from_model(made.stack),
        .metadata_exists_pre = made.document_existed,
        .metadata_exists_post = true,
        .cgroup_exists_pre = made.cgroup_existed,
        .cgroup_exists_post = true,
        .cgroup_created = !made.cgroup_existed,
        .created = !made.document_existed,
    };
  });
  router.on<api::GetStack>([&engine](const api::GetStack::Request& request) {
    const auto view = engine.get_stack(address_of(request.doc));
    const auto stack = view ? view->stack : model::Stack{};
    return api::GetStack::Result{
        .doc = v1beta1::from_model(stack),
        .metadata_exists = view.has_value(),
        .cgroup_exists = view && view->cgroup_exists,
    };
  });
  router.on<api::ListStacks>([&engine](const api::ListStacks::Request& request) {
    api::Answer<api::ListStacks> answer;
    const model::Path filter{.realm = request.realm_name, .space = request.space_name};
    for (const model::Stack& stack : engine.list_stacks(filter)) {
      answer.push_back(v1beta1::from_model(stack));
    }
    return answer;
  });
  router.on<api::DeleteStack>([&engine](const api::DeleteStack::Request& request) {
    const model::Path path = address_of(request.doc);
    const auto gone = engine.delete_stack(path, delete_options(request.cascade, request.force));
    return api::DeleteStack::Result{
        .doc = v1beta1::from_model(gone.value),
        .stack_name = path.stack,
        .realm_name = path.realm,
        .space_name = path.space,
        .metadata_deleted = true,
        .cgroup_deleted = true,
        .deleted = gone.deleted,
    };
  });
}

}  // namespace kukeon::daemon
