// SPDX-License-Identifier: Apache-2.0
#include "kukeon/image/import.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <random>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "kukeon/base/error_kinds.h"
#include "kukeon/base/log.h"
#include "kukeon/base/rollback.h"
#include "kukeon/base/strings.h"
#include "kukeon/image/digest.h"
#include "kukeon/model/image_reference.h"
#include "kukeon/oci/build.h"

namespace kukeon::image {
namespace {

constexpr std::size_t chunk_size = std::size_t{1} << 18;
constexpr std::size_t most_layers = 512;
constexpr std::size_t most_manifests = 4096;  // of one index, and names of one archive
constexpr std::int64_t largest_blob = std::int64_t{1} << 50;  // 512 of them still fit 64 bits
constexpr int deepest_index = 4;
constexpr int most_link_steps = 8;

// Labels by which containerd's garbage collector goes from a blob to what it needs.
constexpr std::string_view child_label = "containerd.io/gc.ref.content.";
constexpr std::string_view snapshot_label = "containerd.io/gc.ref.snapshot.";

Error broken(std::string message) { return Error{kinds::load_image, std::move(message)}; }
Error too_deep() {
  return broken(fmt::format("its indexes are nested more than {} deep", deepest_index));
}

// Names by which remove_leftovers() knows what is ours.
constexpr std::string_view lease_prefix = "kukeon-import-";
constexpr std::string_view unpack_prefix = "kukeon-unpack-";

std::string random_hex() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

// Holds what is made under its id; the end of the scope gives it to the garbage collector.
class Lease {
 public:
  Lease(runtime::Runtime& runtime, std::string ns)
      : runtime_{runtime}, ns_{std::move(ns)}, id_{std::string{lease_prefix} + random_hex()} {
    runtime_.create_lease(ns_, id_);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    try {
      runtime_.delete_lease(ns_, id_);
    } catch (const Error& error) {
      log::warn("lease not removed", {{"namespace", ns_}, {"lease", id_}, {"error", error.what()}});
    }
  }

  const std::string& id() const { return id_; }

 private:
  runtime::Runtime& runtime_;
  std::string ns_;
  std::string id_;
};

// What a document says in terms of the image, not of its syntax.
template <class Parse>
auto parse_document(std::string_view what, Parse&& parse) {
  try {
    return parse();
  } catch (const Error& error) {
    if (!error.is(kinds::decode_failed)) throw;
    throw broken(fmt::format("{}: {}", what, error.what()));
  }
}

std::string image_name(std::string_view reference, const ErrorKind& kind = kinds::load_image) {
  const auto parsed = model::parse_image_reference(reference);
  if (!parsed) throw Error{kind, fmt::format("invalid image reference {}", quote(reference))};
  return parsed->to_string();
}

runtime::Descriptor to_runtime(const oci::Descriptor& blob) {
  return {.media_type = blob.media_type, .digest = blob.digest, .size_bytes = blob.size};
}

void check_descriptor(const oci::Descriptor& blob, std::string_view what) {
  if (!is_sha256_digest(blob.digest)) {
    throw broken(
        fmt::format("{} has the digest {}, want sha256 and 64 digits", what, quote(blob.digest)));
  }
  if (blob.size < 0 || blob.size > largest_blob) {
    throw broken(fmt::format("{} {} has the impossible size {}", what, blob.digest, blob.size));
  }
}

void check_count(std::size_t count, std::size_t most, std::string_view what) {
  if (count > most) throw broken(fmt::format("it has {} {}, more than {}", count, what, most));
}

// A layer that its publisher keeps to himself ("foreign" to Docker): archives and registries may
// name it without having it.
bool is_kept_back(std::string_view media_type) {
  return media_type.find(".nondistributable.") != std::string_view::npos ||
         media_type.find(".foreign.") != std::string_view::npos;
}

Error missing_layer(const oci::Descriptor& layer) {
  return broken(fmt::format(
      "layer {} is missing{}", layer.digest,
      is_kept_back(layer.media_type)
          ? fmt::format("; its type {} says that it may not be passed on, so it has to come from "
                        "its publisher",
                        layer.media_type)
          : ""));
}

runtime::ImageRecord record_of(runtime::Runtime& runtime, const std::string& ns,
                               std::string_view reference) {
  const auto name = model::normalize_image_reference(reference);
  if (auto record = runtime.find_image(ns, name)) return std::move(*record);
  throw Error{kinds::image_not_found, fmt::format("image {} is not in {}", name, ns)};
}

bool is_gzip(std::string_view head) { return head.starts_with("\x1f\x8b"); }
bool is_zstd(std::string_view head) { return head.starts_with("\x28\xb5\x2f\xfd"); }
// By the checksum of the first header, which all tars have had since there are tars; one without a
// file begins with the zeros that end it.
bool is_tar(std::string_view head) {
  constexpr std::size_t block = 512;
  constexpr std::size_t checksum_at = 148;
  constexpr std::size_t checksum_size = 8;
  if (head.size() < block) return false;
  head = head.substr(0, block);
  if (head.find_first_not_of('\0') == std::string_view::npos) return true;
  unsigned wanted = 0;
  const auto field = trim(head.substr(checksum_at, checksum_size));
  const auto end = std::from_chars(field.data(), field.data() + field.size(), wanted, 8).ptr;
  if (end == field.data()) return false;
  unsigned sum = checksum_size * ' ';
  for (std::size_t i = 0; i < block; ++i) {
    if (i < checksum_at || i >= checksum_at + checksum_size) {
      sum += static_cast<unsigned char>(head[i]);
    }
  }
  return sum == wanted;
}
bool is_layer(std::string_view head) { return is_gzip(head) || is_zstd(head) || is_tar(head); }

std::string_view layer_media_type(std::string_view head) {
  if (is_gzip(head)) return oci::media::layer_gzip;
  if (is_zstd(head)) return oci::media::layer_zstd;
  return oci::media::layer;
}

}  // namespace

// An image record followed down to one platform's manifest and config.
struct ImageStore::Resolved {
  // The indexes on the way: blob, and the label that leads on from it.
  std::vector<std::pair<std::string, runtime::Labels>> indexes;
  oci::Descriptor manifest_blob;
  oci::Manifest manifest;
  oci::ImageConfig config;

