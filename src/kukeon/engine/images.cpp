// SPDX-License-Identifier: Apache-2.0
// Images of a realm: what cells need is there or is pulled, and goes when nothing needs it.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/base/strings.h"
#include "kukeon/engine/engine.h"
#include "kukeon/engine/journal.h"
#include "kukeon/model/defaults.h"
#include "kukeon/model/image_reference.h"

namespace kukeon::engine {
namespace {

bool has_digest_only(const std::string& name) {
  const auto parsed = model::parse_image_reference(name);
  return parsed && parsed->tag.empty();
}

std::int64_t content_bytes(runtime::Runtime& runtime, const std::string& ns) {
  std::int64_t bytes = 0;
  for (const auto& blob : runtime.list_blobs(ns)) bytes += blob.size_bytes;
  return bytes;
}

}  // namespace

std::string Engine::pull_image(const std::string& realm, const std::string& reference) {
  const std::string ns = namespace_of(realm);
  const auto stored = realm_of({.realm = std::string{trim(realm)}});
  const auto& listed = stored->value.spec.registry_credentials;
  std::string name =
      puller_.pull(ns, reference, {listed.begin(), listed.end()}, pulls_end_.get_token());
  store_.record(journal::pulled(stored->value.path(), name));
  return name;
}

// The images of all containers, before anything is made: a misspelt one leaves nothing behind. What
// the realm does not have is pulled.
void Engine::require_images(const model::Cell& cell, const CellLayout& at) {
  for (const model::ContainerSpec& spec : cell.spec.containers) {
    if (model::is_default_root(spec)) continue;
    const std::string name = model::normalize_image_reference(spec.image);
    if (runtime_.find_image(at.ns, name)) continue;
    try {
      pull_image(at.path.realm, name);
    } catch (const Error& error) {
      std::vector<image::ImageInfo> known = images_.list(at.ns);
      std::vector<std::string_view> names;
      for (const auto& image : known) names.push_back(image.name);
      const std::string_view near = nearest(name, names);
      // Whoever asked for a cell has not asked for an image: no kind of its own on the wire.
      const bool is_missing = error.is(kinds::image_not_found) || error.is(kinds::invalid_image);
      throw Error{is_missing ? kinds::pull_image : error.kind(),
                  fmt::format("{}; container {} needs the image, and realm {} does not have it{}",
                              error.what(), quote(spec.id), quote(at.path.realm),
                              near.empty() ? "" : fmt::format(" (did you mean {}?)", quote(near)))};
    }
  }
}

PrunedImages Engine::prune_images(const std::string& realm, Prune which) {
  const std::string ns = namespace_of(realm);
  // Documents first: a cell that is being created is stored before its images are looked for.
  std::set<std::string> used;
  for (const model::ContainerSpec& spec : list_containers({.realm = std::string{trim(realm)}})) {
    used.insert(model::normalize_image_reference(spec.image));
  }
  for (const auto& container : runtime_.list_containers(ns)) used.insert(container.image);

  PrunedImages pruned;
  const std::int64_t before = content_bytes(runtime_, ns);
  for (const auto& image : runtime_.list_images(ns)) {
    if (used.contains(image.name)) continue;
    if (which == Prune::by_digest_only && !has_digest_only(image.name)) continue;
    runtime_.delete_image(ns, image.name);
    pruned.names.push_back(image.name);
  }
  std::ranges::sort(pruned.names);
  pruned.freed_bytes = std::max<std::int64_t>(before - content_bytes(runtime_, ns), 0);
  log::info("images pruned", {{"realm", trim(realm)},
                              {"images", pruned.names.size()},
                              {"freed_bytes", pruned.freed_bytes}});
  return pruned;
}

}  // namespace kukeon::engine
