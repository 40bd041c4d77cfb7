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

// Makes sure that a space exists; an existing document is not changed.
struct CreateSpace {
  static constexpr std::string_view name = "CreateSpace";
  using Request = DocRequest<v1beta1::SpaceDoc>;
  struct Result {
    v1beta1::SpaceDoc doc{};
    bool metadata_exists_pre = false;
    bool metadata_exists_post = false;
    bool cgroup_exists_pre = false;
    bool cgroup_exists_post = false;
    bool cgroup_created = false;
    bool cni_network_exists_pre = false;
    bool cni_network_exists_post = false;
    bool cni_network_created = false;
    bool created = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Space", &Result::doc, always, "The document as it is stored."),
          reflect::field("MetadataExistsPre", &Result::metadata_exists_pre, always,
                         "The document existed before."),
          reflect::field("MetadataExistsPost", &Result::metadata_exists_post, always,
                         "The document exists now."),
          reflect::field("CgroupExistsPre", &Result::cgroup_exists_pre, always,
                         "The cgroup existed before."),
          reflect::field("CgroupExistsPost", &Result::cgroup_exists_post, always,
                         "The cgroup exists now."),
          reflect::field("CgroupCreated", &Result::cgroup_created, always, "The cgroup was made."),
          reflect::field("CNINetworkExistsPre", &Result::cni_network_exists_pre, always,
                         "The network existed before."),
          reflect::field("CNINetworkExistsPost", &Result::cni_network_exists_post, always,
                         "The network exists now."),
          reflect::field("CNINetworkCreated", &Result::cni_network_created, always,
                         "The network was made."),
          reflect::field("Created", &Result::created, always, "It is new."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// A missing space is an answer, not an error.
struct GetSpace {
  static constexpr std::string_view name = "GetSpace";
  using Request = DocRequest<v1beta1::SpaceDoc>;
  struct Result {
    v1beta1::SpaceDoc doc{};
    bool metadata_exists = false;
    bool cgroup_exists = false;
    bool cni_network_exists = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Space", &Result::doc, always, "The document, empty when there is none."),
          reflect::field("MetadataExists", &Result::metadata_exists, always,
                         "The document exists."),
          reflect::field("CgroupExists", &Result::cgroup_exists, always, "The cgroup exists."),
          reflect::field("CNINetworkExists", &Result::cni_network_exists, always,
                         "The network exists."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// The spaces of one realm or of all.
struct ListSpaces {
  static constexpr std::string_view name = "ListSpaces";
  struct Request {
    std::string realm_name{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("RealmName", &Request::realm_name, always,
                         "Only of this realm; empty: any."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  using Reply = ListReply<v1beta1::SpaceDoc, "Spaces">;
};

// Refused while the space has stacks, unless forced or cascading.
struct DeleteSpace {
  static constexpr std::string_view name = "DeleteSpace";
  using Request = RemovalRequest<v1beta1::SpaceDoc>;
  struct Result {
    v1beta1::SpaceDoc doc{};
    std::string space_name{};
    std::string realm_name{};
    bool metadata_deleted = false;
    bool cgroup_deleted = false;
    bool cni_network_deleted = false;
    reflect::StringList deleted{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Space", &Result::doc, always, "The document as it was."),
          reflect::field("SpaceName", &Result::space_name, always, "Name of the space."),
          reflect::field("RealmName", &Result::realm_name, always, "Name of the realm."),
          reflect::field("MetadataDeleted", &Result::metadata_deleted, always,
                         "The document was removed."),
          reflect::field("CgroupDeleted", &Result::cgroup_deleted, always,
                         "The cgroup was removed."),
          reflect::field("CNINetworkDeleted", &Result::cni_network_deleted, always,
                         "The network was removed."),
          reflect::field("Deleted", &Result::deleted, always, "What was removed."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Deletes, and sweeps what a delete leaves to others.
struct PurgeSpace {
  static constexpr std::string_view name = "PurgeSpace";
  using Request = RemovalRequest<v1beta1::SpaceDoc>;
  struct Result {
    v1beta1::SpaceDoc doc{};
    bool metadata_deleted = false;
    bool cgroup_deleted = false;
    bool cni_network_deleted = false;
    bool purge_succeeded = false;
    bool force = false;
    bool cascade = false;
    reflect::StringList deleted{};
    reflect::StringList purged{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Space", &Result::doc, always, "The document as it was."),
          reflect::field("MetadataDeleted", &Result::metadata_deleted, always,
                         "The document was removed."),
          reflect::field("CgroupDeleted", &Result::cgroup_deleted, always,
                         "The cgroup was removed."),
          reflect::field("CNINetworkDeleted", &Result::cni_network_deleted, always,
                         "The network was removed."),
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
