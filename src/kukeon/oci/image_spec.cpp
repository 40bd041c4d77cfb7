// SPDX-License-Identifier: Apache-2.0
#include "kukeon/oci/image_spec.h"

#include "kukeon/reflect/json.h"

namespace kukeon::oci {

std::string Platform::to_string() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty()) text += "/" + variant;
  return text;
}

Platform Platform::host() {
#if defined(__x86_64__)
  return {.architecture = "amd64", .os = "linux", .variant = ""};
#elif defined(__aarch64__)
  return {.architecture = "arm64", .os = "linux", .variant = ""};
#elif defined(__arm__)
  return {.architecture = "arm", .os = "linux", .variant = "v7"};
#elif defined(__i386__)
  return {.architecture = "386", .os = "linux", .variant = ""};
#elif defined(__riscv) && __riscv_xlen == 64
  return {.architecture = "riscv64", .os = "linux", .variant = ""};
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
  return {.architecture = "ppc64le", .os = "linux", .variant = ""};
#elif defined(__s390x__)
  return {.architecture = "s390x", .os = "linux", .variant = ""};
#else
#error "name this architecture as Go does"
#endif
}

std::string to_json(const Index& index) { return reflect::to_json(index); }
std::string to_json(const Manifest& manifest) { return reflect::to_json(manifest); }
std::string to_json(const ImageConfig& config) { return reflect::to_json(config); }

Index parse_index(std::string_view json) { return reflect::from_json<Index>(json); }
Manifest parse_manifest(std::string_view json) { return reflect::from_json<Manifest>(json); }
ImageConfig parse_image_config(std::string_view json) {
  return reflect::from_json<ImageConfig>(json);
}
reflect::List<DockerArchiveImage> parse_docker_archive_manifest(std::string_view json) {
  return reflect::from_json<reflect::List<DockerArchiveImage>>(json);
}

}  // namespace kukeon::oci
