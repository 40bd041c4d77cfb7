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

// Adds a container to an existing cell and starts it; an existing one is only started.
struct CreateContainer {
  static constexpr std::string_view name = "CreateContainer";
  using Request = DocRequest<v1beta1::ContainerDoc>;
  struct Result {
    v1beta1::ContainerDoc doc{};
    bool cell_metadata_exists_pre = false;
    bool cell_metadata_exists_post = false;
    bool container_exists_pre = false;
    bool container_exists_post = false;
    bool container_created = false;
    bool started = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Container", &Result::doc, always, "The document as it is stored."),
          reflect::field("CellMetadataExistsPre", &Result::cell_metadata_exists_pre, always,
                         "The cell existed before."),
          reflect::field("CellMetadataExistsPost", &Result::cell_metadata_exists_post, always,
                         "The cell exists now."),
          reflect::field("ContainerExistsPre", &Result::container_exists_pre, always,
                         "The container existed before."),
          reflect::field("ContainerExistsPost", &Result::container_exists_post, always,
                         "The container exists now."),
          reflect::field("ContainerCreated", &Result::container_created, always,
                         "The container was made."),
          reflect::field("Started", &Result::started, always, "It was started."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Unlike the other kinds, a missing container is an error.
struct GetContainer {
  static constexpr std::string_view name = "GetContainer";
  using Request = DocRequest<v1beta1::ContainerDoc>;
  struct Result {
    v1beta1::ContainerDoc doc{};
    bool cell_metadata_exists = false;
    bool container_exists = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Container", &Result::doc, always, "The document."),
          reflect::field("CellMetadataExists", &Result::cell_metadata_exists, always,
                         "The cell exists."),
          reflect::field("ContainerExists", &Result::container_exists, always,
                         "The container exists."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Specs, not documents; a cell name needs all three parents.
struct ListContainers {
  static constexpr std::string_view name = "ListContainers";
  struct Request {
    std::string realm_name{};
    std::string space_name{};
    std::string stack_name{};
    std::string cell_name{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("RealmName", &Request::realm_name, always,
                         "Only of this realm; empty: any."),
          reflect::field("SpaceName", &Request::space_name, always,
                         "Only of this space; empty: any."),
          reflect::field("StackName", &Request::stack_name, always,
                         "Only of this stack; empty: any."),
          reflect::field("CellName", &Request::cell_name, always, "Only of this cell; empty: any."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  using Reply = ListReply<v1beta1::ContainerSpec, "Containers">;
};

// Starts the task of a container.
struct StartContainer : LifecycleMethod<v1beta1::ContainerDoc, "Container", "Started"> {
  static constexpr std::string_view name = "StartContainer";
};

// Ours: ends the task of a container, if it has one, and starts it anew.
struct RestartContainer : LifecycleMethod<v1beta1::ContainerDoc, "Container", "Restarted"> {
  static constexpr std::string_view name = "RestartContainer";
};

// Ends the task of a container and keeps its definition.
struct StopContainer : LifecycleMethod<v1beta1::ContainerDoc, "Container", "Stopped"> {
  static constexpr std::string_view name = "StopContainer";
};

// As StopContainer, without a grace period.
struct KillContainer : LifecycleMethod<v1beta1::ContainerDoc, "Container", "Killed"> {
  static constexpr std::string_view name = "KillContainer";
};

// Where the terminal is; its bytes never pass through a call.
struct AttachContainer {
  static constexpr std::string_view name = "AttachContainer";
  using Request = DocRequest<v1beta1::ContainerDoc>;
  struct Result {
    std::string host_socket_path{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("HostSocketPath", &Result::host_socket_path, always,
                         "Where the terminal listens, on the host."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Where the output is; exactly one path is set.
struct LogContainer {
  static constexpr std::string_view name = "LogContainer";
  using Request = DocRequest<v1beta1::ContainerDoc>;
  struct Result {
    std::string host_capture_path{};
    std::string host_log_path{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("HostCapturePath", &Result::host_capture_path, always,
                         "Capture of an attachable container."),
          reflect::field("HostLogPath", &Result::host_log_path, always,
                         "Log of any other container."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Ends a container's task and takes it out of its cell.
struct DeleteContainer {
  static constexpr std::string_view name = "DeleteContainer";
  using Request = DocRequest<v1beta1::ContainerDoc>;
  struct Result {
    v1beta1::ContainerDoc doc{};
    bool cell_metadata_exists = false;
    bool container_exists = false;
    reflect::StringList deleted{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Container", &Result::doc, always, "The document as it was."),
          reflect::field("CellMetadataExists", &Result::cell_metadata_exists, always,
                         "The cell exists."),
          reflect::field("ContainerExists", &Result::container_exists, always,
                         "The container exists."),
          reflect::field("Deleted", &Result::deleted, always, "What was removed."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Deletes, and sweeps what a delete leaves to others.
struct PurgeContainer {
  static constexpr std::string_view name = "PurgeContainer";
  using Request = DocRequest<v1beta1::ContainerDoc>;
  struct Result {
    v1beta1::ContainerDoc doc{};
    bool cell_metadata_exists = false;
    bool container_exists = false;
    reflect::StringList deleted{};
    reflect::StringList purged{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Container", &Result::doc, always, "The document as it was."),
          reflect::field("CellMetadataExists", &Result::cell_metadata_exists, always,
                         "The cell exists."),
          reflect::field("ContainerExists", &Result::container_exists, always,
                         "The container exists."),
          reflect::field("Deleted", &Result::deleted, always, "What was removed."),
          reflect::field("Purged", &Result::purged, always, "What was removed beyond that."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};
}  // namespace kukeon::api
