// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kukeon/api/image_methods.h"
#include "kukeon/base/error_kinds.h"
#include "kukeon/base/files.h"
#include "kukeon/base/strings.h"
#include "kukeon/daemon/handlers.h"
#include "kukeon/engine/wrap.h"

namespace kukeon::daemon {
namespace {

std::string trimmed(const std::string& text) { return std::string{trim(text)}; }

api::ImageInfo info_of(const image::ImageInfo& image) {
  api::ImageInfo info{.name = image.name,
                      .size = image.size_bytes,
                      .created_at = image.created_at,
                      .digest = image.digest,
                      .media_type = image.media_type,
                      .labels = {}};
  for (const auto& [key, value] : image.labels) info.labels[key] = value;
  return info;
}

std::string required_reference(const std::string& ref) {
  std::string text = trimmed(ref);
  if (text.empty()) throw Error{kinds::image_not_found, std::string{kinds::image_not_found.text}};
  return text;
}

fs::path absolute_path(const std::string& text) {
  fs::path path{text};
  if (path.is_absolute()) return path;
  throw Error{kinds::invalid_argument,
              fmt::format("path {} on the daemon's host must be absolute", quote(text))};
}

reflect::StringList list_of(const std::vector<std::string>& names) {
  return names.empty() ? reflect::StringList::empty_list() : reflect::StringList{names};
}

}  // namespace

void add_image_handlers(Router& router, engine::Engine& engine) {
  router.on<api::LoadImage>([&engine](const api::LoadImage::Request& request) {
    if (request.tarball.data.empty()) {
      throw Error{kinds::invalid_argument, "image tarball is required"};
    }
    const std::string ns = engine.namespace_of(request.realm);
    const auto names = during(std::string{kinds::load_image.text}, [&] {
      return engine.images().load_archive(ns,
                                          image::source_of(std::string_view{request.tarball.data}));
    });
    return api::LoadImage::Result{trimmed(request.realm), ns, list_of(names)};
  });
  router.on<api::LoadImageFile>([&engine](const api::LoadImageFile::Request& request) {
    const std::string ns = engine.namespace_of(request.realm);
    const auto names = during(std::string{kinds::load_image.text}, [&] {
      return engine.images().load_archive(ns, absolute_path(request.path));
    });
    return api::LoadImageFile::Result{trimmed(request.realm), ns, list_of(names)};
  });
  router.on<api::ImportImage>([&engine](const api::ImportImage::Request& request) {
    const std::string ns = engine.namespace_of(request.realm);
    image::RootfsConfig config;
    config.command = request.command;
    return during(fmt::format("failed to import image {}", request.ref), [&] {
      const std::string name = engine.images().import_rootfs(ns, required_reference(request.ref),
                                                             absolute_path(request.path), config);
      return api::ImportImage::Result{
          trimmed(request.realm), ns, {name}, engine.images().get(ns, name).size_bytes};
    });
  });
  router.on<api::ListImages>([&engine](const api::ListImages::Request& request) {
    const std::string ns = engine.namespace_of(request.realm);
    api::ListImages::Result result{trimmed(request.realm), ns, {}};
    result.images = decltype(result.images)::empty_list();
    for (const auto& image : engine.images().list(ns)) result.images.push_back(info_of(image));
    return result;
  });
  router.on<api::GetImage>([&engine](const api::GetImage::Request& request) {
    if (trim(request.realm).empty()) engine.namespace_of(request.realm);
    const std::string ref = required_reference(request.ref);
    const std::string ns = engine.namespace_of(request.realm);
    return api::GetImage::Result{trimmed(request.realm), ns, info_of(engine.images().get(ns, ref))};
  });
  router.on<api::DeleteImage>([&engine](const api::DeleteImage::Request& request) {
    if (trim(request.realm).empty()) engine.namespace_of(request.realm);
    const std::string ref = required_reference(request.ref);
    const std::string ns = engine.namespace_of(request.realm);
    engine.images().remove(ns, ref);
    return api::DeleteImage::Result{trimmed(request.realm), ns, ref};
  });
  router.on<api::PullImage>([&engine](const api::PullImage::Request& request) {
    const std::string ns = engine.namespace_of(request.realm);
    const std::string ref = required_reference(request.ref);
    const auto before = engine.images().find(ns, ref);
    const std::string name = engine.pull_image(request.realm, ref);
    const auto image = engine.images().get(ns, name);
    return api::PullImage::Result{trimmed(request.realm), ns, info_of(image),
                                  !before || before->digest != image.digest};
  });
  router.on<api::TagImage>([&engine](const api::TagImage::Request& request) {
    const std::string ns = engine.namespace_of(request.realm);
    return api::TagImage::Result{
        trimmed(request.realm), ns,
        engine.images().tag(ns, required_reference(request.ref), trimmed(request.new_ref))};
  });
  router.on<api::PruneImages>([&engine](const api::PruneImages::Request& request) {
    const std::string ns = engine.namespace_of(request.realm);
    const auto pruned = engine.prune_images(
        request.realm, request.all ? engine::Prune::all_unused : engine::Prune::by_digest_only);
    return api::PruneImages::Result{trimmed(request.realm), ns, list_of(pruned.names),
                                    pruned.freed_bytes};
  });
}

}  // namespace kukeon::daemon
