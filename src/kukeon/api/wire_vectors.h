// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// The worked examples of wire.md §9, as Go's net/rpc/jsonrpc writes them, without the newline.
namespace kukeon::api::testing {

inline constexpr std::string_view create_realm_request =
    R"({"method":"KukeonV1.CreateRealm","params":[{"Doc":{"apiVersion":"v1beta1","kind":")"
    R"(Realm","metadata":{"name":"dev","labels":null},"spec":{"namespace":""},"status":{")"
    R"(state":"Pending","createdAt":"0001-01-01T00:00:00Z","updatedAt":"0001-01-01T00:00:)"
    R"(00Z","readyAt":"0001-01-01T00:00:00Z"}}}],"id":1})";

inline constexpr std::string_view create_realm_response =
    R"({"id":1,"result":{"Result":{"Realm":{"apiVersion":"v1beta1","kind":"Realm","metada)"
    R"(ta":{"name":"dev","labels":{"realm.kukeon.io":"dev.kukeon.io"}},"spec":{"namespace)"
    R"(":"dev.kukeon.io"},"status":{"state":"Ready","cgroupPath":"/kukeon/dev","subtreeCo)"
    R"(ntrollers":["cpu","io","memory","pids"],"createdAt":"0001-01-01T00:00:00Z","update)"
    R"(dAt":"0001-01-01T00:00:00Z","readyAt":"0001-01-01T00:00:00Z"}},"MetadataExistsPre")"
    R"(:false,"MetadataExistsPost":true,"CgroupExistsPre":false,"CgroupExistsPost":true,")"
    R"(CgroupCreated":true,"ContainerdNamespaceExistsPre":false,"ContainerdNamespaceExist)"
    R"(sPost":true,"ContainerdNamespaceCreated":true,"Created":true},"Err":null},"error":)"
    R"(null})";

inline constexpr std::string_view get_space_request =
    R"({"method":"KukeonV1.GetSpace","params":[{"Doc":{"apiVersion":"","kind":"","metadat)"
    R"(a":{"name":"nope","labels":null},"spec":{"realmId":"dev"},"status":{"state":"Pendi)"
    R"(ng","createdAt":"0001-01-01T00:00:00Z","updatedAt":"0001-01-01T00:00:00Z","readyAt)"
    R"(":"0001-01-01T00:00:00Z"}}}],"id":2})";

inline constexpr std::string_view get_space_response =
    R"({"id":2,"result":{"Result":{"Space":{"apiVersion":"v1beta1","kind":"Space","metada)"
    R"(ta":{"name":"","labels":null},"spec":{"realmId":""},"status":{"state":"Pending","c)"
    R"(reatedAt":"0001-01-01T00:00:00Z","updatedAt":"0001-01-01T00:00:00Z","readyAt":"000)"
    R"(1-01-01T00:00:00Z"}},"MetadataExists":false,"CgroupExists":false,"CNINetworkExists)"
    R"(":false},"Err":null},"error":null})";

inline constexpr std::string_view list_containers_request =
    R"({"method":"KukeonV1.ListContainers","params":[{"RealmName":"r","SpaceName":"s","St)"
    R"(ackName":"t","CellName":"web"}],"id":3})";

inline constexpr std::string_view list_containers_response =
    R"({"id":3,"result":{"Containers":[{"id":"root","containerdId":"s_t_web_root","realmI)"
    R"(d":"r","spaceId":"s","stackId":"t","cellId":"web","root":true,"image":"docker.io/l)"
    R"(ibrary/busybox:latest","command":"sleep","args":["infinity"],"env":null,"ports":nu)"
    R"(ll,"volumes":null,"networks":null,"networksAliases":null,"privileged":false,"resta)"
    R"(rtPolicy":""}],"Err":null},"error":null})";

inline constexpr std::string_view list_stacks_request =
    R"({"method":"KukeonV1.ListStacks","params":[{"RealmName":"r","SpaceName":""}],"id":4)"
    R"(})";

inline constexpr std::string_view list_stacks_response =
    R"({"id":4,"result":{"Stacks":[],"Err":null},"error":null})";

