// SPDX-License-Identifier: Apache-2.0
#include "kukeon/api/cell_methods.h"
#include "kukeon/api/container_methods.h"
#include "kukeon/api/daemon_methods.h"
#include "kukeon/api/realm_methods.h"
#include "kukeon/api/space_methods.h"
#include "kukeon/api/stack_methods.h"
#include "kukeon/daemon/address.h"
#include "kukeon/daemon/handlers.h"
#include "kukeon/v1beta1/scheme.h"

namespace kukeon::daemon {
namespace {

using Labels = std::vector<std::string>;

// What was swept, or why not: below the realm a failure is no error of the call (wire.md §6).
reflect::StringList purged(const std::string& error, Labels labels) {
  reflect::StringList out = reflect::StringList::empty_list();
  if (!error.empty()) labels = {"purge-error:" + error};
  for (std::string& label : labels) out.push_back(std::move(label));
  return out;
}

reflect::StringList list_of(const std::vector<std::string>& items) {
  reflect::StringList out = reflect::StringList::empty_list();
  out.insert(out.end(), items.begin(), items.end());
  return out;
}

// Of an object without a document: the address it was asked for by, in state Unknown.
template <class Doc, class T>
Doc doc_of(const engine::Purge<T>& purge, const Doc& request) {
  if (purge.had_document) return v1beta1::from_model(purge.value);
  Doc doc = request;
  doc.status = {};
  doc.status.state = decltype(doc.status.state)::unknown;
  return doc;
}

}  // namespace

void add_purge_handlers(Router& router, engine::Engine& engine) {
  router.on<api::PurgeRealm>([&engine](const api::PurgeRealm::Request& request) {
    const auto purge = engine.purge_realm(address_of(request.doc).realm,
                                          delete_options(request.cascade, request.force));
    return api::PurgeRealm::Result{
        .doc = doc_of(purge, request.doc),
        .realm_deleted = purge.had_document,
        .purge_succeeded = true,
        .force = request.force,
        .cascade = request.cascade,
        .deleted = list_of(purge.deleted),
        .purged = purged({}, {"orphaned-containers", "cni-resources", "all-metadata"}),
    };
  });
  router.on<api::PurgeSpace>([&engine](const api::PurgeSpace::Request& request) {
    const auto purge =
        engine.purge_space(address_of(request.doc), delete_options(request.cascade, request.force));
    const bool deleted = purge.had_document && purge.error.empty();
    return api::PurgeSpace::Result{
        .doc = doc_of(purge, request.doc),
        .metadata_deleted = deleted,
        .cgroup_deleted = deleted,
        .cni_network_deleted = deleted,
        .purge_succeeded = purge.error.empty(),
        .force = request.force,
        .cascade = request.cascade,
        .deleted = list_of(purge.deleted),
        .purged = purged(purge.error,
                         {"cni-network", "cni-cache", "orphaned-containers", "all-metadata"}),
    };
  });
  router.on<api::PurgeStack>([&engine](const api::PurgeStack::Request& request) {
    const auto purge =
        engine.purge_stack(address_of(request.doc), delete_options(request.cascade, request.force));
    return api::PurgeStack::Result{
        .doc = doc_of(purge, request.doc),
        .deleted = list_of(purge.deleted),
        .purged = purged(purge.error, {"cni-resources", "orphaned-containers", "all-metadata"}),
    };
  });
  router.on<api::PurgeCell>([&engine](const api::PurgeCell::Request& request) {
    const auto purge = engine.purge_cell(address_of(request.doc));
    api::PurgeCell::Result result{
        .doc = doc_of(purge, request.doc),
        .containers_deleted = !purge.value.spec.containers.empty(),
        .cgroup_deleted = purge.had_document,
        .metadata_deleted = purge.had_document,
        .purge_succeeded = purge.error.empty(),
        .force = request.force,
        .cascade = request.cascade,
        .deleted = reflect::StringList::empty_list(),
        .purged = purged(purge.error, {"cni-resources", "orphaned-containers", "all-metadata"}),
    };
    if (result.containers_deleted) result.deleted.emplace_back("containers");
    if (purge.had_document) result.deleted.insert(result.deleted.end(), {"cgroup", "metadata"});
    return result;
  });
  router.on<api::PurgeContainer>([&engine](const api::PurgeContainer::Request& request) {
    const auto purge = engine.purge_container(address_of(request.doc));
    api::PurgeContainer::Result result{
        .doc = request.doc,
        .cell_metadata_exists = purge.cell_had_document,
        .container_exists = purge.container.has_value(),
        .deleted = list_of(purge.deleted),
        .purged = purged(purge.error, {"cni-resources", "ipam-allocation", "cache-entries"}),
    };
    if (purge.container) {
      result.doc = v1beta1::from_model(*purge.container);
      result.doc.metadata.labels = request.doc.metadata.labels;
      result.doc.metadata.labels.set_null(false);
    }
    return result;
  });
  router.on<api::RefreshAll>([&engine](const api::RefreshAll::Request&) {
    const auto seen = engine.refresh_all();
    return api::RefreshAll::Result{
        .realms_found = list_of(seen.realms.found),
        .spaces_found = list_of(seen.spaces.found),
        .stacks_found = list_of(seen.stacks.found),
        .cells_found = list_of(seen.cells.found),
        .containers_found = list_of(seen.containers.found),
        .realms_updated = list_of(seen.realms.updated),
        .spaces_updated = list_of(seen.spaces.updated),
        .stacks_updated = list_of(seen.stacks.updated),
        .cells_updated = list_of(seen.cells.updated),
        .containers_updated = list_of(seen.containers.updated),
        .errors = list_of(seen.errors),
    };
  });
}

}  // namespace kukeon::daemon