  std::vector<std::string> diff_ids() const {
    return {config.rootfs.diff_ids.begin(), config.rootfs.diff_ids.end()};
  }
};

// One archive on its way in.
class ImageStore::Import {
 public:
  Import(ImageStore& store, std::string ns)
      : store_{store},
        ns_{std::move(ns)},
        lease_{store.runtime_, ns_},
        archive_budget_{store.limits_.total_bytes},
        layer_budget_{store.limits_.total_bytes} {}

  std::vector<std::string> load(const Source& source, const LoadOptions& options) {
    read_members(source);
    std::vector<Named> images;
    if (documents_.contains("index.json")) images = images_of_layout(options);
    if (images.empty() && documents_.contains("manifest.json")) {
      images = images_of_docker_archive(options);
    }
    if (images.empty()) {
      throw broken(documents_.empty()
                       ? "it has neither index.json nor manifest.json, so it is no image archive; "
                         "a root file system comes in with `kuke image import`"
                       : "it names no image; load it under a name of your own");
    }
    return publish(images);
  }

  std::vector<std::string> load(const LayoutDirectory& layout, const LoadOptions& options) {
    documents_["index.json"] = read_file(layout.index, store_.limits_.document_bytes);
    const auto index =
        parse_document("index.json", [&] { return oci::parse_index(documents_.at("index.json")); });
    for (const auto& blob : index.manifests) store_tree(layout, blob, 0);
    const auto images = images_of_layout(options);
    if (images.empty()) throw broken("it names no image");
    return publish(images);
  }

  std::string import_rootfs(const std::string& name, const fs::path& path,
                            const RootfsConfig& wanted) {
    Spool layer{store_.scratch_};
    if (fs::is_directory(path)) {
      write_directory_tar(path, layer, layer_budget_, store_.limits_.layer_entries);
    } else {
      const Fd file = open_archive(path);
      decompress(source_of(file.get()), archive_budget_, layer);
    }
    Budget unpacked{store_.limits_.total_bytes};
    if (check_layer(layer.source(), unpacked, store_.limits_.layer_entries) == 0) {
      throw broken("it holds no files");
    }

    oci::ImageConfig config;
    config.architecture = store_.platform_.architecture;
    config.os = store_.platform_.os;
    config.variant = store_.platform_.variant;
    config.config.env =
        wanted.env.empty() ? reflect::StringList{std::string{oci::default_path_env}} : wanted.env;
    config.config.cmd = wanted.command.empty() ? reflect::StringList{"/bin/sh"} : wanted.command;
    config.config.working_dir = wanted.working_dir;
    config.config.user = wanted.user;
    config.rootfs.diff_ids = {layer.digest()};

    oci::Manifest manifest;
    manifest.media_type = oci::media::manifest;
    manifest.config = put_document(oci::media::config, oci::to_json(config));
    manifest.layers.push_back(put_spool(oci::media::layer, layer));
    publish({{name, put_document(oci::media::manifest, oci::to_json(manifest))}});
    return name;
  }