inline constexpr std::string_view stop_cell_request =
    R"({"method":"KukeonV1.StopCell","params":[{"Doc":{"apiVersion":"","kind":"","metadat)"
    R"(a":{"name":"web","labels":null},"spec":{"id":"","realmId":"r","spaceId":"s","stack)"
    R"(Id":"t","containers":null},"status":{"state":"Pending","cgroupPath":"","network":{)"
    R"(},"containers":null,"createdAt":"0001-01-01T00:00:00Z","updatedAt":"0001-01-01T00:)"
    R"(00:00Z","readyAt":"0001-01-01T00:00:00Z"}}}],"id":5})";

inline constexpr std::string_view stop_cell_response =
    R"({"id":5,"result":{"Result":{"Cell":{"apiVersion":"","kind":"","metadata":{"name":")"
    R"(","labels":null},"spec":{"id":"","realmId":"","spaceId":"","stackId":"","container)"
    R"(s":null},"status":{"state":"Pending","cgroupPath":"","network":{},"containers":nul)"
    R"(l,"createdAt":"0001-01-01T00:00:00Z","updatedAt":"0001-01-01T00:00:00Z","readyAt":)"
    R"("0001-01-01T00:00:00Z"}},"Stopped":false},"Err":{"Kind":"Unknown","Message":"cell )"
    R"(\"web\" not found in realm \"r\", space \"s\", stack \"t\""}},"error":null})";

inline constexpr std::string_view attach_container_request =
    R"({"method":"KukeonV1.AttachContainer","params":[{"Doc":{"apiVersion":"","kind":"",")"
    R"(metadata":{"name":"app","labels":null},"spec":{"id":"","realmId":"r","spaceId":"s")"
    R"(,"stackId":"t","cellId":"web","image":"","command":"","args":null,"env":null,"port)"
    R"(s":null,"volumes":null,"networks":null,"networksAliases":null,"privileged":false,")"
    R"(restartPolicy":""},"status":{"name":"","id":"","state":"Pending","restartCount":0,)"
    R"("restartTime":"0001-01-01T00:00:00Z","startTime":"0001-01-01T00:00:00Z","finishTim)"
    R"(e":"0001-01-01T00:00:00Z","exitCode":0,"exitSignal":""}}}],"id":6})";

inline constexpr std::string_view attach_container_response =
    R"({"id":6,"result":{"Result":{"HostSocketPath":""},"Err":{"Kind":"AttachNotSupported)"
    R"(","Message":"container is not attachable; recreate with attachable=true"}},"error")"
    R"(:null})";

inline constexpr std::string_view delete_realm_request =
    R"({"method":"KukeonV1.DeleteRealm","params":[{"Doc":{"apiVersion":"","kind":"","meta)"
    R"(data":{"name":"dev","labels":null},"spec":{"namespace":""},"status":{"state":"Pend)"
    R"(ing","createdAt":"0001-01-01T00:00:00Z","updatedAt":"0001-01-01T00:00:00Z","readyA)"
    R"(t":"0001-01-01T00:00:00Z"}},"Force":false,"Cascade":false}],"id":8})";

inline constexpr std::string_view delete_realm_response =
    R"({"id":8,"result":{"Result":{"Realm":{"apiVersion":"","kind":"","metadata":{"name":)"
    R"("","labels":null},"spec":{"namespace":""},"status":{"state":"Pending","createdAt":)"
    R"("0001-01-01T00:00:00Z","updatedAt":"0001-01-01T00:00:00Z","readyAt":"0001-01-01T00)"
    R"(:00:00Z"}},"Deleted":null,"MetadataDeleted":false,"CgroupDeleted":false,"Container)"
    R"(dNamespaceDeleted":false},"Err":{"Kind":"ResourceHasDependencies","Message":"faile)"
    R"(d to delete realm: resource has child resources: realm \"dev\" has 2 space(s). Use)"
    R"( --cascade to delete them or --force to skip validation"}},"error":null})";

inline constexpr std::string_view purge_stack_request =
    R"({"method":"KukeonV1.PurgeStack","params":[{"Doc":{"apiVersion":"","kind":"","metad)"
    R"(ata":{"name":"t","labels":null},"spec":{"id":"","realmId":"r","spaceId":"s"},"stat)"
    R"(us":{"state":"Pending","cgroupPath":"","createdAt":"0001-01-01T00:00:00Z","updated)"
    R"(At":"0001-01-01T00:00:00Z","readyAt":"0001-01-01T00:00:00Z"}},"Force":false,"Casca)"
    R"(de":true}],"id":9})";

