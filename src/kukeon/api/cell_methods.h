// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/api/method.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"
#include "kukeon/v1beta1/documents.h"

namespace kukeon::api {

// What became of one container of a CreateCell request.
struct CreatedContainer {
  std::string name{};
  bool exists_pre = false;
  bool exists_post = false;
  bool created = false;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("Name", &CreatedContainer::name, always, "Id of the container."),
        reflect::field("ExistsPre", &CreatedContainer::exists_pre, always, "It existed before."),
        reflect::field("ExistsPost", &CreatedContainer::exists_post, always, "It exists now."),
        reflect::field("Created", &CreatedContainer::created, always, "It is new."),
    };
  }
  bool operator==(const CreatedContainer&) const = default;
};

// Makes sure that a cell exists and runs; an existing document is not changed.
struct CreateCell {
  static constexpr std::string_view name = "CreateCell";
  using Request = DocRequest<v1beta1::CellDoc>;
  struct Result {
    v1beta1::CellDoc doc{};
    bool metadata_exists_pre = false;
    bool metadata_exists_post = false;
    bool cgroup_exists_pre = false;
    bool cgroup_exists_post = false;
    bool cgroup_created = false;
    bool root_container_exists_pre = false;
    bool root_container_exists_post = false;
    bool root_container_created = false;
    bool started_pre = false;
    bool started_post = false;
    bool started = false;
    bool created = false;
    reflect::List<CreatedContainer> containers{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Cell", &Result::doc, always, "The document as it is stored."),
          reflect::field("MetadataExistsPre", &Result::metadata_exists_pre, always,
                         "The document existed before."),
          reflect::field("MetadataExistsPost", &Result::metadata_exists_post, always,
                         "The document exists now."),
          reflect::field("CgroupExistsPre", &Result::cgroup_exists_pre, always,
                         "The cgroup existed before."),
          reflect::field("CgroupExistsPost", &Result::cgroup_exists_post, always,
                         "The cgroup exists now."),
          reflect::field("CgroupCreated", &Result::cgroup_created, always, "The cgroup was made."),
          reflect::field("RootContainerExistsPre", &Result::root_container_exists_pre, always,
                         "The root container existed before."),
          reflect::field("RootContainerExistsPost", &Result::root_container_exists_post, always,
                         "The root container exists now."),
          reflect::field("RootContainerCreated", &Result::root_container_created, always,
                         "The root container was made."),
          reflect::field("StartedPre", &Result::started_pre, always, "Always false."),
          reflect::field("StartedPost", &Result::started_post, always, "The cell runs now."),
          reflect::field("Started", &Result::started, always, "It was started."),
          reflect::field("Created", &Result::created, always, "It is new."),
          reflect::field("Containers", &Result::containers, always,
                         "One entry a container of the request."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// A missing cell is an answer, not an error. Container statuses come fresh from the runtime.
struct GetCell {
  static constexpr std::string_view name = "GetCell";
  using Request = DocRequest<v1beta1::CellDoc>;
  struct Result {
    v1beta1::CellDoc doc{};
    bool metadata_exists = false;
    bool cgroup_exists = false;
    bool root_container_exists = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Cell", &Result::doc, always, "The document, empty when there is none."),
          reflect::field("MetadataExists", &Result::metadata_exists, always,
                         "The document exists."),
          reflect::field("CgroupExists", &Result::cgroup_exists, always, "The cgroup exists."),
          reflect::field("RootContainerExists", &Result::root_container_exists, always,
                         "The root container exists."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Ours: stop and start as one call. Refused while the cell is Pending or Unknown.
struct RestartCell : LifecycleMethod<v1beta1::CellDoc, "Cell", "Restarted"> {
  static constexpr std::string_view name = "RestartCell";
};

// The cells below a realm, space or stack, or all.
struct ListCells {
  static constexpr std::string_view name = "ListCells";
  struct Request {
    std::string realm_name{};
    std::string space_name{};
    std::string stack_name{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("RealmName", &Request::realm_name, always,
                         "Only of this realm; empty: any."),
          reflect::field("SpaceName", &Request::space_name, always,
                         "Only of this space; empty: any."),
          reflect::field("StackName", &Request::stack_name, always,
                         "Only of this stack; empty: any."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  using Reply = ListReply<v1beta1::CellDoc, "Cells">;
};

// Refused while a container of the cell is Ready.
struct StartCell : LifecycleMethod<v1beta1::CellDoc, "Cell", "Started"> {
  static constexpr std::string_view name = "StartCell";
};

// Ends a cell's tasks and keeps its definition.
struct StopCell : LifecycleMethod<v1beta1::CellDoc, "Cell", "Stopped"> {
  static constexpr std::string_view name = "StopCell";
};

// As StopCell, without a grace period.
struct KillCell : LifecycleMethod<v1beta1::CellDoc, "Cell", "Killed"> {
  static constexpr std::string_view name = "KillCell";
};

// Ends a cell's tasks and removes all of it.
struct DeleteCell {
  static constexpr std::string_view name = "DeleteCell";
  using Request = DocRequest<v1beta1::CellDoc>;
  struct Result {
    v1beta1::CellDoc doc{};
    bool containers_deleted = false;
    bool cgroup_deleted = false;
    bool metadata_deleted = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Cell", &Result::doc, always, "The document as it was."),
          reflect::field("ContainersDeleted", &Result::containers_deleted, always,
                         "Containers were removed."),
          reflect::field("CgroupDeleted", &Result::cgroup_deleted, always,
                         "The cgroup was removed."),
          reflect::field("MetadataDeleted", &Result::metadata_deleted, always,
                         "The document was removed."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Deletes, and sweeps what a delete leaves to others.
struct PurgeCell {
  static constexpr std::string_view name = "PurgeCell";
  using Request = RemovalRequest<v1beta1::CellDoc>;
  struct Result {
    v1beta1::CellDoc doc{};
    bool containers_deleted = false;
    bool cgroup_deleted = false;
    bool metadata_deleted = false;
    bool purge_succeeded = false;
    bool force = false;
    bool cascade = false;
    reflect::StringList deleted{};
    reflect::StringList purged{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Cell", &Result::doc, always, "The document as it was."),
          reflect::field("ContainersDeleted", &Result::containers_deleted, always,
                         "Containers were removed."),
          reflect::field("CgroupDeleted", &Result::cgroup_deleted, always,
                         "The cgroup was removed."),
          reflect::field("MetadataDeleted", &Result::metadata_deleted, always,
                         "The document was removed."),
          reflect::field("PurgeSucceeded", &Result::purge_succeeded, always, "Nothing failed."),
          reflect::field("Force", &Result::force, always, "As requested."),
          reflect::field("Cascade", &Result::cascade, always, "As requested."),
          reflect::field("Deleted", &Result::deleted, always, "What was removed."),
          reflect::field("Purged", &Result::purged, always, "What was removed beyond that."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};
}  // namespace kukeon::api
