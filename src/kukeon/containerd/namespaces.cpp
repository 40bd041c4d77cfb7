// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <filesystem>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "kukeon/containerd/containerd_runtime.h"

// Construction, version, namespaces and leases.
namespace kukeon::containerd {

using google::protobuf::Empty;

ContainerdRuntime::ContainerdRuntime(const Options& options)
    : options_{options},
      client_{options.socket.string()},
      version_{api::version::v1::Version::NewStub(client_.channel())},
      namespaces_{api::namespaces::v1::Namespaces::NewStub(client_.channel())},
      leases_{api::leases::v1::Leases::NewStub(client_.channel())},
      content_{api::content::v1::Content::NewStub(client_.channel())},
      images_{api::images::v1::Images::NewStub(client_.channel())},
      snapshots_{api::snapshots::v1::Snapshots::NewStub(client_.channel())},
      diff_{api::diff::v1::Diff::NewStub(client_.channel())},
      containers_{api::containers::v1::Containers::NewStub(client_.channel())},
      tasks_{api::tasks::v1::Tasks::NewStub(client_.channel())},
      events_{api::events::v1::Events::NewStub(client_.channel())} {}

std::unique_ptr<runtime::Runtime> connect(const Options& options) {
  return std::make_unique<ContainerdRuntime>(options);
}

std::string ContainerdRuntime::version() {
  const auto response = client_.call<api::version::v1::VersionResponse>(
      {.doing = "ask containerd for its version"}, *version_,
      &api::version::v1::Version::Stub::Version, Empty{});
  return "containerd " + response.version();
}

std::string ContainerdRuntime::oci_runtime() {
  return std::filesystem::path{options_.oci_runtime}.filename().string();
}

void ContainerdRuntime::create_namespace(const std::string& ns, const Labels& labels) {
  // containerd publishes an event of it, which needs the namespace in the metadata as well.
  api::namespaces::v1::CreateNamespaceRequest request;
  request.mutable_namespace_()->set_name(ns);
  set_labels(labels, request.mutable_namespace_()->mutable_labels());
  try {
    client_.call<api::namespaces::v1::CreateNamespaceResponse>(
        {.doing = fmt::format("create containerd namespace {}", ns), .ns = ns}, *namespaces_,
        &api::namespaces::v1::Namespaces::Stub::Create, request);
  } catch (const Error& error) {
    if (!error.is(kinds::already_exists)) throw;
  }
}

void ContainerdRuntime::delete_namespace(const std::string& ns) {
  api::namespaces::v1::DeleteNamespaceRequest request;
  request.set_name(ns);
  Empty response;
  client_.find({.doing = fmt::format("delete containerd namespace {}", ns), .ns = ns}, *namespaces_,
               &api::namespaces::v1::Namespaces::Stub::Delete, request, &response);
  // Where the shim keeps the OCI runtime's state, whatever containerd's own directories are. It is
  // empty by now, and nobody else takes it away.
  std::error_code stays;
  fs::remove(fs::path{"/run/containerd/runc"} / ns, stays);
}

bool ContainerdRuntime::namespace_exists(const std::string& ns) {
  // Namespaces.Get answers for names that do not exist, with empty labels.
  const auto names = list_namespaces();
  return std::ranges::find(names, ns) != names.end();
}

std::vector<std::string> ContainerdRuntime::list_namespaces() {
  const auto response = client_.call<api::namespaces::v1::ListNamespacesResponse>(
      {.doing = "list containerd namespaces"}, *namespaces_,
      &api::namespaces::v1::Namespaces::Stub::List, api::namespaces::v1::ListNamespacesRequest{});
  std::vector<std::string> names;
  for (const auto& entry : response.namespaces()) names.push_back(entry.name());
  return names;
}

Labels ContainerdRuntime::namespace_labels(const std::string& ns) {
  const auto response = client_.call<api::namespaces::v1::ListNamespacesResponse>(
      {.doing = fmt::format("ask for the labels of containerd namespace {}", ns)}, *namespaces_,
      &api::namespaces::v1::Namespaces::Stub::List, api::namespaces::v1::ListNamespacesRequest{});
  for (const auto& entry : response.namespaces()) {
    if (entry.name() == ns) return get_labels(entry.labels());
  }
  throw Error{kinds::not_found, fmt::format("containerd has no namespace {}", quote(ns))};
}

void ContainerdRuntime::set_namespace_labels(const std::string& ns, const Labels& labels) {
  // containerd would create a namespace of the first label.
  if (!namespace_exists(ns)) {
    throw Error{kinds::not_found, fmt::format("containerd has no namespace {}", quote(ns))};
  }
  if (labels.empty()) return;
  api::namespaces::v1::UpdateNamespaceRequest request;
  request.mutable_namespace_()->set_name(ns);
  set_labels(labels, request.mutable_namespace_()->mutable_labels());
  for (const auto& [key, value] : labels) request.mutable_update_mask()->add_paths("labels." + key);
  client_.call<api::namespaces::v1::UpdateNamespaceResponse>(
      {.doing = fmt::format("label containerd namespace {}", ns), .ns = ns}, *namespaces_,
      &api::namespaces::v1::Namespaces::Stub::Update, request);
}

void ContainerdRuntime::create_lease(const std::string& ns, const std::string& id) {
  api::leases::v1::CreateRequest request;
  request.set_id(id);
  // A lease whose owner died before deleting it must not keep layers for ever.
  Timestamp expires = Timestamp::now();
  expires.unix_seconds += std::chrono::seconds{std::chrono::hours{24}}.count();
  (*request.mutable_labels())["containerd.io/gc.expire"] = expires.to_string();
  client_.call<api::leases::v1::CreateResponse>(
      {.doing = fmt::format("create lease {}", id), .ns = ns}, *leases_,
      &api::leases::v1::Leases::Stub::Create, request);
}

void ContainerdRuntime::delete_lease(const std::string& ns, const std::string& id) {
  api::leases::v1::DeleteRequest request;
  request.set_id(id);
  request.set_sync(true);
  Empty response;
  client_.find({.doing = fmt::format("delete lease {}", id), .ns = ns, .timeout = slow}, *leases_,
               &api::leases::v1::Leases::Stub::Delete, request, &response);
}

std::vector<std::string> ContainerdRuntime::list_leases(const std::string& ns) {
  const auto response = client_.call<api::leases::v1::ListResponse>(
      {.doing = fmt::format("list leases of {}", ns), .ns = ns}, *leases_,
      &api::leases::v1::Leases::Stub::List, api::leases::v1::ListRequest{});
  std::vector<std::string> ids;
  for (const auto& lease : response.leases()) ids.push_back(lease.id());
  return ids;
}

}  // namespace kukeon::containerd
