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

// Makes sure that a stack exists; an existing document is not changed.
struct CreateStack {
  static constexpr std::string_view name = "CreateStack";
  using Request = DocRequest<v1beta1::StackDoc>;
  struct Result {
    v1beta1::StackDoc doc{};
    bool metadata_exists_pre = false;
    bool metadata_exists_post = false;
    bool cgroup_exists_pre = false;
    bool cgroup_exists_post = false;
    bool cgroup_created = false;
    bool created = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Stack", &Result::doc, always, "The document as it is stored."),
          reflect::field("MetadataExistsPre", &Result::metadata_exists_pre, always,
                         "The document existed before."),
          reflect::field("MetadataExistsPost", &Result::metadata_exists_post, always,
                         "The document exists now."),
          reflect::field("CgroupExistsPre", &Result::cgroup_exists_pre, always,
                         "The cgroup existed before."),
          reflect::field("CgroupExistsPost", &Result::cgroup_exists_post, always,
                         "The cgroup exists now."),
          reflect::field("CgroupCreated", &Result::cgroup_created, always, "The cgroup was made."),
          reflect::field("Created", &Result::created, always, "It is new."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// A missing stack is an answer, not an error.
struct GetStack {
  static constexpr std::string_view name = "GetStack";
  using Request = DocRequest<v1beta1::StackDoc>;
  struct Result {
    v1beta1::StackDoc doc{};
    bool metadata_exists = false;
    bool cgroup_exists = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Stack", &Result::doc, always, "The document, empty when there is none."),
          reflect::field("MetadataExists", &Result::metadata_exists, always,
                         "The document exists."),
          reflect::field("CgroupExists", &Result::cgroup_exists, always, "The cgroup exists."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// The stacks below a realm or space, or all.
struct ListStacks {
  static constexpr std::string_view name = "ListStacks";
  struct Request {
    std::string realm_name{};
    std::string space_name{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("RealmName", &Request::realm_name, always,
                         "Only of this realm; empty: any."),
          reflect::field("SpaceName", &Request::space_name, always,
                         "Only of this space; empty: any."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  using Reply = ListReply<v1beta1::StackDoc, "Stacks">;
};

// Refused while the stack has cells, unless forced or cascading.
struct DeleteStack {
  static constexpr std::string_view name = "DeleteStack";
  using Request = RemovalRequest<v1beta1::StackDoc>;
  struct Result {
    v1beta1::StackDoc doc{};
    std::string stack_name{};
    std::string realm_name{};
    std::string space_name{};
    bool metadata_deleted = false;
    bool cgroup_deleted = false;
    reflect::StringList deleted{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Stack", &Result::doc, always, "The document as it was."),
          reflect::field("StackName", &Result::stack_name, always, "Name of the stack."),
          reflect::field("RealmName", &Result::realm_name, always, "Name of the realm."),
          reflect::field("SpaceName", &Result::space_name, always, "Name of the space."),
          reflect::field("MetadataDeleted", &Result::metadata_deleted, always,
                         "The document was removed."),
          reflect::field("CgroupDeleted", &Result::cgroup_deleted, always,
                         "The cgroup was removed."),
          reflect::field("Deleted", &Result::deleted, always, "What was removed."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Deletes, and sweeps what a delete leaves to others.
struct PurgeStack {
  static constexpr std::string_view name = "PurgeStack";
  using Request = RemovalRequest<v1beta1::StackDoc>;
  struct Result {
    v1beta1::StackDoc doc{};
    reflect::StringList deleted{};
    reflect::StringList purged{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Stack", &Result::doc, always, "The document as it was."),
          reflect::field("Deleted", &Result::deleted, always, "What was removed."),
          reflect::field("Purged", &Result::purged, always, "What was removed beyond that."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};
}  // namespace kukeon::api