 private:
  struct Named {
    std::string name;
    oci::Descriptor target;
  };

  // A member that went into the content store.
  struct Stored {
    std::string digest;
    std::int64_t size = 0;
    std::string media_type;  // as a layer
  };

  void read_members(const Source& source) {
    ArchiveReader reader{source, archive_budget_, store_.limits_.archive_entries};
    std::set<std::string, std::less<>> seen;
    while (const auto entry = reader.next()) {
      if (entry->kind == EntryKind::directory) continue;
      if (!seen.insert(entry->path).second) {
        throw broken(fmt::format("member {} is there twice", quote(entry->path)));
      }
      const bool is_blob = entry->path.starts_with("blobs/");
      if (entry->kind == EntryKind::symlink || entry->kind == EntryKind::hardlink) {
        if (is_blob) throw broken(fmt::format("blob {} is a link", quote(entry->path)));
        add_link(*entry);
      } else if (entry->kind != EntryKind::file) {
        throw broken(fmt::format("member {} is no regular file", quote(entry->path)));
      } else if (is_document(entry->path)) {
        documents_[entry->path] = read_document(reader, *entry);
      } else if (!is_ignored(entry->path)) {
        members_[entry->path] = store_member(reader, *entry);
      }
    }
  }

  static bool is_document(std::string_view path) {
    return path == "index.json" || path == "manifest.json";
  }
  // What old archives hold beside their images.
  static bool is_ignored(std::string_view path) {
    const auto base = path.substr(path.rfind('/') + 1);
    return base == "oci-layout" || base == "repositories" || base == "VERSION" || base == "json";
  }

  // Old `docker save` links a layer that an earlier image brought.
  void add_link(const Entry& entry) {
    if (entry.kind == EntryKind::hardlink) {
      links_[entry.path] = clean_member_name(entry.target);
      return;
    }
    if (entry.target.starts_with('/')) {
      throw broken(fmt::format("link {} leaves the archive", quote(entry.path)));
    }
    std::vector<std::string> parts = split(entry.path, '/');
    parts.pop_back();
    for (const auto& part : split(entry.target, '/')) {
      if (part.empty() || part == ".") continue;
      if (part != "..") {
        parts.push_back(part);
      } else if (parts.empty()) {
        throw broken(fmt::format("link {} leaves the archive", quote(entry.path)));
      } else {
        parts.pop_back();
      }
    }
    links_[entry.path] = join(parts, "/");
  }

  std::string read_document(ArchiveReader& reader, const Entry& entry) const {
    if (entry.size > store_.limits_.document_bytes) {
      throw broken(
          fmt::format("{} is larger than {} bytes", entry.path, store_.limits_.document_bytes));
    }
    std::string bytes(static_cast<std::size_t>(entry.size), '\0');
    std::size_t filled = 0;
    while (filled < bytes.size()) {
      const auto count = reader.read(bytes.data() + filled, bytes.size() - filled);
      if (count == 0) break;
      filled += count;
    }
    bytes.resize(filled);
    return bytes;
  }

  Stored store_member(ArchiveReader& reader, const Entry& entry) {
    Spool spool{store_.scratch_};
    std::vector<char> chunk(chunk_size);
    while (const auto count = reader.read(chunk.data(), chunk.size())) {
      spool.write({chunk.data(), count});
    }
    spool.finish();

    constexpr std::string_view blobs = "blobs/sha256/";
    if (entry.path.starts_with(blobs)) {
      const auto named = "sha256:" + entry.path.substr(blobs.size());
      if (named != spool.digest()) {
        throw broken(fmt::format("blob {} is damaged: its content has the digest {}", named,
                                 spool.digest()));
      }
    }
    const auto head = spool.head(512);
    if (is_layer(head)) {
      during(fmt::format("layer {}", entry.path),
             [&] { check_layer(spool.source(), layer_budget_, store_.limits_.layer_entries); });
    } else {
      unchecked_.insert(spool.digest());
    }
    const auto blob = put_spool(layer_media_type(head), spool);
    return {blob.digest, blob.size, blob.media_type};
  }

