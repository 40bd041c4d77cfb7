// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/api/method.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

// Calls about manifests, beside ApplyDocuments (daemon_methods.h): what one would do, and deleting
// what it names.
namespace kukeon::api {

// One field of a planned change. Values of secrets are never in it.
struct PlannedField {
  std::string path{};
  std::string before{};
  std::string after{};
  std::string effect{};

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("path", &PlannedField::path, always, "Where it stands."),
        reflect::field("before", &PlannedField::before, always, "Its value now, as JSON."),
        reflect::field("after", &PlannedField::after, always, "Its value then."),
        reflect::field("effect", &PlannedField::effect, always, "live, recreate or refused."),
    };
  }
  bool operator==(const PlannedField&) const = default;
};

struct PlannedContainer {
  std::string id{};
  std::string action{};
  reflect::List<PlannedField> changed{};

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("id", &PlannedContainer::id, always, "Name within its cell."),
        reflect::field("action", &PlannedContainer::action, always,
                       "add, remove, recreate, restart or live."),
        reflect::field("fields", &PlannedContainer::changed, omitempty, "What differs."),
    };
  }
  bool operator==(const PlannedContainer&) const = default;
};

struct PlannedObject {
  std::string verb{};
  std::string object{};

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("verb", &PlannedObject::verb, always,
                       "create, change, replace, restart, start, repair or remove."),
        reflect::field("object", &PlannedObject::object, always, "What it is done to."),
    };
  }
  bool operator==(const PlannedObject&) const = default;
};

struct PlannedChange {
  std::int64_t index = 0;
  std::string kind{};
  std::string name{};
  std::string path{};
  std::string action{};
  std::int64_t generation = 0;
  std::string error{};
  reflect::List<PlannedField> changed{};
  reflect::List<PlannedContainer> containers{};
  reflect::List<PlannedObject> objects{};

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("index", &PlannedChange::index, always,
                       "Position of the document, from 0; -1: nobody wrote it down."),
        reflect::field("kind", &PlannedChange::kind, always, "Kind of the document."),
        reflect::field("name", &PlannedChange::name, always, "Name."),
        reflect::field("path", &PlannedChange::path, always, "Names from the realm down."),
        reflect::field("action", &PlannedChange::action, always,
                       "none, create, update, start, delete or refuse."),
        reflect::field("generation", &PlannedChange::generation, omitempty,
                       "Of the document that it was compared with."),
        reflect::field("error", &PlannedChange::error, omitempty, "Why it is refused."),
        reflect::field("fields", &PlannedChange::changed, omitempty,
                       "What differs outside the containers."),
        reflect::field("containers", &PlannedChange::containers, omitempty,
                       "Containers that it touches."),
        reflect::field("objects", &PlannedChange::objects, omitempty, "All that it touches."),
    };
  }
  bool operator==(const PlannedChange&) const = default;
};

// Ours: what ApplyDocuments would do with the same request. Changes nothing.
struct PlanDocuments {
  static constexpr std::string_view name = "PlanDocuments";
  struct Request {
    reflect::Bytes raw_yaml{};
    std::string validate{};
    std::string set{};
    bool prune = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("RawYAML", &Request::raw_yaml, always, "Documents, separated by `---`."),
          reflect::field("Validate", &Request::validate, omitempty,
                         "What unknown fields are: strict, warn or ignore; empty: the daemon's."),
          reflect::field("Set", &Request::set, omitempty, "Name of the set they belong to."),
          reflect::field("Prune", &Request::prune, omitempty,
                         "Delete what the set declared before and does not now."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    std::string hash{};
    reflect::List<PlannedChange> changes{};
    reflect::StringList warnings{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("hash", &Result::hash, always, "Of all that the plan says."),
          reflect::field("changes", &Result::changes, always, "In the order of execution."),
          reflect::field("warnings", &Result::warnings, omitempty, "Unknown fields, with warn."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// What became of one document of a DeleteDocuments.
struct DeletedResource {
  std::int64_t index = 0;
  std::string kind{};
  std::string name{};
  std::string action{};
  std::string error{};
  reflect::StringList cascaded{};
  reflect::Labelset details{};

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("index", &DeletedResource::index, always, "Position of the document."),
        reflect::field("kind", &DeletedResource::kind, always, "Kind of the document."),
        reflect::field("name", &DeletedResource::name, always, "Name."),
        reflect::field("action", &DeletedResource::action, always, "deleted, not found or failed."),
        reflect::field("error", &DeletedResource::error, omitempty, "Why it failed."),
        reflect::field("cascaded", &DeletedResource::cascaded, omitempty,
                       "Children that went with it, as `stack:front`."),
        reflect::field("details", &DeletedResource::details, omitempty, "What else went."),
    };
  }
  bool operator==(const DeletedResource&) const = default;
};

// Deletes what the documents name, children before parents (wire.md §13).
struct DeleteDocuments {
  static constexpr std::string_view name = "DeleteDocuments";
  struct Request {
    reflect::Bytes raw_yaml{};
    bool cascade = false;
    bool force = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("RawYAML", &Request::raw_yaml, always, "Documents, separated by `---`."),
          reflect::field("Cascade", &Request::cascade, always, "Delete the children first."),
          reflect::field("Force", &Request::force, always, "Skip the check for children."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    reflect::List<DeletedResource> resources{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Resources", &Result::resources, always, "One entry a document."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

}  // namespace kukeon::api
