// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "kukeon/base/files.h"
#include "kukeon/image/digest.h"
#include "kukeon/image/test_tar.h"
#include "kukeon/oci/image_spec.h"

// Images for tests, as OCI layouts.
namespace kukeon::support {

using image::sha256_digest;
using image::TestTar;

inline std::string config_of(const std::vector<std::string>& layers,
                             std::string_view arch = "amd64", std::string_view cmd = "sh") {
  std::string diff_ids;
  for (const auto& layer : layers) {
    diff_ids += fmt::format("{}\"{}\"", diff_ids.empty() ? "" : ",", sha256_digest(layer));
  }
  return fmt::format(
      R"({{"architecture":"{}","os":"linux","config":{{"Cmd":["{}"]}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}})",
      arch, cmd, diff_ids);
}

inline std::string descriptor(std::string_view media_type, std::string_view bytes,
                              std::string_view more = "") {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}{}}})", media_type,
                     sha256_digest(bytes), bytes.size(), more);
}

inline std::string manifest_of(const std::string& config, const std::vector<std::string>& layers,
                               std::string_view layer_type = oci::media::layer) {
  std::string list;
  for (const auto& layer : layers) {
    list += (list.empty() ? "" : ",") + descriptor(layer_type, layer);
  }
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}})",
                     oci::media::manifest, descriptor(oci::media::config, config), list);
}

inline std::string index_of(const std::vector<std::string>& descriptors) {
  std::string list;
  for (const auto& each : descriptors) list += (list.empty() ? "" : ",") + each;
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}})",
                     oci::media::index, list);
}

inline std::string blob_path(std::string_view bytes) {
  return "blobs/sha256/" + sha256_digest(bytes).substr(7);
}

inline std::string named(std::string_view name) {
  return fmt::format(R"(,"annotations":{{"org.opencontainers.image.ref.name":"{}"}})", name);
}

inline std::string platform(std::string_view arch) {
  return fmt::format(R"(,"platform":{{"architecture":"{}","os":"linux"}})", arch);
}

// One image in an OCI layout.
struct Layout {
  std::vector<std::string> layers{TestTar{}.file("bin/sh", "#!").bytes()};
  std::string config = config_of(layers);
  std::string manifest = manifest_of(config, layers);

  TestTar tar(std::string_view name = "busybox") const {
    TestTar tar;
    tar.file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    tar.file(
        "index.json",
        index_of({descriptor(oci::media::manifest, manifest, name.empty() ? "" : named(name))}));
    tar.file(blob_path(config), config).file(blob_path(manifest), manifest);
    for (const auto& layer : layers) tar.file(blob_path(layer), layer);
    return tar;
  }
};

// Writes it as a directory, `oci:<directory>:<name>` to skopeo.
inline void write_layout(const Layout& layout, const fs::path& directory,
                         std::string_view name = "image") {
  make_directories(directory / "blobs/sha256", 0755);
  write_file_in_place(directory / "oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  write_file_in_place(directory / "index.json",
                      index_of({descriptor(oci::media::manifest, layout.manifest, named(name))}));
  const auto put = [&](const std::string& blob) {
    write_file_in_place(directory / blob_path(blob), blob);
  };
  put(layout.config);
  put(layout.manifest);
  for (const auto& layer : layout.layers) put(layer);
}

}  // namespace kukeon::support