  // Brings a manifest or index with all that hangs on it into the content store. Of an index's
  // manifests those without a file are for other platforms.
  void store_tree(const LayoutDirectory& layout, const oci::Descriptor& top, int depth) {
    if (depth > deepest_index) throw too_deep();
    check_descriptor(top, "an image in index.json");
    // Indexes that name one another's entries again and again are walked once.
    if (!walked_.insert(top.digest).second) return;
    store_file(layout, top, Content::document);
    const std::string text = store_.read_document(ns_, top, "document");
    if (oci::media::is_index(top.media_type)) {
      const auto index =
          parse_document("index " + top.digest, [&] { return oci::parse_index(text); });
      check_count(index.manifests.size(), most_manifests, "manifests in one index");
      for (const auto& next : index.manifests) {
        check_descriptor(next, "a manifest of the index");
        if (fs::exists(path_of(layout, next.digest))) store_tree(layout, next, depth + 1);
      }
      return;
    }
    const auto manifest =
        parse_document("manifest " + top.digest, [&] { return oci::parse_manifest(text); });
    check_count(manifest.layers.size(), most_layers, "layers");
    store_file(layout, manifest.config, Content::document);
    for (const auto& layer : manifest.layers) store_file(layout, layer, Content::layer);
  }

  enum class Content { document, layer };

  static fs::path path_of(const LayoutDirectory& layout, const std::string& digest) {
    return layout.blobs / "sha256" / digest.substr(digest.find(':') + 1);
  }

