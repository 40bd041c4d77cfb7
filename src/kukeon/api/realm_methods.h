// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <tuple>

#include "kukeon/api/method.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"
#include "kukeon/v1beta1/documents.h"

namespace kukeon::api {

// Makes sure that a realm exists; an existing document is not changed.
struct CreateRealm {
  static constexpr std::string_view name = "CreateRealm";
  using Request = DocRequest<v1beta1::RealmDoc>;
  struct Result {
    v1beta1::RealmDoc doc{};
    bool metadata_exists_pre = false;
    bool metadata_exists_post = false;
    bool cgroup_exists_pre = false;
    bool cgroup_exists_post = false;
    bool cgroup_created = false;
    bool containerd_namespace_exists_pre = false;
    bool containerd_namespace_exists_post = false;
    bool containerd_namespace_created = false;
    bool created = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::doc, always, "The document as it is stored."),
          reflect::field("MetadataExistsPre", &Result::metadata_exists_pre, always,
                         "The document existed before."),
          reflect::field("MetadataExistsPost", &Result::metadata_exists_post, always,
                         "The document exists now."),
          reflect::field("CgroupExistsPre", &Result::cgroup_exists_pre, always,
                         "The cgroup existed before."),
          reflect::field("CgroupExistsPost", &Result::cgroup_exists_post, always,
                         "The cgroup exists now."),
          reflect::field("CgroupCreated", &Result::cgroup_created, always, "The cgroup was made."),
          reflect::field("ContainerdNamespaceExistsPre", &Result::containerd_namespace_exists_pre,
                         always, "The namespace existed before."),
          reflect::field("ContainerdNamespaceExistsPost", &Result::containerd_namespace_exists_post,
                         always, "The namespace exists now."),
          reflect::field("ContainerdNamespaceCreated", &Result::containerd_namespace_created,
                         always, "The namespace was made."),
          reflect::field("Created", &Result::created, always, "It is new."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// A missing realm is an answer, not an error.
struct GetRealm {
  static constexpr std::string_view name = "GetRealm";
  using Request = DocRequest<v1beta1::RealmDoc>;
  struct Result {
    v1beta1::RealmDoc doc{};
    bool metadata_exists = false;
    bool cgroup_exists = false;
    bool containerd_namespace_exists = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::doc, always, "The document, empty when there is none."),
          reflect::field("MetadataExists", &Result::metadata_exists, always,
                         "The document exists."),
          reflect::field("CgroupExists", &Result::cgroup_exists, always, "The cgroup exists."),
          reflect::field("ContainerdNamespaceExists", &Result::containerd_namespace_exists, always,
                         "The namespace exists."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// All realms.
struct ListRealms {
  static constexpr std::string_view name = "ListRealms";
  using Request = EmptyRequest;
  using Reply = ListReply<v1beta1::RealmDoc, "Realms">;
};

// Refused while the realm has spaces, unless forced or cascading.
struct DeleteRealm {
  static constexpr std::string_view name = "DeleteRealm";
  using Request = RemovalRequest<v1beta1::RealmDoc>;
  struct Result {
    v1beta1::RealmDoc doc{};
    reflect::StringList deleted{};
    bool metadata_deleted = false;
    bool cgroup_deleted = false;
    bool containerd_namespace_deleted = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::doc, always, "The document as it was."),
          reflect::field("Deleted", &Result::deleted, always, "What was removed."),
          reflect::field("MetadataDeleted", &Result::metadata_deleted, always,
                         "The document was removed."),
          reflect::field("CgroupDeleted", &Result::cgroup_deleted, always,
                         "The cgroup was removed."),
          reflect::field("ContainerdNamespaceDeleted", &Result::containerd_namespace_deleted,
                         always, "The namespace was removed."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Deletes, and sweeps what a delete leaves to others.
struct PurgeRealm {
  static constexpr std::string_view name = "PurgeRealm";
  using Request = RemovalRequest<v1beta1::RealmDoc>;
  struct Result {
    v1beta1::RealmDoc doc{};
    bool realm_deleted = false;
    bool purge_succeeded = false;
    bool force = false;
    bool cascade = false;
    reflect::StringList deleted{};
    reflect::StringList purged{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::doc, always, "The document as it was."),
          reflect::field("RealmDeleted", &Result::realm_deleted, always, "The realm was removed."),
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
