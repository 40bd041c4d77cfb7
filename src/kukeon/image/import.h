// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kukeon/base/files.h"
#include "kukeon/base/guarded.h"
#include "kukeon/base/keyed_mutex.h"
#include "kukeon/image/archive.h"
#include "kukeon/oci/image_spec.h"
#include "kukeon/oci/user.h"
#include "kukeon/runtime/runtime.h"

namespace kukeon::image {

// Start of the keys of the snapshots in which account_files() looks.
inline constexpr std::string_view view_prefix = "kukeon-view-";

// What `kuke image get` shows.
struct ImageInfo {
  std::string name;
  std::int64_t size_bytes = -1;  // manifest, config and layers of our platform; -1: not known
  Timestamp created_at;
  std::string digest;
  std::string media_type;
  runtime::Labels labels;
};

// An image whose layers are snapshots.
struct UnpackedImage {
  std::string name;
  std::string digest;  // of the image record's target
  std::string
      chain_id;  // the snapshot to prepare a container on; empty for an image without layers
  oci::ContainerConfig config;
};

struct LoadOptions {
  // Name of the one image in the archive, instead of the name the archive gives it.
  std::string name;
};

// An image as an OCI layout on disk, its blobs in a directory that layouts may share.
struct LayoutDirectory {
  fs::path index;  // the file index.json
  fs::path blobs;  // blobs/sha256/<hex>, as files `sha256/<hex>` below this
  // Blobs that the content store had when the layout was made: their files may be without content.
  std::set<std::string> stand_ins;
};

// How a container of an imported root file system starts.
struct RootfsConfig {
  reflect::StringList command;  // empty: /bin/sh
  reflect::StringList env;      // empty: the default PATH
  std::string working_dir;
  std::string user;
};

// Images of the runtime's namespaces: brings them in from archives and root file systems, unpacks
// them, lists and removes them. Everything made on the way belongs to a lease, so a failure leaves
// nothing. References are normalised (runtime.md 2.1). Safe from any thread.
class ImageStore {
 public:
  // `scratch` is where large members wait while they are hashed; it must exist.
  ImageStore(runtime::Runtime& runtime, fs::path scratch, Limits limits = {},
             oci::Platform platform = oci::Platform::host());

  // Loads every image of an archive (`docker save` or OCI layout in a tar, plain or compressed) and
  // unpacks it. Answers the image names. Throws load_image; of a broken archive nothing stays.
  std::vector<std::string> load_archive(const std::string& ns, const Source& source,
                                        const LoadOptions& options = {});
  std::vector<std::string> load_archive(const std::string& ns, const fs::path& path,
                                        const LoadOptions& options = {});

  // Loads what a layout's index.json names, under the one name that `options` gives or under those
  // of its annotations; of an index only what is there. Throws load_image, and not_found where the
  // content store no longer has the blob of a stand-in.
  std::vector<std::string> load_layout(const std::string& ns, const LayoutDirectory& layout,
                                       const LoadOptions& options = {});

  // Makes an image of one layer out of a directory or a tar (plain or compressed). Answers its
  // name.
  std::string import_rootfs(const std::string& ns, const std::string& reference,
                            const fs::path& path, const RootfsConfig& config = {});

  // Sees to it that every layer is a snapshot; what is there already is left as it is. Throws
  // image_not_found.
  UnpackedImage unpack(const std::string& ns, const std::string& reference);

  // /etc/passwd and /etc/group of an unpacked image, for oci::resolve_user(). A symbolic link in
  // the image leads no further than the image's root.
  oci::AccountFiles account_files(const std::string& ns, const UnpackedImage& image);

  std::vector<ImageInfo> list(const std::string& ns);
  std::optional<ImageInfo> find(const std::string& ns, const std::string& reference);
  ImageInfo get(const std::string& ns, const std::string& reference);  // throws image_not_found
  // Gives an image another name, taking that name from whatever has it. Answers the new name.
  // Throws image_not_found, invalid_image.
  std::string tag(const std::string& ns, const std::string& reference,
                  const std::string& new_reference);
  // Layers that no other image uses are freed when it returns. Throws image_not_found.
  void remove(const std::string& ns, const std::string& reference);

  // Removes what imports left that were killed half-way. For the start of a daemon: nothing may be
  // importing.
  void remove_leftovers(const std::string& ns);

 private:
  class Import;
  struct Resolved;

  Resolved resolve(const std::string& ns, const runtime::Descriptor& target);
  // An index, manifest or config, exactly as long as its descriptor says.
  std::string read_document(const std::string& ns, const oci::Descriptor& blob,
                            std::string_view what);
  void require_document_size(const oci::Descriptor& blob, std::string_view what) const;
  // The manifest for our platform, of those that are there.
  const oci::Descriptor& choose(const std::string& ns,
                                const std::vector<oci::Descriptor>& manifests);
  void unpack_layers(const std::string& ns, const Resolved& image, const std::string& lease);
  void unpack_layer(const std::string& ns, const oci::Descriptor& layer, const std::string& diff_id,
                    const std::string& parent, const std::string& chain, const std::string& lease);
  ImageInfo describe(const std::string& ns, const runtime::ImageRecord& record);

  runtime::Runtime& runtime_;
  fs::path scratch_;
  Limits limits_;
  oci::Platform platform_;
  KeyedMutex unpacking_;
  Guarded<std::map<std::string, oci::AccountFiles>> accounts_;  // by chain id, which never changes
};

}  // namespace kukeon::image