  void store_file(const LayoutDirectory& layout, const oci::Descriptor& blob, Content content) {
    check_descriptor(blob, content == Content::layer ? "a layer" : "a document");
    if (content == Content::document) store_.require_document_size(blob, "document");
    auto& runtime = store_.runtime_;
    const auto vanished = [digest = blob.digest](char*, std::size_t) -> std::size_t {
      throw Error{kinds::not_found,
                  fmt::format("blob {} was removed while it was about to be used", digest)};
    };
    // What is there is only put under our lease.
    if (runtime.has_blob(ns_, blob.digest) || layout.stand_ins.contains(blob.digest)) {
      runtime.write_blob(ns_, to_runtime(blob), vanished, {}, lease_.id());
      return;
    }
    const fs::path path = path_of(layout, blob.digest);
    const auto kind = fs::symlink_status(path).type();
    if (kind == fs::file_type::not_found) {
      if (content == Content::layer) throw missing_layer(blob);
      throw broken(fmt::format("document {} is missing", blob.digest));
    }
    if (kind != fs::file_type::regular) {
      throw broken(fmt::format("blob {} is no regular file", blob.digest));
    }
    const Fd file = open_file(path.string(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    struct stat info {};
    if (::fstat(file.get(), &info) < 0) throw Error::from_errno("stat a blob");
    if (!S_ISREG(info.st_mode) || info.st_size != blob.size) {
      throw broken(fmt::format("blob {} has {} bytes, its descriptor says {}", blob.digest,
                               info.st_size, blob.size));
    }
    if (content == Content::layer) {
      during(fmt::format("layer {}", blob.digest), [&] {
        check_layer(source_of(file.get()), layer_budget_, store_.limits_.layer_entries);
      });
      if (::lseek(file.get(), 0, SEEK_SET) < 0) throw Error::from_errno("rewind a blob");
    }
    try {
      runtime.write_blob(ns_, to_runtime(blob), source_of(file.get()), {}, lease_.id());
    } catch (const Error& error) {
      if (!error.is(kinds::invalid_argument)) throw;
      throw broken(fmt::format("blob {} is damaged: {}", blob.digest, error.what()));
    }
  }

  oci::Descriptor put_spool(std::string_view media_type, const Spool& spool) {
    oci::Descriptor blob;
    blob.media_type = media_type;
    blob.digest = spool.digest();
    blob.size = static_cast<std::int64_t>(spool.size());
    store_.runtime_.write_blob(ns_, to_runtime(blob), spool.source(), {}, lease_.id());
    sizes_[blob.digest] = blob.size;
    return blob;
  }

  oci::Descriptor put_document(std::string_view media_type, const std::string& json) {
    oci::Descriptor blob;
    blob.media_type = media_type;
    blob.digest = sha256_digest(json);
    blob.size = static_cast<std::int64_t>(json.size());
    store_.runtime_.write_blob(ns_, to_runtime(blob), source_of(json), {}, lease_.id());
    return blob;
  }

  // Nothing when the layout names no image and `options` gives no name either.
  std::vector<Named> images_of_layout(const LoadOptions& options) {
    const auto index =
        parse_document("index.json", [&] { return oci::parse_index(documents_.at("index.json")); });
    check_count(index.manifests.size(), most_manifests, "manifests in index.json");
    std::map<std::string, std::vector<oci::Descriptor>> by_name;
    for (const auto& blob : index.manifests) {
      check_descriptor(blob, "an image in index.json");
      const auto name = options.name.empty() ? name_of(blob) : options.name;
      if (!name.empty()) by_name[image_name(name)].push_back(blob);
    }
    std::vector<Named> images;
    for (const auto& [name, blobs] : by_name) {
      const auto& target =
          blobs.size() == 1
              ? blobs.front()
              : during(fmt::format("image {}", name),
                       [&]() -> const oci::Descriptor& { return store_.choose(ns_, blobs); });
      images.push_back({name, target});
    }
    return images;
  }

  static std::string name_of(const oci::Descriptor& blob) {
    for (const auto key : {oci::containerd_name_annotation, oci::ref_name_annotation}) {
      const auto found = blob.annotations.find(key);
      if (found != blob.annotations.end() && !found->second.empty()) return found->second;
    }
    return {};
  }

  std::vector<Named> images_of_docker_archive(const LoadOptions& options) {
    const auto entries = parse_document("manifest.json", [&] {
      return oci::parse_docker_archive_manifest(documents_.at("manifest.json"));
    });
    if (!options.name.empty() && entries.size() > 1) {
      throw broken(
          fmt::format("it holds {} images, and a name can be given to one only", entries.size()));
    }
    check_count(entries.size(), most_manifests, "images");
    std::vector<Named> images;
    for (const auto& entry : entries) {
      check_count(entry.layers.size(), most_layers, "layers");
      check_count(images.size() + entry.repo_tags.size(), most_manifests, "names");
      oci::Manifest manifest;
      manifest.media_type = oci::media::manifest;
      manifest.config = find_member(entry.config, "config");
      manifest.config.media_type = oci::media::config;
      for (const auto& layer : entry.layers) {
        manifest.layers.push_back(find_member(layer, "layer"));
      }
      const auto target = put_document(oci::media::manifest, oci::to_json(manifest));
      if (!options.name.empty()) {
        images.push_back({image_name(options.name), target});
      } else {
        for (const auto& tag : entry.repo_tags) images.push_back({image_name(tag), target});
      }
    }
    return images;
  }

  oci::Descriptor find_member(const std::string& path, std::string_view what) const {
    std::string at = clean_member_name(path);
    for (int steps = 0; steps < most_link_steps; ++steps) {
      const auto link = links_.find(at);
      if (link == links_.end()) break;
      at = link->second;
    }
    const auto found = members_.find(at);
    if (found == members_.end()) {
      throw broken(fmt::format("{} {} is missing from the archive", what, quote(path)));
    }
    oci::Descriptor blob;
    blob.media_type = found->second.media_type;
    blob.digest = found->second.digest;
    blob.size = found->second.size;
    return blob;
  }

  // Unpacks all, and only then names them: an archive with one bad image brings none.
  std::vector<std::string> publish(const std::vector<Named>& images) {
    for (const auto& [name, target] : images) {
      during(fmt::format("image {}", name), [&] {
        const auto image = store_.resolve(ns_, to_runtime(target));
        require_checked(image);
        label_children(image);
        store_.unpack_layers(ns_, image, lease_.id());
      });
    }
    name_all(images);
    std::vector<std::string> names;
    for (const auto& [name, target] : images) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
    return names;
  }

  // New names first: undone newest first, old records are back before a removal collects garbage.
  void name_all(const std::vector<Named>& images) {
    auto& runtime = store_.runtime_;
    Rollback undo;
    for (const bool replacing : {false, true}) {
      for (const auto& [name, target] : images) {
        const auto before = runtime.find_image(ns_, name);
        if (before.has_value() != replacing || (before && before->target == to_runtime(target))) {
          continue;
        }
        runtime.put_image(ns_, {.name = name,
                                .target = to_runtime(target),
                                .labels = {},
                                .created_at = Timestamp::now()});
        undo.add([&runtime, ns = ns_, name = name, before] {
          if (before) {
            runtime.put_image(ns, *before);
          } else {
            runtime.delete_image(ns, name);
          }
        });
      }
    }
    undo.commit();
  }

  // What has come as something else, or under another size, must not be taken for a layer.
  void require_checked(const Resolved& image) const {
    for (const auto& layer : image.manifest.layers) {
      if (unchecked_.contains(layer.digest)) {
        throw broken(
            fmt::format("layer {} is no tar, plain or compressed with gzip or zstd", layer.digest));
      }
      const auto size = sizes_.find(layer.digest);
      if (size != sizes_.end() && size->second != layer.size) {
        throw broken(fmt::format("layer {} has {} bytes, its descriptor says {}", layer.digest,
                                 size->second, layer.size));
      }
    }
  }

  void label_children(const Resolved& image) {
    for (const auto& [digest, labels] : image.indexes) {
      store_.runtime_.set_blob_labels(ns_, digest, labels);
    }
    runtime::Labels labels{{fmt::format("{}config", child_label), image.manifest.config.digest}};
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
      labels[fmt::format("{}l.{}", child_label, i)] = image.manifest.layers[i].digest;
    }
    store_.runtime_.set_blob_labels(ns_, image.manifest_blob.digest, labels);
  }

  ImageStore& store_;
  std::string ns_;
  Lease lease_;
  Budget archive_budget_;
  Budget layer_budget_;
  std::map<std::string, std::string, std::less<>> documents_;
  std::map<std::string, Stored, std::less<>> members_;
  std::map<std::string, std::string, std::less<>> links_;
  std::set<std::string> unchecked_;            // digests of members that look like no layer
  std::map<std::string, std::int64_t> sizes_;  // of what came, by digest
  std::set<std::string> walked_;               // indexes and manifests of a layout, by digest
};

ImageStore::ImageStore(runtime::Runtime& runtime, fs::path scratch, Limits limits,
                       oci::Platform platform)
    : runtime_{runtime},
      scratch_{std::move(scratch)},
      limits_{limits},
      platform_{std::move(platform)} {}

std::vector<std::string> ImageStore::load_archive(const std::string& ns, const Source& source,
                                                  const LoadOptions& options) {
  return during("failed to import image tarball", [&] {
    return Import{*this, ns}.load(source, options);
  });
}

std::vector<std::string> ImageStore::load_archive(const std::string& ns, const fs::path& path,
                                                  const LoadOptions& options) {
  const Fd file = during("failed to import image tarball", [&] { return open_archive(path); });
  return load_archive(ns, source_of(file.get()), options);
}

std::vector<std::string> ImageStore::load_layout(const std::string& ns,
                                                 const LayoutDirectory& layout,
                                                 const LoadOptions& options) {
  return Import{*this, ns}.load(layout, options);
}

std::string ImageStore::import_rootfs(const std::string& ns, const std::string& reference,
                                      const fs::path& path, const RootfsConfig& config) {
  const auto name = image_name(reference, kinds::invalid_image);
  return during(fmt::format("import {} as {}", path.string(), name), [&] {
    return Import{*this, ns}.import_rootfs(name, path, config);
  });
}

UnpackedImage ImageStore::unpack(const std::string& ns, const std::string& reference) {
  const auto record = record_of(runtime_, ns, reference);
  return during(fmt::format("unpack image {}", record.name), [&] {
    const auto image = resolve(ns, record.target);
    UnpackedImage unpacked{.name = record.name,
                           .digest = record.target.digest,
                           .chain_id = chain_id(image.diff_ids()),
                           .config = image.config.config};
    if (!unpacked.chain_id.empty() && !runtime_.snapshot_exists(ns, unpacked.chain_id)) {
      const Lease lease{runtime_, ns};
      unpack_layers(ns, image, lease.id());
    }
    return unpacked;
  });
}

std::vector<ImageInfo> ImageStore::list(const std::string& ns) {
  std::vector<ImageInfo> images;
  for (const auto& record : runtime_.list_images(ns)) images.push_back(describe(ns, record));
  std::ranges::sort(images, {}, &ImageInfo::name);
  return images;
}

std::optional<ImageInfo> ImageStore::find(const std::string& ns, const std::string& reference) {
  const auto record = runtime_.find_image(ns, model::normalize_image_reference(reference));
  if (!record) return std::nullopt;
  return describe(ns, *record);
}

ImageInfo ImageStore::get(const std::string& ns, const std::string& reference) {
  return describe(ns, record_of(runtime_, ns, reference));
}

std::string ImageStore::tag(const std::string& ns, const std::string& reference,
                            const std::string& new_reference) {
  const std::string name = image_name(new_reference, kinds::invalid_image);
  const auto record = record_of(runtime_, ns, reference);
  runtime_.put_image(
      ns, {.name = name, .target = record.target, .labels = {}, .created_at = Timestamp::now()});
  return name;
}

void ImageStore::remove(const std::string& ns, const std::string& reference) {
  runtime_.delete_image(ns, get(ns, reference).name);
}

void ImageStore::remove_leftovers(const std::string& ns) {
  for (const auto& key : runtime_.list_snapshots(ns)) {
    if (key.starts_with(unpack_prefix) || key.starts_with(view_prefix)) {
      runtime_.remove_snapshot(ns, key);
    }
  }
  for (const auto& lease : runtime_.list_leases(ns)) {
    if (lease.starts_with(lease_prefix)) runtime_.delete_lease(ns, lease);
  }
}

ImageInfo ImageStore::describe(const std::string& ns, const runtime::ImageRecord& record) {
  ImageInfo info{.name = record.name,
                 .size_bytes = -1,
                 .created_at = record.created_at,
                 .digest = record.target.digest,
                 .media_type = record.target.media_type,
                 .labels = record.labels};
  try {
    const auto image = resolve(ns, record.target);
    info.size_bytes = image.manifest_blob.size + image.manifest.config.size;
    for (const auto& layer : image.manifest.layers) info.size_bytes += layer.size;
  } catch (const Error& error) {
    log::debug("size of image not known", {{"image", record.name}, {"error", error.what()}});
  }
  return info;
}

const oci::Descriptor& ImageStore::choose(const std::string& ns,
                                          const std::vector<oci::Descriptor>& manifests) {
  const oci::Descriptor* best = nullptr;
  std::vector<std::string> offered;
  for (const auto& blob : manifests) {
    if (blob.platform) offered.push_back(blob.platform->to_string());
    const bool fits = !blob.platform || (blob.platform->os == platform_.os &&
                                         blob.platform->architecture == platform_.architecture);
    if (!fits || !runtime_.has_blob(ns, blob.digest)) continue;
    const bool exact = blob.platform && blob.platform->variant == platform_.variant;
    if (best == nullptr || exact) best = &blob;
    if (exact) break;
  }
  if (best != nullptr) return *best;
  throw broken(fmt::format("it has nothing for {}; it has {}", platform_.to_string(),
                           offered.empty() ? "no platform at all" : join(offered, ", ")));
}

void ImageStore::require_document_size(const oci::Descriptor& blob, std::string_view what) const {
  if (static_cast<std::uint64_t>(blob.size) <= limits_.document_bytes) return;
  throw broken(fmt::format("{} {} has {} bytes, more than {}", what, blob.digest, blob.size,
                           limits_.document_bytes));
}

std::string ImageStore::read_document(const std::string& ns, const oci::Descriptor& blob,
                                      std::string_view what) {
  check_descriptor(blob, what);
  require_document_size(blob, what);
  const auto size = static_cast<std::size_t>(blob.size);
  std::string text;
  try {
    text = runtime_.read_blob(ns, blob.digest, size);
  } catch (const Error& error) {
    if (error.is(kinds::not_found)) {
      throw broken(fmt::format("{} {} is missing", what, blob.digest));
    }
    if (!error.is(kinds::invalid_argument)) throw;
    throw broken(fmt::format("{} {} is larger than the {} bytes its descriptor says", what,
                             blob.digest, size));
  }
  if (text.size() != size) {
    throw broken(fmt::format("{} {} has {} bytes, its descriptor says {}", what, blob.digest,
                             text.size(), size));
  }
  return text;
}

ImageStore::Resolved ImageStore::resolve(const std::string& ns, const runtime::Descriptor& target) {
  Resolved image;
  oci::Descriptor at;
  at.media_type = target.media_type;
  at.digest = target.digest;
  at.size = target.size_bytes;
  while (oci::media::is_index(at.media_type)) {
    if (image.indexes.size() == deepest_index) throw too_deep();
    const auto text = read_document(ns, at, "index");
    const auto index = parse_document("index " + at.digest, [&] { return oci::parse_index(text); });
    check_count(index.manifests.size(), most_manifests, "manifests in one index");
    for (const auto& blob : index.manifests) check_descriptor(blob, "a manifest of the index");
    const auto& next = choose(ns, index.manifests);
    const auto position = &next - index.manifests.data();
    image.indexes.emplace_back(
        at.digest, runtime::Labels{{fmt::format("{}m.{}", child_label, position), next.digest}});
    at = oci::Descriptor{next};
  }
  if (!oci::media::is_manifest(at.media_type)) {
    throw broken(fmt::format("{} has the media type {}, which is no image", at.digest,
                             quote(at.media_type)));
  }

  image.manifest_blob = at;
  const auto text = read_document(ns, at, "manifest");
  image.manifest =
      parse_document("manifest " + at.digest, [&] { return oci::parse_manifest(text); });
  const auto config_text = read_document(ns, image.manifest.config, "config");
  image.config = parse_document("config " + image.manifest.config.digest,
                                [&] { return oci::parse_image_config(config_text); });
  const auto& layers = image.manifest.layers;
  check_count(layers.size(), most_layers, "layers");
  if (layers.size() != image.config.rootfs.diff_ids.size()) {
    throw broken(fmt::format("its manifest has {} layers and its config {}", layers.size(),
                             image.config.rootfs.diff_ids.size()));
  }
  for (const auto& layer : layers) check_descriptor(layer, "a layer");
  for (const auto& diff_id : image.config.rootfs.diff_ids) {
    if (!is_sha256_digest(diff_id)) {
      throw broken(fmt::format("its config has the diff id {}", quote(diff_id)));
    }
  }
  if (!image.config.os.empty() && image.config.os != platform_.os) {
    throw broken(fmt::format("it is for {}, this host is {}", image.config.os, platform_.os));
  }
  if (!image.config.architecture.empty() && image.config.architecture != platform_.architecture) {
    throw broken(fmt::format("it is for {}/{}, this host is {}", image.config.os,
                             image.config.architecture, platform_.to_string()));
  }
  return image;
}

void ImageStore::unpack_layers(const std::string& ns, const Resolved& image,
                               const std::string& lease) {
  const auto diff_ids = image.diff_ids();
  if (diff_ids.empty()) return;
  const auto top = chain_id(diff_ids);
  const auto lock = unpacking_.lock(ns + "/" + top);

  constexpr int attempts = 3;
  for (int attempt = 1;; ++attempt) {
    try {
      std::string parent;
      for (std::size_t i = 0; i < diff_ids.size(); ++i) {
        const auto chain =
            chain_id({diff_ids.begin(), diff_ids.begin() + static_cast<long>(i) + 1});
        if (!runtime_.snapshot_exists(ns, chain)) {
          unpack_layer(ns, image.manifest.layers[i], diff_ids[i], parent, chain, lease);
        }
        parent = chain;
      }
      break;
    } catch (const Error& error) {
      // A layer we found in place belonged to an image that was removed meanwhile.
      if (!error.is(kinds::not_found) || attempt == attempts) throw;
    }
  }
  runtime_.set_blob_labels(ns, image.manifest.config.digest,
                           {{fmt::format("{}{}", snapshot_label, runtime_.snapshotter()), top}});
}

void ImageStore::unpack_layer(const std::string& ns, const oci::Descriptor& layer,
                              const std::string& diff_id, const std::string& parent,
                              const std::string& chain, const std::string& lease) {
  if (!runtime_.has_blob(ns, layer.digest)) throw missing_layer(layer);
  const auto key = fmt::format("{}{} {}", unpack_prefix, random_hex(), chain);
  const auto mounts = runtime_.prepare_snapshot(ns, key, parent, {}, lease);
  Rollback undo;
  undo.add([&runtime = runtime_, ns, key] { runtime.remove_snapshot(ns, key); });
  const auto unpacked = runtime_.apply_layer(ns, to_runtime(layer), mounts, lease);
  if (unpacked != diff_id) {
    throw broken(
        fmt::format("layer {} unpacks to {}, its config says {}", layer.digest, unpacked, diff_id));
  }
  try {
    runtime_.commit_snapshot(ns, chain, key, {}, lease);
    undo.commit();
  } catch (const Error& error) {
    if (!error.is(kinds::already_exists)) throw;  // someone else was faster: ours is undone
  }
}

}  // namespace kukeon::image
