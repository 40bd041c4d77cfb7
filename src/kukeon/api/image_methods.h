// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/api/method.h"
#include "kukeon/base/timestamp.h"
#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

namespace kukeon::api {

// One image of a realm.
struct ImageInfo {
  std::string name{};
  std::int64_t size = 0;
  Timestamp created_at{};
  std::string digest{};
  std::string media_type{};
  reflect::Labelset labels{};

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("Name", &ImageInfo::name, always, "Reference."),
        reflect::field("Size", &ImageInfo::size, always, "Bytes; -1 where unknown."),
        reflect::field("CreatedAt", &ImageInfo::created_at, always, "When it was made."),
        reflect::field("Digest", &ImageInfo::digest, always, "Of its manifest or index."),
        reflect::field("MediaType", &ImageInfo::media_type, always, "Of its manifest or index."),
        reflect::field("Labels", &ImageInfo::labels, always, "Labels in containerd."),
    };
  }
  bool operator==(const ImageInfo&) const = default;
};

// Imports an archive that travels with the call. Prefer LoadImageFile for anything big.
struct LoadImage {
  static constexpr std::string_view name = "LoadImage";
  struct Request {
    std::string realm{};
    reflect::Bytes tarball{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Request::realm, always, "Name of the realm; required."),
          reflect::field("Tarball", &Request::tarball, always, "The archive."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    std::string realm{};
    std::string containerd_namespace{};
    reflect::StringList images{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::realm, always, "Name of the realm."),
          reflect::field("Namespace", &Result::containerd_namespace, always,
                         "Its containerd namespace."),
          reflect::field("Images", &Result::images, always, "References of the images."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// The images of one realm.
struct ListImages {
  static constexpr std::string_view name = "ListImages";
  struct Request {
    std::string realm{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Request::realm, always, "Name of the realm; required."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    std::string realm{};
    std::string containerd_namespace{};
    reflect::List<ImageInfo> images{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::realm, always, "Name of the realm."),
          reflect::field("Namespace", &Result::containerd_namespace, always,
                         "Its containerd namespace."),
          reflect::field("Images", &Result::images, always, "Sorted by name."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// One image of a realm.
struct GetImage {
  static constexpr std::string_view name = "GetImage";
  struct Request {
    std::string realm{};
    std::string ref{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Request::realm, always, "Name of the realm; required."),
          reflect::field("Ref", &Request::ref, always, "The image reference."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    std::string realm{};
    std::string containerd_namespace{};
    ImageInfo image{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::realm, always, "Name of the realm."),
          reflect::field("Namespace", &Result::containerd_namespace, always,
                         "Its containerd namespace."),
          reflect::field("Image", &Result::image, always, "The image."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Removes one reference.
struct DeleteImage {
  static constexpr std::string_view name = "DeleteImage";
  struct Request {
    std::string realm{};
    std::string ref{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Request::realm, always, "Name of the realm; required."),
          reflect::field("Ref", &Request::ref, always, "The image reference."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    std::string realm{};
    std::string containerd_namespace{};
    std::string ref{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::realm, always, "Name of the realm."),
          reflect::field("Namespace", &Result::containerd_namespace, always,
                         "Its containerd namespace."),
          reflect::field("Ref", &Result::ref, always, "The image reference."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Ours: LoadImage of a file on the daemon's host, so that nothing big passes through JSON.
struct LoadImageFile {
  static constexpr std::string_view name = "LoadImageFile";
  struct Request {
    std::string realm{};
    std::string path{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Request::realm, always, "Name of the realm; required."),
          reflect::field("Path", &Request::path, always, "Absolute path on the daemon's host."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    std::string realm{};
    std::string containerd_namespace{};
    reflect::StringList images{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::realm, always, "Name of the realm."),
          reflect::field("Namespace", &Result::containerd_namespace, always,
                         "Its containerd namespace."),
          reflect::field("Images", &Result::images, always, "References of the images."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Ours: makes an image from a root file system, a tar or a directory on the daemon's host.
struct ImportImage {
  static constexpr std::string_view name = "ImportImage";
  struct Request {
    std::string realm{};
    std::string ref{};
    std::string path{};
    reflect::StringList command{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Request::realm, always, "Name of the realm; required."),
          reflect::field("Ref", &Request::ref, always, "The image reference."),
          reflect::field("Path", &Request::path, always, "Absolute path on the daemon's host."),
          reflect::field("Command", &Request::command, always, "Default command of the image."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    std::string realm{};
    std::string containerd_namespace{};
    reflect::StringList images{};
    std::int64_t size = 0;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::realm, always, "Name of the realm."),
          reflect::field("Namespace", &Result::containerd_namespace, always,
                         "Its containerd namespace."),
          reflect::field("Images", &Result::images, always, "References of the images."),
          reflect::field("Size", &Result::size, always, "Bytes of the image."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Ours: brings an image in from its registry, with the realm's credentials, whatever is there of
// that name.
struct PullImage {
  static constexpr std::string_view name = "PullImage";
  struct Request {
    std::string realm{};
    std::string ref{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Request::realm, always, "Name of the realm; required."),
          reflect::field("Ref", &Request::ref, always, "The image reference."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    std::string realm{};
    std::string containerd_namespace{};
    ImageInfo image{};
    bool changed = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::realm, always, "Name of the realm."),
          reflect::field("Namespace", &Result::containerd_namespace, always,
                         "Its containerd namespace."),
          reflect::field("Image", &Result::image, always, "The image."),
          reflect::field("Changed", &Result::changed, always,
                         "Whether the name stood for another image before, or for none."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Ours: gives an image another name.
struct TagImage {
  static constexpr std::string_view name = "TagImage";
  struct Request {
    std::string realm{};
    std::string ref{};
    std::string new_ref{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Request::realm, always, "Name of the realm; required."),
          reflect::field("Ref", &Request::ref, always, "The image reference."),
          reflect::field("NewRef", &Request::new_ref, always, "The name it gets as well."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    std::string realm{};
    std::string containerd_namespace{};
    std::string ref{};

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::realm, always, "Name of the realm."),
          reflect::field("Namespace", &Result::containerd_namespace, always,
                         "Its containerd namespace."),
          reflect::field("Ref", &Result::ref, always, "The new name in full."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};

// Ours: removes images that no container of the realm uses.
struct PruneImages {
  static constexpr std::string_view name = "PruneImages";
  struct Request {
    std::string realm{};
    bool all = false;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Request::realm, always, "Name of the realm; required."),
          reflect::field("All", &Request::all, always,
                         "Also those with a tag; else only those named by a digest alone."),
      };
    }
    bool operator==(const Request&) const = default;
  };
  struct Result {
    std::string realm{};
    std::string containerd_namespace{};
    reflect::StringList images{};
    std::int64_t freed_bytes = 0;

    static constexpr auto fields() {
      using enum reflect::Tag;
      return std::tuple{
          reflect::field("Realm", &Result::realm, always, "Name of the realm."),
          reflect::field("Namespace", &Result::containerd_namespace, always,
                         "Its containerd namespace."),
          reflect::field("Images", &Result::images, always, "References of what was removed."),
          reflect::field("FreedBytes", &Result::freed_bytes, always,
                         "Bytes of the content store that nothing needed any more."),
      };
    }
    bool operator==(const Result&) const = default;
  };
  using Reply = ResultReply<Result>;
};
}  // namespace kukeon::api