inline constexpr std::string_view purge_stack_response =
    R"({"id":9,"result":{"Result":{"Stack":{"apiVersion":"v1beta1","kind":"Stack","metada)"
    R"(ta":{"name":"t","labels":null},"spec":{"id":"t","realmId":"r","spaceId":"s"},"stat)"
    R"(us":{"state":"Ready","cgroupPath":"/p","createdAt":"2026-05-14T21:10:38.123456789Z)"
    R"(","updatedAt":"2026-05-14T21:10:38.123456789Z","readyAt":"2026-05-14T21:10:38.1234)"
    R"(56789Z"}},"Deleted":["cell:web","metadata","cgroup"],"Purged":["cni-resources","or)"
    R"(phaned-containers","all-metadata"]},"Err":null},"error":null})";

inline constexpr std::string_view refresh_all_request =
    R"({"method":"KukeonV1.RefreshAll","params":[{}],"id":10})";

inline constexpr std::string_view refresh_all_response =
    R"({"id":10,"result":{"Result":{"RealmsFound":["default"],"SpacesFound":[],"StacksFou)"
    R"(nd":[],"CellsFound":[],"ContainersFound":[],"RealmsUpdated":[],"SpacesUpdated":[],)"
    R"("StacksUpdated":[],"CellsUpdated":[],"ContainersUpdated":[],"Errors":[]},"Err":nul)"
    R"(l},"error":null})";

inline constexpr std::string_view apply_documents_request =
    R"({"method":"KukeonV1.ApplyDocuments","params":[{"RawYAML":"a2luZDogUmVhbG0KbWV0YWRh)"
    R"(dGE6IHtuYW1lOiBkZXZ9Ci0tLQpraW5kOiBTcGFjZQptZXRhZGF0YToge25hbWU6IHN9CnNwZWM6IHtyZW)"
    R"(FsbUlkOiBkZXYsIGNuaUNvbmZpZ1BhdGg6IC94fQo="}],"id":11})";

inline constexpr std::string_view apply_documents_response =
    R"({"id":11,"result":{"Result":{"Resources":[{"Index":0,"Kind":"Realm","Name":"dev",")"
    R"(Action":"created","Error":"","Changes":null,"Details":null},{"Index":1,"Kind":"Spa)"
    R"(ce","Name":"s","Action":"failed","Error":"space \"s\" has breaking changes: [spec.)"
    R"(cniConfigPath]. Delete the space and recreate it with the new spec","Changes":null)"
    R"(,"Details":{}}]},"Err":null},"error":null})";

inline constexpr std::string_view list_images_request =
    R"({"method":"KukeonV1.ListImages","params":[{"Realm":"default"}],"id":12})";

inline constexpr std::string_view list_images_response =
    R"({"id":12,"result":{"Result":{"Realm":"default","Namespace":"default.kukeon.io","Im)"
    R"(ages":[{"Name":"docker.io/library/busybox:latest","Size":-1,"CreatedAt":"2026-05-1)"
    R"(4T21:10:38.123456789Z","Digest":"sha256:00","MediaType":"application/vnd.oci.image)"
    R"(.index.v1+json","Labels":null}]},"Err":null},"error":null})";

inline constexpr std::string_view load_image_request =
    R"({"method":"KukeonV1.LoadImage","params":[{"Realm":"default","Tarball":null}],"id":)"
    R"(13})";

inline constexpr std::string_view load_image_response =
    R"({"id":13,"result":{"Result":{"Realm":"","Namespace":"","Images":null},"Err":{"Kind)"
    R"(":"Unknown","Message":"image tarball is required"}},"error":null})";

inline constexpr std::string_view log_container_response =
    R"({"id":7,"result":{"Result":{"HostCapturePath":"","HostLogPath":"/opt/kukeon/data/r)"
    R"(/s/t/web/app/log"},"Err":null},"error":null})";

}  // namespace kukeon::api::testing
