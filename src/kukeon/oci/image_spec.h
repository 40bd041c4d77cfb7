// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "kukeon/reflect/field.h"
#include "kukeon/reflect/values.h"

// The part of the OCI image specification that an importer needs, and Docker's two names for the
// same things.
namespace kukeon::oci {

namespace media {
inline constexpr std::string_view index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view layer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view docker_index =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view docker_manifest =
    "application/vnd.docker.distribution.manifest.v2+json";

inline bool is_index(std::string_view type) { return type == index || type == docker_index; }
inline bool is_manifest(std::string_view type) {
  return type == manifest || type == docker_manifest;
}
}  // namespace media

// Annotations of a layout's index.json that carry an image's name.
inline constexpr std::string_view containerd_name_annotation = "io.containerd.image.name";
inline constexpr std::string_view ref_name_annotation = "org.opencontainers.image.ref.name";

struct Platform {
  std::string architecture;
  std::string os;
  std::string variant;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("architecture", &Platform::architecture, always, "As Go names it."),
        reflect::field("os", &Platform::os, always, "linux."),
        reflect::field("variant", &Platform::variant, omitempty, "Of the architecture."),
    };
  }
  bool operator==(const Platform&) const = default;

  // "linux/arm64/v8"
  std::string to_string() const;
  // What this program was built for.
  static Platform host();
};

struct Descriptor {
  std::string media_type;
  std::string digest;
  std::int64_t size = 0;
  reflect::Labelset annotations;
  std::optional<Platform> platform;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("mediaType", &Descriptor::media_type, always, "What the blob is."),
        reflect::field("digest", &Descriptor::digest, always, "sha256:…"),
        reflect::field("size", &Descriptor::size, always, "Bytes."),
        reflect::field("annotations", &Descriptor::annotations, omitempty, "Among them the name."),
        reflect::field("platform", &Descriptor::platform, omitempty, "Of a manifest in an index."),
    };
  }
  bool operator==(const Descriptor&) const = default;
};

struct Index {
  int schema_version = 2;
  std::string media_type;
  reflect::List<Descriptor> manifests;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("schemaVersion", &Index::schema_version, always, "2."),
        reflect::field("mediaType", &Index::media_type, omitempty, "Of this document."),
        reflect::field("manifests", &Index::manifests, always, "One a platform."),
    };
  }
  bool operator==(const Index&) const = default;
};

struct Manifest {
  int schema_version = 2;
  std::string media_type;
  Descriptor config;
  reflect::List<Descriptor> layers;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("schemaVersion", &Manifest::schema_version, always, "2."),
        reflect::field("mediaType", &Manifest::media_type, omitempty, "Of this document."),
        reflect::field("config", &Manifest::config, always, "The image's configuration."),
        reflect::field("layers", &Manifest::layers, always, "Bottom first."),
    };
  }
  bool operator==(const Manifest&) const = default;
};

// A JSON object whose members nobody reads: Go's struct{}.
struct Empty {
  static constexpr auto fields() { return std::tuple{}; }
  bool operator==(const Empty&) const = default;
};

// How a container of the image starts.
struct ContainerConfig {
  std::string user;
  reflect::Map<Empty> exposed_ports;
  reflect::StringList env;
  reflect::StringList entrypoint;
  reflect::StringList cmd;
  std::string working_dir;
  reflect::Labelset labels;
  std::string stop_signal;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("User", &ContainerConfig::user, omitempty, "user[:group]."),
        reflect::field("ExposedPorts", &ContainerConfig::exposed_ports, omitempty, "Information."),
        reflect::field("Env", &ContainerConfig::env, omitempty, "KEY=value."),
        reflect::field("Entrypoint", &ContainerConfig::entrypoint, omitempty, "First arguments."),
        reflect::field("Cmd", &ContainerConfig::cmd, omitempty, "Default further arguments."),
        reflect::field("WorkingDir", &ContainerConfig::working_dir, omitempty, "Or /."),
        reflect::field("Labels", &ContainerConfig::labels, omitempty, "Free."),
        reflect::field("StopSignal", &ContainerConfig::stop_signal, omitempty, "SIGTERM if none."),
    };
  }
  bool operator==(const ContainerConfig&) const = default;
};

struct RootFs {
  std::string type = "layers";
  reflect::StringList diff_ids;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("type", &RootFs::type, always, "layers."),
        reflect::field("diff_ids", &RootFs::diff_ids, always,
                       "Digests of the uncompressed layers, bottom first."),
    };
  }
  bool operator==(const RootFs&) const = default;
};

struct ImageConfig {
  std::string architecture;
  std::string os;
  std::string variant;
  ContainerConfig config;
  RootFs rootfs;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("architecture", &ImageConfig::architecture, always, "As Go names it."),
        reflect::field("os", &ImageConfig::os, always, "linux."),
        reflect::field("variant", &ImageConfig::variant, omitempty, "Of the architecture."),
        reflect::field("config", &ImageConfig::config, always, "How a container starts."),
        reflect::field("rootfs", &ImageConfig::rootfs, always, "The layers."),
    };
  }
  bool operator==(const ImageConfig&) const = default;
};

// One entry of `docker save`'s manifest.json.
struct DockerArchiveImage {
  std::string config;
  reflect::StringList repo_tags;
  reflect::StringList layers;

  static constexpr auto fields() {
    using enum reflect::Tag;
    return std::tuple{
        reflect::field("Config", &DockerArchiveImage::config, always, "Path of the config."),
        reflect::field("RepoTags", &DockerArchiveImage::repo_tags, always, "Names, or null."),
        reflect::field("Layers", &DockerArchiveImage::layers, always, "Paths, bottom first."),
    };
  }
  bool operator==(const DockerArchiveImage&) const = default;
};

std::string to_json(const Index& index);
std::string to_json(const Manifest& manifest);
std::string to_json(const ImageConfig& config);

// Members that we do not know are ignored. Throw decode_failed.
Index parse_index(std::string_view json);
Manifest parse_manifest(std::string_view json);
ImageConfig parse_image_config(std::string_view json);
reflect::List<DockerArchiveImage> parse_docker_archive_manifest(std::string_view json);

}  // namespace kukeon::oci
