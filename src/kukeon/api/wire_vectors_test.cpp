// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "kukeon/api/cell_methods.h"
#include "kukeon/api/container_methods.h"
#include "kukeon/api/daemon_methods.h"
#include "kukeon/api/event_methods.h"
#include "kukeon/api/frames.h"
#include "kukeon/api/image_methods.h"
#include "kukeon/api/realm_methods.h"
#include "kukeon/api/space_methods.h"
#include "kukeon/api/stack_methods.h"
#include "kukeon/api/wire_vectors.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/reflect/json.h"

namespace kukeon::api {
namespace {

using namespace testing;

template <Method M>
std::string request_line(const typename M::Request& request, std::uint64_t id) {
  std::string line = encode_request(M::name, reflect::to_json(request), id);
  EXPECT_EQ(line.back(), '\n');
  line.pop_back();
  return line;
}

template <class Reply>
std::string response_line(const Reply& reply, std::uint64_t id) {
  std::string line = encode_result({std::to_string(id)}, reflect::to_json(reply));
  EXPECT_EQ(line.back(), '\n');
  line.pop_back();
  return line;
}

// Read, and written again from what was understood.
template <Method M>
void expect_same_after_reading(std::string_view request, std::string_view response) {
  const RequestFrame frame = decode_request(request);
  EXPECT_EQ(frame.method, "KukeonV1." + std::string{M::name});
  const auto args =
      reflect::from_tree<typename M::Request>(only_param(frame), reflect::Syntax::json);
  EXPECT_EQ(request_line<M>(args, std::stoull(frame.id.text)), request);

  const ResponseFrame answer = decode_response(response);
  EXPECT_EQ(answer.error, "");
  const auto reply = reflect::from_tree<typename M::Reply>(answer.result, reflect::Syntax::json);
  EXPECT_EQ(response_line(reply, answer.id), response);
}

const Timestamp some_time = Timestamp::parse("2026-05-14T21:10:38.123456789Z");

TEST(WireVectors, AreTheSameBytesAfterReadingAndWriting) {
  expect_same_after_reading<CreateRealm>(create_realm_request, create_realm_response);
  expect_same_after_reading<GetSpace>(get_space_request, get_space_response);
  expect_same_after_reading<ListContainers>(list_containers_request, list_containers_response);
  expect_same_after_reading<ListStacks>(list_stacks_request, list_stacks_response);
  expect_same_after_reading<StopCell>(stop_cell_request, stop_cell_response);
  expect_same_after_reading<AttachContainer>(attach_container_request, attach_container_response);
  expect_same_after_reading<DeleteRealm>(delete_realm_request, delete_realm_response);
  expect_same_after_reading<PurgeStack>(purge_stack_request, purge_stack_response);
  expect_same_after_reading<RefreshAll>(refresh_all_request, refresh_all_response);
  expect_same_after_reading<ApplyDocuments>(apply_documents_request, apply_documents_response);
  expect_same_after_reading<ListImages>(list_images_request, list_images_response);
  expect_same_after_reading<LoadImage>(load_image_request, load_image_response);
}

TEST(WireVectors, RealmIsCreated) {
  CreateRealm::Request request;
  request.doc.api_version = "v1beta1";
  request.doc.kind = "Realm";
  request.doc.metadata.name = "dev";
  EXPECT_EQ(request_line<CreateRealm>(request, 1), create_realm_request);

  CreateRealm::Reply reply;
  reply.result = {.doc = request.doc,
                  .metadata_exists_post = true,
                  .cgroup_exists_post = true,
                  .cgroup_created = true,
                  .containerd_namespace_exists_post = true,
                  .containerd_namespace_created = true,
                  .created = true};
  v1beta1::RealmDoc& doc = reply.result.doc;
  doc.metadata.labels["realm.kukeon.io"] = "dev.kukeon.io";
  doc.spec.containerd_namespace = "dev.kukeon.io";
  doc.status.state = v1beta1::RealmState::ready;
  doc.status.cgroup_path = "/kukeon/dev";
  doc.status.subtree_controllers = {"cpu", "io", "memory", "pids"};
  EXPECT_EQ(response_line(reply, 1), create_realm_response);
}

TEST(WireVectors, FailedCreateHasAnAllZeroResult) {
  CreateRealm::Reply reply;
  reply.err = to_wire(Error{kinds::realm_name_required, "realm name is required"});
  const std::string line = response_line(reply, 1);
  EXPECT_TRUE(line.ends_with(
      R"("Created":false},"Err":{"Kind":"RealmNameRequired","Message":"realm name is required"}},"error":null})"))
      << line;
  EXPECT_TRUE(
      line.starts_with(R"({"id":1,"result":{"Result":{"Realm":{"apiVersion":"","kind":"",)"))
      << line;
}

TEST(WireVectors, MissingSpaceIsAnAnswer) {
  GetSpace::Request request;
  request.doc.metadata.name = "nope";
  request.doc.spec.realm_name = "dev";
  EXPECT_EQ(request_line<GetSpace>(request, 2), get_space_request);
  GetSpace::Reply reply;
  reply.result.doc.api_version = "v1beta1";
  reply.result.doc.kind = "Space";
  EXPECT_EQ(response_line(reply, 2), get_space_response);
}

TEST(WireVectors, EmptyListIsNotNull) {
  EXPECT_EQ(request_line<ListStacks>({.realm_name = "r"}, 4), list_stacks_request);
  EXPECT_EQ(response_line(ListStacks::Reply::of({}), 4), list_stacks_response);
}

TEST(WireVectors, ListBesideAnErrorIsNull) {
  ListStacks::Reply reply;
  reply.err = WireError{"Unknown", "x", {}};
  EXPECT_EQ(
      response_line(reply, 4),
      R"({"id":4,"result":{"Stacks":null,"Err":{"Kind":"Unknown","Message":"x"}},"error":null})");
}

TEST(WireVectors, StoppedCellIsNotThere) {
  StopCell::Request request;
  request.doc.metadata.name = "web";
  request.doc.spec.realm_name = "r";
  request.doc.spec.space_name = "s";
  request.doc.spec.stack_name = "t";
  EXPECT_EQ(request_line<StopCell>(request, 5), stop_cell_request);
  StopCell::Reply reply;
  reply.err =
      to_wire(Error{kinds::unknown, R"(cell "web" not found in realm "r", space "s", stack "t")"});
  EXPECT_EQ(response_line(reply, 5), stop_cell_response);
}

TEST(WireVectors, ContainerHasNoTerminal) {
  AttachContainer::Request request;
  request.doc.metadata.name = "app";
  request.doc.spec.realm_name = "r";
  request.doc.spec.space_name = "s";
  request.doc.spec.stack_name = "t";
  request.doc.spec.cell_name = "web";
  EXPECT_EQ(request_line<AttachContainer>(request, 6), attach_container_request);
  AttachContainer::Reply reply;
  reply.err =
      to_wire(Error{kinds::attach_not_supported, std::string{kinds::attach_not_supported.text}});
  EXPECT_EQ(response_line(reply, 6), attach_container_response);
}

TEST(WireVectors, LogHasExactlyOnePath) {
  const auto reply =
      LogContainer::Reply::of({.host_log_path = "/opt/kukeon/data/r/s/t/web/app/log"});
  EXPECT_EQ(response_line(reply, 7), log_container_response);
}

TEST(WireVectors, RealmWithSpacesIsNotDeleted) {
  DeleteRealm::Request request;
  request.doc.metadata.name = "dev";
  EXPECT_EQ(request_line<DeleteRealm>(request, 8), delete_realm_request);
  DeleteRealm::Reply reply;
  reply.err =
      to_wire(Error{kinds::resource_has_dependencies,
                    "failed to delete realm: resource has child resources: realm \"dev\" has 2 "
                    "space(s). Use --cascade to delete them or --force to skip validation"});
  EXPECT_EQ(response_line(reply, 8), delete_realm_response);
}

TEST(WireVectors, StackIsPurged) {
  PurgeStack::Request request;
  request.doc.metadata.name = "t";
  request.doc.spec.realm_name = "r";
  request.doc.spec.space_name = "s";
  request.cascade = true;
  EXPECT_EQ(request_line<PurgeStack>(request, 9), purge_stack_request);

  PurgeStack::Result result{.doc = request.doc,
                            .deleted = {"cell:web", "metadata", "cgroup"},
                            .purged = {"cni-resources", "orphaned-containers", "all-metadata"}};
  result.doc.api_version = "v1beta1";
  result.doc.kind = "Stack";
  result.doc.spec.id = "t";
  result.doc.status.state = v1beta1::StackState::ready;
  result.doc.status.cgroup_path = "/p";
  result.doc.status.created_at = result.doc.status.updated_at = result.doc.status.ready_at =
      some_time;
  EXPECT_EQ(response_line(PurgeStack::Reply::of(result), 9), purge_stack_response);
}

TEST(WireVectors, EverythingIsRefreshed) {
  EXPECT_EQ(request_line<RefreshAll>({}, 10), refresh_all_request);
  const auto none = reflect::StringList::empty_list();
  const RefreshAll::Result result{.realms_found = {"default"},
                                  .spaces_found = none,
                                  .stacks_found = none,
                                  .cells_found = none,
                                  .containers_found = none,
                                  .realms_updated = none,
                                  .spaces_updated = none,
                                  .stacks_updated = none,
                                  .cells_updated = none,
                                  .containers_updated = none,
                                  .errors = none};
  EXPECT_EQ(response_line(RefreshAll::Reply::of(result), 10), refresh_all_response);
}

TEST(WireVectors, DocumentsAreApplied) {
  const std::string yaml =
      "kind: Realm\nmetadata: {name: dev}\n---\nkind: Space\nmetadata: {name: s}\n"
      "spec: {realmId: dev, cniConfigPath: /x}\n";
  EXPECT_EQ(request_line<ApplyDocuments>({.raw_yaml = reflect::Bytes{yaml}}, 11),
            apply_documents_request);

  ApplyDocuments::Result result;
  result.resources.push_back({.index = 0, .kind = "Realm", .name = "dev", .action = "created"});
  result.resources.push_back(
      {.index = 1,
       .kind = "Space",
       .name = "s",
       .action = "failed",
       .error =
           "space \"s\" has breaking changes: [spec.cniConfigPath]. Delete the space and recreate "
           "it with the new spec",
       .details = reflect::Labelset::empty_map()});
  EXPECT_EQ(response_line(ApplyDocuments::Reply::of(result), 11), apply_documents_response);
}

TEST(WireVectors, ImagesAreListed) {
  EXPECT_EQ(request_line<ListImages>({.realm = "default"}, 12), list_images_request);
  ListImages::Result result{.realm = "default", .containerd_namespace = "default.kukeon.io"};
  result.images.push_back({.name = "docker.io/library/busybox:latest",
                           .size = -1,
                           .created_at = some_time,
                           .digest = "sha256:00",
                           .media_type = "application/vnd.oci.image.index.v1+json"});
  EXPECT_EQ(response_line(ListImages::Reply::of(result), 12), list_images_response);
}

TEST(WireVectors, TarballIsMissing) {
  EXPECT_EQ(request_line<LoadImage>({.realm = "default"}, 13), load_image_request);
  LoadImage::Reply reply;
  reply.err = to_wire(Error{kinds::unknown, "image tarball is required"});
  EXPECT_EQ(response_line(reply, 13), load_image_response);
}

TEST(WireVectors, PingHasNoResult) {
  EXPECT_EQ(response_line(Ping::Reply{.ok = true, .version = "v0.5.0"}, 0),
            R"({"id":0,"result":{"OK":true,"Version":"v0.5.0","Err":null},"error":null})");
  EXPECT_EQ(request_line<Ping>({}, 0), R"({"method":"KukeonV1.Ping","params":[{}],"id":0})");
}

// Every key of every reply, in order, for those that the examples leave out.
TEST(WireKeys, OfRepliesAreGoNamesInTheirOrder) {
  const auto keys = [](const auto& result) {
    std::string names;
    reflect::for_each_field<std::remove_cvref_t<decltype(result)>>([&](const auto& row) {
      names += names.empty() ? "" : " ";
      names += row.name;
    });
    return names;
  };
  EXPECT_EQ(
      keys(CreateSpace::Result{}),
      "Space MetadataExistsPre MetadataExistsPost CgroupExistsPre CgroupExistsPost CgroupCreated "
      "CNINetworkExistsPre CNINetworkExistsPost CNINetworkCreated Created");
  EXPECT_EQ(
      keys(CreateStack::Result{}),
      "Stack MetadataExistsPre MetadataExistsPost CgroupExistsPre CgroupExistsPost CgroupCreated "
      "Created");
  EXPECT_EQ(
      keys(CreateCell::Result{}),
      "Cell MetadataExistsPre MetadataExistsPost CgroupExistsPre CgroupExistsPost CgroupCreated "
      "RootContainerExistsPre RootContainerExistsPost RootContainerCreated StartedPre StartedPost "
      "Started Created Containers");
  EXPECT_EQ(keys(CreatedContainer{}), "Name ExistsPre ExistsPost Created");
  EXPECT_EQ(keys(CreateContainer::Result{}),
            "Container CellMetadataExistsPre CellMetadataExistsPost ContainerExistsPre "
            "ContainerExistsPost ContainerCreated Started");
  EXPECT_EQ(keys(GetRealm::Result{}),
            "Realm MetadataExists CgroupExists ContainerdNamespaceExists");
  EXPECT_EQ(keys(GetStack::Result{}), "Stack MetadataExists CgroupExists");
  EXPECT_EQ(keys(GetCell::Result{}), "Cell MetadataExists CgroupExists RootContainerExists");
  EXPECT_EQ(keys(GetContainer::Result{}), "Container CellMetadataExists ContainerExists");
  EXPECT_EQ(keys(StartCell::Result{}), "Cell Started");
  EXPECT_EQ(keys(KillCell::Result{}), "Cell Killed");
  EXPECT_EQ(keys(StartContainer::Result{}), "Container Started");
  EXPECT_EQ(keys(StopContainer::Result{}), "Container Stopped");
  EXPECT_EQ(keys(KillContainer::Result{}), "Container Killed");
  EXPECT_EQ(keys(DeleteSpace::Result{}),
            "Space SpaceName RealmName MetadataDeleted CgroupDeleted CNINetworkDeleted Deleted");
  EXPECT_EQ(keys(DeleteStack::Result{}),
            "Stack StackName RealmName SpaceName MetadataDeleted CgroupDeleted Deleted");
  EXPECT_EQ(keys(DeleteCell::Result{}), "Cell ContainersDeleted CgroupDeleted MetadataDeleted");
  EXPECT_EQ(keys(DeleteContainer::Result{}),
            "Container CellMetadataExists ContainerExists Deleted");
  EXPECT_EQ(keys(PurgeRealm::Result{}),
            "Realm RealmDeleted PurgeSucceeded Force Cascade Deleted Purged");
  EXPECT_EQ(
      keys(PurgeSpace::Result{}),
      "Space MetadataDeleted CgroupDeleted CNINetworkDeleted PurgeSucceeded Force Cascade Deleted "
      "Purged");
  EXPECT_EQ(
      keys(PurgeCell::Result{}),
      "Cell ContainersDeleted CgroupDeleted MetadataDeleted PurgeSucceeded Force Cascade Deleted "
      "Purged");
  EXPECT_EQ(keys(PurgeContainer::Result{}),
            "Container CellMetadataExists ContainerExists Deleted Purged");
  EXPECT_EQ(keys(GetImage::Result{}), "Realm Namespace Image");
  EXPECT_EQ(keys(DeleteImage::Result{}), "Realm Namespace Ref");
  EXPECT_EQ(keys(ListCells::Request{}), "RealmName SpaceName StackName");
  EXPECT_EQ(keys(RestartCell::Result{}), "Cell Restarted");
  EXPECT_EQ(keys(RestartContainer::Result{}), "Container Restarted");
  EXPECT_EQ(keys(WatchEvents::Request{}),
            "After TimeoutSeconds Limit RealmName SpaceName StackName CellName ContainerName Types "
            "Since");
  EXPECT_EQ(keys(WatchEvents::Result{}), "Events Next Lost");
  EXPECT_EQ(keys(Event{}),
            "sequence time type kind name realmId spaceId stackId cellId message data");
}

// Ours, frozen as the first daemon that had it wrote it.
TEST(WireVectors, WatchEvents) {
  EXPECT_EQ(
      request_line<WatchEvents>({.after = 7, .timeout_seconds = 30, .cell_name = "web"}, 14),
      R"({"method":"KukeonV1.WatchEvents","params":[{"After":7,"TimeoutSeconds":30,"Limit":0,)"
      R"("CellName":"web","Since":"0001-01-01T00:00:00Z"}],"id":14})");
  WatchEvents::Reply reply;
  Event event;
  event.sequence = 8;
  event.time = Timestamp::parse("2026-05-14T21:10:38Z");
  event.type = "exit";
  event.kind = "Container";
  event.name = "app";
  event.realm_name = "r";
  event.space_name = "s";
  event.stack_name = "t";
  event.cell_name = "web";
  event.message = "container \"app\" exited with code 3";
  event.data["exitCode"] = "3";
  reply.result.events = {event};
  reply.result.next = 8;
  EXPECT_EQ(response_line(reply, 14),
            R"({"id":14,"result":{"Result":{"Events":[{"sequence":8,"time":"2026-05-14T21:10:38Z",)"
            R"("type":"exit","kind":"Container","name":"app","realmId":"r","spaceId":"s",)"
            R"("stackId":"t","cellId":"web","message":"container \"app\" exited with code 3",)"
            R"("data":{"exitCode":"3"}}],"Next":8,"Lost":0},"Err":null},"error":null})");
}

}  // namespace
}  // namespace kukeon::api
